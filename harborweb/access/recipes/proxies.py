"""The proxies there is a recipe for, and what each kind of line is for."""

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from harborweb.access.recipes import apache, caddy, haproxy, nginx, traefik
from harborweb.access.recipes.front import Front
from harborweb.access.recipes.shape import Recipe, Tag
from harborweb.configuration.fields import Words
from harborweb.errors import Problem

PROXIES: dict[str, Callable[[Front], Recipe]] = {
    "nginx": nginx.nginx,
    "caddy": caddy.caddy,
    "traefik": traefik.by_files,
    "traefik-docker": traefik.by_labels,
    "haproxy": haproxy.haproxy,
    "apache": apache.apache,
    "proxy-manager": nginx.proxy_manager,
}
TITLES: dict[str, Words] = {
    "nginx": "nginx",
    "caddy": "Caddy",
    "traefik": gettext_lazy("Traefik, files"),
    "traefik-docker": gettext_lazy("Traefik, labels"),
    "haproxy": "HAProxy",
    "apache": "Apache",
    "proxy-manager": "Nginx Proxy Manager",
}

# fmt: off
WHY: dict[str, tuple[Words, Words]] = {
    Tag.LISTEN: (
        gettext_lazy("Listens"),
        gettext_lazy("Where the proxy waits for people. Nothing else on that machine may have these ports."),
    ),
    Tag.NAME: (
        gettext_lazy("Name"),
        gettext_lazy("Requests for this name go to Harbor; other names on the same proxy stay where they are."),
    ),
    Tag.REDIRECT: (
        gettext_lazy("http to https"),
        gettext_lazy("Whoever comes by http is sent on. With 308 method and body are kept: a push stays a push."),
    ),
    Tag.CERTIFICATE: (
        gettext_lazy("Certificate"),
        gettext_lazy("docker speaks TLS with the proxy. The certificate has to cover the name, and docker has to know "
                     "the authority behind it."),
    ),
    Tag.CHAIN: (
        gettext_lazy("Chain"),
        gettext_lazy("The file has the certificate first, then those between it and the authority. Browsers find a "
                     "missing one elsewhere, docker does not."),
    ),
    Tag.BODY_SIZE: (
        gettext_lazy("Body size"),
        gettext_lazy("A layer may have gigabytes. A limit here ends a push with 413."),
    ),
    Tag.PATH: (
        gettext_lazy("Path"),
        gettext_lazy("Harbor answers at the root, and a slash inside a name comes encoded. Paths go on as they are: "
                     "nothing in front, nothing cut off, nothing decoded."),
    ),
    Tag.UPSTREAM: (
        gettext_lazy("Harbor’s address"),
        gettext_lazy("Where the proxy finds Harbor: its machine, and http.port or https.port of harbor.yml."),
    ),
    Tag.BACKEND_TLS: (
        gettext_lazy("TLS to Harbor"),
        gettext_lazy("Harbor’s certificate has to cover the name that people use. Without an authority’s file it is "
                     "not checked, which encrypts and does not prove."),
    ),
    Tag.HTTP_VERSION: (
        gettext_lazy("HTTP/1.1"),
        gettext_lazy("docker sends layers in pieces of unknown length. HTTP/1.0 has no such thing, and HTTP/2 gains "
                     "nothing here."),
    ),
    Tag.HOST: (
        gettext_lazy("Host"),
        gettext_lazy("Harbor builds the address of its token service and of every upload from the name that was asked "
                     "for, port included. With another name here docker is sent to a place it cannot reach."),
    ),
    Tag.CLIENT: (
        gettext_lazy("Who asks"),
        gettext_lazy("Without X-Real-IP and X-Forwarded-For every line of Harbor’s audit log has the proxy’s address."),
    ),
    Tag.PROTO: (
        gettext_lazy("Scheme"),
        gettext_lazy("Says that people came by https. Without it the Location of an upload begins with http://, and "
                     "docker says “unknown blob”."),
    ),
    Tag.BUFFERING: (
        gettext_lazy("Buffering off"),
        gettext_lazy("Otherwise the proxy keeps whole layers on its own disk first: pushes seem to hang, and end when "
                     "the disk is full."),
    ),
    Tag.TIMEOUTS: (
        gettext_lazy("Time"),
        gettext_lazy("After a large layer Harbor computes for minutes without a word. The usual 60 s cut that off."),
    ),
    Tag.HSTS: (
        gettext_lazy("HSTS"),
        gettext_lazy("Tells browsers to use https only, for a year, and they do not forget it. Turn it on once "
                     "everything works, and only when nothing else on this name needs http. docker ignores it."),
    ),
}
# fmt: on


def recipe(proxy: str, front: Front) -> Recipe:
    """The recipe of `proxy`, a key of PROXIES; raises Problem for another."""
    if proxy not in PROXIES:
        raise Problem(_("There is no recipe for this proxy."), _("Choose one of those on the page."))
    return PROXIES[proxy](front)
