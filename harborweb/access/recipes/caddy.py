"""Caddy: passes Host and the X-Forwarded- headers on by itself. Its own way from http to https forgets the port."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from harborweb.access.recipes.front import Front
from harborweb.access.recipes.shape import Draft, Recipe, Step, Tag, indented, piece, to

FILE = "/etc/caddy/Caddyfile"


def caddy(front: Front) -> Recipe:
    """Two sites for the Caddyfile; with other ports than 80 and 443 also the global options above it."""
    lines: list[str | Draft] = [
        *_ports(front),
        f"# Harbor at {front.url}",
        to(f"http://{front.bracketed} {{", Tag.NAME, Tag.LISTEN),
        *indented([*_bind(front), to(f"redir {front.url}{{uri}} 308", Tag.REDIRECT)]),
        "}",
        "",
        to(f"https://{front.bracketed} {{", Tag.NAME, Tag.LISTEN),
        *indented(
            [
                *_bind(front),
                to(f"tls {front.certificate} {front.private_key}", Tag.CERTIFICATE, Tag.CHAIN),
                "",
                to("# No request_body max_size here: Caddy takes a body of any size.", Tag.BODY_SIZE),
                to('# header Strict-Transport-Security "max-age=31536000"', Tag.HSTS),
                "",
                to(f"reverse_proxy {front.upstream_url} {{", Tag.UPSTREAM, Tag.PATH),
                *indented(
                    [
                        to("# Host goes on as it came; no header_up Host here.", Tag.HOST),
                        to("# X-Forwarded-Proto and X-Forwarded-For go along by themselves.", Tag.PROTO, Tag.CLIENT),
                        to("header_up X-Real-IP {remote_host}", Tag.CLIENT),
                        to("flush_interval -1", Tag.BUFFERING),
                        "transport http {",
                        *indented(_transport(front)),
                        "}",
                    ]
                ),
                "}",
            ]
        ),
        "}",
    ]
    return Recipe(
        "caddy", "Caddy", (piece(FILE, lines),),
        (
            Step(_("Write the text below what the Caddyfile has. Global options, where there are any, stay on top.")),
            Step(_("Let Caddy read it."), f"caddy validate --config {FILE}"),
            Step(_("Take it up."), "systemctl reload caddy"),
        ),
        check=f"caddy validate --config {FILE}",
        notes=(
            _("The user caddy has to be able to read the private key."),
            _("Without the tls line Caddy asks Let’s Encrypt for a certificate, which works for names that the "
              "internet can reach, and otherwise makes one of an authority of its own that docker does not know."),
        ),
    )  # fmt: skip


def _ports(front: Front) -> Iterator[str | Draft]:
    if (front.http_port, front.https_port) != (80, 443):
        yield "{"
        yield to(f"    http_port {front.http_port}", Tag.LISTEN)
        yield to(f"    https_port {front.https_port}", Tag.LISTEN)
        yield "}"
        yield ""


def _bind(front: Front) -> Iterator[Draft]:
    if front.listen:
        yield to(f"bind {front.listen}", Tag.LISTEN)
    elif not front.ipv6:
        yield to("bind 0.0.0.0", Tag.LISTEN)


def _transport(front: Front) -> Iterator[Draft]:
    yield to("versions 1.1", Tag.HTTP_VERSION)
    yield to("dial_timeout 10s", Tag.TIMEOUTS)
    yield to("response_header_timeout 900s", Tag.TIMEOUTS)
    if front.to_https:
        yield to(f"tls_server_name {front.name}", Tag.BACKEND_TLS)
        trusted = f"tls_trusted_ca_certs {front.harbor_ca}" if front.harbor_ca else "tls_insecure_skip_verify"
        yield to(trusted, Tag.BACKEND_TLS)
