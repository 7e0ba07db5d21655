"""Traefik, told by files or by labels of Harbor's own nginx container."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from django.utils.translation import gettext_lazy as _

from harborweb.access.recipes.front import Front
from harborweb.access.recipes.shape import Draft, Piece, Recipe, Step, Tag, indented, piece, to

STATIC, DYNAMIC = "/etc/traefik/traefik.yml", "/etc/traefik/dynamic/harbor.yml"
OVERRIDE = "docker-compose.override.yml"
INSIDE = {False: 8080, True: 8443}  # where nginx listens inside Harbor's container, by whether over TLS
NETWORK = "traefik"

HEADERS = (
    to("# Host goes on as it came, X-Forwarded-Proto, -For and X-Real-IP go along by themselves.",
       Tag.HOST, Tag.PROTO, Tag.CLIENT),
    to("# No buffering middleware: bodies of any size go on as they come.", Tag.BODY_SIZE, Tag.BUFFERING),
    to("# No stripPrefix, addPrefix or replacePath middleware: Harbor wants its paths as they are.", Tag.PATH),
)  # fmt: skip
IN_FOLDER = _("In the folder of Harbor’s docker-compose.yml")
SLOW = _("Since 2.11.2 and 3.0 Traefik cuts off a body that takes longer than 60 seconds. readTimeout 0 says: never.")


def by_files(front: Front) -> Recipe:
    """The file provider: entry points in the static configuration, the rest in a file that Traefik watches."""
    return Recipe(
        "traefik", _("Traefik, by files"), (_static(front, "file"), piece(DYNAMIC, _dynamic(front))),
        (
            Step(_("Merge the first text into Traefik’s static configuration; keys that are there stay once.")),
            Step(_("Write the second text into a file of its own in the folder that Traefik watches.")),
            Step(_("Restart Traefik for the static part. The other file it takes up as soon as it is written."),
                 "systemctl restart traefik"),
            Step(_("Traefik has no command that checks. Its log says what it could not read."),
                 "journalctl -u traefik -n 20"),
        ),
        notes=(SLOW,),
    )  # fmt: skip


def by_labels(front: Front) -> Recipe:
    """The docker provider: Traefik and Harbor on one engine, Harbor's nginx container tells by its labels."""
    return Recipe(
        "traefik-docker", _("Traefik, by docker labels"),
        (_static(front, "docker"), piece(OVERRIDE, _labels(front)), piece(DYNAMIC, _beside_labels(front))),
        (
            Step(_("Merge the first text into Traefik’s static configuration; keys that are there stay once.")),
            Step(_("Write the second text beside Harbor’s docker-compose.yml. prepare writes that one anew every time "
                   "and leaves this one alone."), "docker compose config --quiet", IN_FOLDER),
            Step(_("Traefik’s network has to be there before Harbor starts."), f"docker network create {NETWORK}"),
            Step(_("Write the third text into the folder that Traefik watches, and restart Traefik.")),
            Step(_("Start Harbor with its labels."), "docker compose up -d", IN_FOLDER),
        ),
        check="docker compose config --quiet",
        notes=(
            SLOW,
            _("Harbor’s nginx listens on %(port)s inside its container, whatever harbor.yml says about ports.")
            % {"port": INSIDE[front.to_https]},
        ),
    )  # fmt: skip


def _static(front: Front, provider: str) -> Piece:
    address = front.bracketed_listen
    lines: list[str | Draft] = [
        f"# Harbor at {front.url}",
        "entryPoints:",
        "  web:",
        to(f'    address: "{address}:{front.http_port}"', Tag.LISTEN),
        *indented(_redirect(front)),
        "  websecure:",
        to(f'    address: "{address}:{front.https_port}"', Tag.LISTEN),
        to("    transport:", Tag.TIMEOUTS),
        to("      respondingTimeouts:", Tag.TIMEOUTS),
        to("        readTimeout: 0s", Tag.TIMEOUTS),
        to("        writeTimeout: 0s", Tag.TIMEOUTS),
        "providers:",
        "  file:",
        f"    directory: {PurePosixPath(DYNAMIC).parent}",
    ]
    if provider == "docker":
        lines += ["  docker:", "    exposedByDefault: false"]
    return piece(STATIC, lines)


