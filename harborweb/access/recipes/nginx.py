"""nginx, and Nginx Proxy Manager, which writes an nginx of its own around what it is given."""

from django.utils.translation import gettext_lazy as _

from harborweb.access.recipes.front import Front
from harborweb.access.recipes.notes import looked_up_once
from harborweb.access.recipes.shape import Draft, Recipe, Step, Tag, indented, piece, to

FILE = "/etc/nginx/conf.d/harbor.conf"


def nginx(front: Front) -> Recipe:
    """Two servers in a file of their own: one sends people from http to https, one passes them on."""
    lines: list[str | Draft] = [
        f"# Harbor at {front.url}",
        "server {",
        *indented(to(f"listen {one};", Tag.LISTEN) for one in front.listens(front.http_port)),
        *indented([to(f"server_name {front.bracketed};", Tag.NAME)]),
        *indented([to(f"return 308 {front.url}$request_uri;", Tag.REDIRECT)]),
        "}",
        "",
        "server {",
        *indented(to(f"listen {one} ssl;", Tag.LISTEN) for one in front.listens(front.https_port)),
        *indented([to(f"server_name {front.bracketed};", Tag.NAME), ""]),
        *indented(
            [
                to(f"ssl_certificate {front.certificate};", Tag.CERTIFICATE, Tag.CHAIN),
                to(f"ssl_certificate_key {front.private_key};", Tag.CERTIFICATE),
                "ssl_protocols TLSv1.2 TLSv1.3;",
                "",
                to("# add_header Strict-Transport-Security max-age=31536000 always;", Tag.HSTS),
                "",
                *location(front),
            ]
        ),
        "}",
    ]
    return Recipe(
        "nginx", "nginx", (piece(FILE, lines),),
        (
            Step(_("Write the text into a file of its own, which nginx includes by itself.")),
            Step(_("Let nginx read it. It names the line where something is wrong."), "nginx -t"),
            Step(_("Take it up; connections that are open go on."), "systemctl reload nginx"),
        ),
        check="nginx -t",
        notes=(
            _("nginx takes 1 MB in one request unless it is told otherwise: most layers are larger, so the first push "
              "through an untouched nginx ends with 413."),
            *looked_up_once("nginx", front),
        ),
    )  # fmt: skip


def location(front: Front) -> list[str | Draft]:
    """The part of nginx that passes requests on."""
    return [
        to("location / {", Tag.PATH),
        *indented(
            [
                to("client_max_body_size 0;", Tag.BODY_SIZE),
                "",
                to(f"proxy_pass {front.upstream_url};", Tag.UPSTREAM, Tag.PATH),
                *_backend_tls(front),
                to("proxy_http_version 1.1;", Tag.HTTP_VERSION),
                "",
                to("proxy_set_header Host $http_host;", Tag.HOST),
                to("proxy_set_header X-Real-IP $remote_addr;", Tag.CLIENT),
                to("proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", Tag.CLIENT),
                to("proxy_set_header X-Forwarded-Proto $scheme;", Tag.PROTO),
                "",
                to("proxy_request_buffering off;", Tag.BUFFERING),
                to("proxy_buffering off;", Tag.BUFFERING),
                "",
                to("proxy_connect_timeout 10s;", Tag.TIMEOUTS),
                to("proxy_send_timeout 900s;", Tag.TIMEOUTS),
                to("proxy_read_timeout 900s;", Tag.TIMEOUTS),
                to("client_body_timeout 900s;", Tag.TIMEOUTS),
                to("send_timeout 900s;", Tag.TIMEOUTS),
            ]
        ),
        "}",
    ]


def _backend_tls(front: Front) -> list[str | Draft]:
    if not front.to_https:
        return []
    lines = ["proxy_ssl_server_name on;", f"proxy_ssl_name {front.name};"]
    if front.harbor_ca:
        lines += ["proxy_ssl_verify on;", "proxy_ssl_verify_depth 3;"]
        lines += [f"proxy_ssl_trusted_certificate {front.harbor_ca};"]
    return [to(line, Tag.BACKEND_TLS) for line in lines]


def proxy_manager(front: Front) -> Recipe:
    """What to fill into the pages of Nginx Proxy Manager, and the text for its Advanced page."""
    details: list[str | Draft] = [
        to(f"Domain Names: {front.name}", Tag.NAME),
        to(f"Scheme: {'https' if front.to_https else 'http'}", Tag.UPSTREAM),
        to(f"Forward Hostname / IP: {front.harbor}", Tag.UPSTREAM),
        to(f"Forward Port: {front.harbor_port}", Tag.UPSTREAM),
        "Cache Assets: off",
        "Block Common Exploits: off",
        "Websockets Support: off",
    ]
    tls: list[str | Draft] = [
        to("SSL Certificate: the one for this name, with its chain", Tag.CERTIFICATE, Tag.CHAIN),
        to("Force SSL: on", Tag.REDIRECT),
        to("HTTP/2 Support: off", Tag.HTTP_VERSION),
        to("HSTS Enabled: off", Tag.HSTS),
    ]
    return Recipe(
        "proxy-manager", "Nginx Proxy Manager",
        (
            piece(_("Proxy host, page “Details”"), details), piece(_("Proxy host, page “SSL”"), tls),
            piece(_("Proxy host, page “Advanced”"), location(front)),
        ),
        (
            Step(_("Add a proxy host and fill in its pages as they stand here.")),
            Step(_("Save. Nginx Proxy Manager lets nginx read it and shows Online, or Offline with what nginx said.")),
        ),
        notes=(
            _("Because the text on the page “Advanced” has a location / of its own, Nginx Proxy Manager leaves its "
              "own away, which would pass on the name without its port."),
            _("“Block Common Exploits” refuses addresses that look like attacks to it; some of Harbor’s do."),
            _("In a container, 127.0.0.1 is that container: write the address of Harbor’s machine."),
        ),
    )  # fmt: skip
