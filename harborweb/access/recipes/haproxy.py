"""HAProxy: streams by itself, and wants certificate and key in one file."""

from pathlib import PurePosixPath

from django.utils.translation import gettext_lazy as _

from harborweb.access.recipes.front import Front
from harborweb.access.recipes.notes import looked_up_once
from harborweb.access.recipes.shape import Draft, Recipe, Step, Tag, indented, piece, to

FILE = "/etc/haproxy/haproxy.cfg"


def haproxy(front: Front) -> Recipe:
    """A frontend and a backend for haproxy.cfg."""
    both, names = together(front), f"{front.bracketed} {front.bracketed}:{front.https_port}"
    lines: list[str | Draft] = [
        f"# Harbor at {front.url}",
        "frontend harbor",
        *indented(
            [
                "mode http",
                *(to(f"bind {one}", Tag.LISTEN) for one in binds(front, front.http_port)),
                *(
                    to(f"bind {one} ssl crt {both} alpn http/1.1", Tag.LISTEN, Tag.CERTIFICATE, Tag.CHAIN)
                    for one in binds(front, front.https_port)
                ),
                to(f"http-request redirect prefix {front.url} code 308 unless {{ ssl_fc }}", Tag.REDIRECT),
                "",
                to("# HAProxy counts no body, so it takes one of any size.", Tag.BODY_SIZE),
                to("# Host goes on as it came; no http-request set-header Host here.", Tag.HOST),
                to("option forwardfor", Tag.CLIENT),
                to("http-request set-header X-Real-IP %[src]", Tag.CLIENT),
                to("http-request set-header X-Forwarded-Proto https if { ssl_fc }", Tag.PROTO),
                to("# http-response set-header Strict-Transport-Security max-age=31536000", Tag.HSTS),
                "",
                to("no option http-buffer-request", Tag.BUFFERING),
                to("timeout client 900s", Tag.TIMEOUTS),
                to(f"use_backend harbor if {{ req.hdr(host) -i {names} }}", Tag.NAME),
            ]
        ),
        "",
        "backend harbor",
        *indented(
            [
                "mode http",
                to("no option http-buffer-request", Tag.BUFFERING),
                to("timeout connect 10s", Tag.TIMEOUTS),
                to("timeout server 900s", Tag.TIMEOUTS),
                to("# HAProxy changes no path; no http-request set-path or replace-path here.", Tag.PATH),
                to("# HTTP/1.1 to Harbor: no proto h2 and no alpn h2 in the next line.", Tag.HTTP_VERSION),
                to(f"server harbor {front.upstream}{_backend_tls(front)}", *_server_tags(front)),
            ]
        ),
    ]
    return Recipe(
        "haproxy", "HAProxy", (piece(FILE, lines),),
        (
            Step(
                _("Put certificate, chain and key into one file: HAProxy takes them like that."),
                f"(umask 077; cat {front.certificate} {front.private_key} > {both})",
            ),
            Step(_("Write the text below what haproxy.cfg has. A frontend that listens on these ports already is in "
                   "the way: put the lines into that one.")),
            Step(_("Let HAProxy read it."), f"haproxy -c -f {FILE}"),
            Step(_("Take it up; connections that are open go on."), "systemctl reload haproxy"),
        ),
        check=f"haproxy -c -f {FILE}",
        notes=(
            _("When the certificate is renewed, that one file has to be made again."),
            *looked_up_once("HAProxy", front),
        ),
    )  # fmt: skip


def together(front: Front) -> str:
    """The file that holds certificate, chain and key."""
    return str(PurePosixPath(front.certificate).with_suffix(".haproxy.pem"))


def binds(front: Front, port: int) -> list[str]:
    """address:port of every socket, as HAProxy writes them."""
    if front.listen:
        return [f"{front.listen}:{port}"]
    return [f"0.0.0.0:{port}", f":::{port} v6only"] if front.ipv6 else [f"0.0.0.0:{port}"]


def _backend_tls(front: Front) -> str:
    if not front.to_https:
        return ""
    if not front.harbor_ca:
        return f" ssl verify none sni str({front.name})"
    return f" ssl verify required ca-file {front.harbor_ca} verifyhost {front.name} sni str({front.name})"


def _server_tags(front: Front) -> tuple[Tag, ...]:
    return (Tag.UPSTREAM, Tag.BACKEND_TLS) if front.to_https else (Tag.UPSTREAM,)