def _redirect(front: Front) -> Iterator[Draft]:
    target = "websecure" if front.https_port == 443 else f":{front.https_port}"
    yield to("http:", Tag.REDIRECT)
    yield to("  redirections:", Tag.REDIRECT)
    yield to("    entryPoint:", Tag.REDIRECT)
    yield to(f'      to: "{target}"', Tag.REDIRECT)
    yield to("      scheme: https", Tag.REDIRECT)
    yield to("      permanent: true", Tag.REDIRECT)


def _dynamic(front: Front) -> list[str | Draft]:
    return [
        "http:",
        "  routers:",
        "    harbor:",
        to(f'      rule: "Host(`{front.name}`)"', Tag.NAME),
        "      entryPoints:",
        "        - websecure",
        to("      tls: {}", Tag.CERTIFICATE),
        *indented(HEADERS, 6),
        "      service: harbor",
        "  services:",
        "    harbor:",
        "      loadBalancer:",
        to("        passHostHeader: true", Tag.HOST),
        to("        serversTransport: harbor", Tag.TIMEOUTS),
        to("        servers:", Tag.UPSTREAM),
        to(f'          - url: "{front.upstream_url}"', Tag.UPSTREAM),
        *_transport(front),
        *_certificates(front),
    ]


def _transport(front: Front) -> list[str | Draft]:
    return [
        "  serversTransports:",
        "    harbor:",
        to("      disableHTTP2: true", Tag.HTTP_VERSION),
        *(to(f"      {line}", Tag.BACKEND_TLS) for line in _backend_tls(front)),
        to("      forwardingTimeouts:", Tag.TIMEOUTS),
        to("        dialTimeout: 10s", Tag.TIMEOUTS),
        to("        responseHeaderTimeout: 900s", Tag.TIMEOUTS),
    ]


def _backend_tls(front: Front) -> Iterator[str]:
    if front.to_https:
        yield f'serverName: "{front.name}"'
        yield from ("rootCAs:", f"  - {front.harbor_ca}") if front.harbor_ca else ("insecureSkipVerify: true",)


def _certificates(front: Front) -> list[str | Draft]:
    return [
        to("tls:", Tag.CERTIFICATE),
        to("  certificates:", Tag.CERTIFICATE),
        to(f"    - certFile: {front.certificate}", Tag.CERTIFICATE, Tag.CHAIN),
        to(f"      keyFile: {front.private_key}", Tag.CERTIFICATE),
    ]


def _beside_labels(front: Front) -> list[str | Draft]:
    """What labels cannot say."""
    return [*(["http:", *_transport(front)] if front.to_https else []), *_certificates(front)]


def _labels(front: Front) -> list[str | Draft]:
    router, service = "traefik.http.routers.harbor", "traefik.http.services.harbor.loadbalancer"
    scheme = [to(f"{service}.server.scheme: https", Tag.BACKEND_TLS)] if front.to_https else []
    scheme += [to(f"{service}.serverstransport: harbor@file", Tag.BACKEND_TLS)] if front.to_https else []
    return [
        "services:",
        "  proxy:",
        "    networks:",
        "      - harbor",
        f"      - {NETWORK}",
        "    labels:",
        *indented(
            [
                'traefik.enable: "true"',
                f"traefik.docker.network: {NETWORK}",
                to(f'{router}.rule: "Host(`{front.name}`)"', Tag.NAME),
                f"{router}.entrypoints: websecure",
                to(f'{router}.tls: "true"', Tag.CERTIFICATE),
                *HEADERS,
                to(f'{service}.passhostheader: "true"', Tag.HOST),
                to(f'{service}.server.port: "{INSIDE[front.to_https]}"', Tag.UPSTREAM),
                *scheme,
            ],
            6,
        ),
        "networks:",
        f"  {NETWORK}:",
        "    external: true",
    ]
