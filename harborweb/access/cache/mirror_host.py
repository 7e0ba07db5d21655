"""A mirror's own host name in front of one cache: an nginx server that puts the project into each path. Pure.

Docker's `registry-mirrors` takes a scheme and a host only and asks them for Docker Hub's own names. Three things
have to change on the way: the path (/v2/library/nginx becomes /v2/hub/library/nginx); the challenge, whose realm
is Harbor's own address and whose scope names Harbor's repository; and the scope of the token that docker asks for,
because docker names the repository as it knows it.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from harborweb.access import values
from harborweb.access.kit.target import check_project
from harborweb.errors import Problem
from harborweb.registry.endpoint import Endpoint

SYSTEM_CAS = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class MirrorHost:
    """The server: `name` and `port` where docker finds it, with a certificate or, without one, plain http.

    `upstream` is Harbor's address as this nginx reaches it. Raises Problem, with its field, for what nginx or docker
    would refuse.
    """

    name: str
    upstream: str
    project: str
    port: int = 443
    certificate: str = ""
    key: str = ""
    ca_file: str = ""  # what this nginx verifies Harbor's certificate with

    def __post_init__(self) -> None:
        check_project(self.project, "project")
        Endpoint(self.upstream, allow_http=True).base  # noqa: B018 (raises RegistryError, a Problem)
        object.__setattr__(self, "name", values.name(self.name, "mirror_name"))
        if not 0 < self.port < 65536:
            raise Problem(_("This is no port."), _("Ports go from 1 to 65535."), field="mirror_port")
        for field, path in (("certificate", self.certificate), ("key", self.key), ("ca_file", self.ca_file)):
            if path:
                values.path(path, field)
        if bool(self.certificate) != bool(self.key):
            raise Problem(
                _("A certificate and its private key go together."),
                _("Write both paths, or neither for plain http."),
                field="key" if self.certificate else "certificate",
            )

    @property
    def tls(self) -> bool:
        """Whether the mirror itself speaks https."""
        return bool(self.certificate and self.key)

    @property
    def address(self) -> str:
        """What goes into docker's registry-mirrors."""
        usual = self.port == (443 if self.tls else 80)
        return f"{'https' if self.tls else 'http'}://{self.name}{'' if usual else f':{self.port}'}"

    def nginx(self) -> str:
        """The file for conf.d or sites-enabled."""
        return _NGINX % {
            "address": self.address, "project": self.project, "dotted": self.project.replace(".", r"\."),
            "word": re.sub(r"[^a-z0-9]", "_", self.project), "name": self.name, "upstream": self._upstream,
            "listen": f"{self.port} ssl" if self.tls else str(self.port),
            "certificate": _lines(ssl_certificate=self.certificate, ssl_certificate_key=self.key) if self.tls else "",
            "verify": self._verify(), "host": Endpoint(self.upstream, allow_http=True).host,
            "scheme": self._upstream.partition(":")[0],
        }  # fmt: skip

    @property
    def _upstream(self) -> str:
        return str(Endpoint(self.upstream, allow_http=True).base).rstrip("/")

    def _verify(self) -> str:
        if not self._upstream.startswith("https:"):
            return ""
        return _lines(
            proxy_ssl_server_name="on", proxy_ssl_name=Endpoint(self.upstream).base.host or "", proxy_ssl_verify="on",
            proxy_ssl_verify_depth="3", proxy_ssl_trusted_certificate=self.ca_file or SYSTEM_CAS,
        )  # fmt: skip

    def daemon(self) -> str:
        """What goes into /etc/docker/daemon.json."""
        insecure = "" if self.tls else f',\n  "insecure-registries": ["{self.address.removeprefix("http://")}"]'
        return f'{{\n  "registry-mirrors": ["{self.address}"]{insecure}\n}}\n'


def _lines(**directives: str) -> str:
    """Directives of a server, one a line."""
    return "".join(f"    {name} {value};\n" for name, value in directives.items())


_NGINX = r"""# %(address)s answers for Docker Hub out of the project %(project)s at %(upstream)s.
# The challenge names this mirror and the image as docker knows it …
map $upstream_http_www_authenticate $mirror_challenge_%(word)s {
    "~^(?<before>.*realm=\")https?://[^/\"]+(?<middle>/.*scope=\"repository:)%(dotted)s/(?<after>.*)$" "${before}$scheme://$http_host$middle$after";
    "~^(?<before>.*realm=\")https?://[^/\"]+(?<after>/.*)$" "${before}$scheme://$http_host$after";
    default $upstream_http_www_authenticate;
}
# … and the token that docker asks for is for the image as Harbor knows it.
map $args $mirror_args_%(word)s {
    "~^(?<before>(?:.*&)?scope=repository(?::|%%3A))(?<after>.*)$" "${before}%(project)s/$after";
    default $args;
}

server {
    listen %(listen)s;
    server_name %(name)s;
%(certificate)s
    proxy_set_header Host %(host)s;
    proxy_set_header X-Forwarded-Proto %(scheme)s;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_http_version 1.1;
    proxy_buffering off;
    proxy_read_timeout 900s;
%(verify)s    proxy_hide_header Www-Authenticate;
    add_header Www-Authenticate $mirror_challenge_%(word)s always;

    # A mirror is read, never pushed to.
    if ($request_method !~ ^(GET|HEAD)$) { return 405; }

    location = /v2/ {
        proxy_pass %(upstream)s;
    }
    location = /service/token {
        set $args $mirror_args_%(word)s;
        proxy_pass %(upstream)s;
    }
    location /v2/ {
        rewrite ^/v2/(.+)$ /v2/%(project)s/$1 break;
        proxy_pass %(upstream)s;
    }
    location / {
        return 404;
    }
}
"""
