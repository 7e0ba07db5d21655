"""Apache httpd with mod_proxy."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from harborweb.access.recipes.front import Front
from harborweb.access.recipes.shape import Draft, Recipe, Step, Tag, indented, piece, to

FILE = "/etc/apache2/sites-available/harbor.conf"
MODULES = ("ssl", "proxy", "proxy_http", "headers", "alias", "reqtimeout")


def apache(front: Front) -> Recipe:
    """Two virtual hosts in a file of their own."""
    lines: list[str | Draft] = [
        f"# Harbor at {front.url}",
        *_listens(front),
        f"<VirtualHost *:{front.http_port}>",
        *indented(
            [
                _name(front),
                to(f"Redirect 308 / {front.url}/", Tag.REDIRECT),
            ]
        ),
        "</VirtualHost>",
        "",
        f"<VirtualHost *:{front.https_port}>",
        *indented(
            [
                _name(front),
                "SSLEngine on",
                to(f"SSLCertificateFile {front.certificate}", Tag.CERTIFICATE, Tag.CHAIN),
                to(f"SSLCertificateKeyFile {front.private_key}", Tag.CERTIFICATE),
                to("Protocols http/1.1", Tag.HTTP_VERSION),
                to("# Header always set Strict-Transport-Security max-age=31536000", Tag.HSTS),
                "",
                to("LimitRequestBody 0", Tag.BODY_SIZE),
                "",
                to("ProxyPreserveHost On", Tag.HOST),
                to("# mod_proxy adds X-Forwarded-For by itself.", Tag.CLIENT),
                to('RequestHeader set X-Real-IP "expr=%{REMOTE_ADDR}"', Tag.CLIENT),
                to("RequestHeader set X-Forwarded-Proto https", Tag.PROTO),
                "",
                to("SetEnv proxy-sendchunked 1", Tag.BUFFERING),
                to("Timeout 900", Tag.TIMEOUTS),
                to("RequestReadTimeout header=20-40,MinRate=500 body=0", Tag.TIMEOUTS),
                "",
                to("AllowEncodedSlashes NoDecode", Tag.PATH),
                *_backend_tls(front),
                to(
                    f"ProxyPass / {front.upstream_url}/ nocanon flushpackets=on connectiontimeout=10 timeout=900",
                    Tag.UPSTREAM, Tag.PATH, Tag.BUFFERING, Tag.TIMEOUTS,
                ),
            ]
        ),
        "</VirtualHost>",
    ]  # fmt: skip
    return Recipe(
        "apache", "Apache", (piece(FILE, lines),),
        (
            Step(_("Write the text into a file of its own.")),
            Step(_("Turn on the modules and the site."), f"a2enmod {' '.join(MODULES)}\na2ensite harbor"),
            Step(_("Let Apache read it."), "apachectl configtest"),
            Step(_("Take it up. After new modules Apache wants a restart."), "systemctl restart apache2"),
        ),
        check="apachectl configtest",
        notes=(
            _("Since 2.4.53 Apache takes 1 GB in one request unless it is told otherwise, and Debian’s Apache cuts off "
              "an upload that is slower than 500 bytes a second."),
        ),
    )  # fmt: skip


def _name(front: Front) -> Draft:
    if ":" in front.name:
        return to("# ServerName takes no IPv6 address: this host answers whatever was asked for.", Tag.NAME)
    return to(f"ServerName {front.name}", Tag.NAME)


def _listens(front: Front) -> Iterator[str | Draft]:
    """Debian's ports.conf listens on 80 and 443 already, of both families."""
    if front.listen or (front.http_port, front.https_port) != (80, 443):
        for port in (front.http_port, front.https_port):
            where = front.listens(port) if front.listen or not front.ipv6 else [str(port)]
            yield from (to(f"Listen {one}", Tag.LISTEN) for one in where)
        yield ""
    else:
        yield to("# ports.conf says Listen 80 and Listen 443.", Tag.LISTEN)


def _backend_tls(front: Front) -> Iterator[Draft]:
    """With ProxyPreserveHost Apache compares Harbor's certificate with the name that people use."""
    if not front.to_https:
        return
    yield to("SSLProxyEngine on", Tag.BACKEND_TLS)
    if front.harbor_ca:
        yield to("SSLProxyVerify require", Tag.BACKEND_TLS)
        yield to(f"SSLProxyCACertificateFile {front.harbor_ca}", Tag.BACKEND_TLS)
        return
    yield to("SSLProxyVerify none", Tag.BACKEND_TLS)
    for what in ("Name", "CN", "Expire"):
        yield to(f"SSLProxyCheckPeer{what} off", Tag.BACKEND_TLS)
