"""The name of an image through a cache. Pure."""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _

from harborweb.access.cache.presets import Preset
from harborweb.errors import Problem
from harborweb.registry import names
from harborweb.registry.errors import plain

DOCKER_HUB = "docker.io"
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?")


@dataclass(frozen=True)
class Image:
    """An image reference taken apart; `host` is empty where none was written, which docker reads as docker.io."""

    host: str
    repository: str
    reference: str  # ":tag", "@sha256:…", both, or nothing


def parsed(text: str) -> Image:
    """Take an image reference apart as docker does; raises Problem, field "image".

    The first part is a host only when it has a dot or a colon or is localhost (source: distribution's
    reference grammar).
    """
    name, at, digest = text.strip().removeprefix("docker pull ").strip().partition("@")
    first, slash, rest = name.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, path = (first, rest) if has_host else ("", name)
    folder, slash, last = path.rpartition("/")
    base, colon, tag = last.partition(":")
    repository = f"{folder}{slash}{base}"
    if host in {"index.docker.io", "registry-1.docker.io"}:
        host = DOCKER_HUB
    sound = names.is_repository(repository) and (not host or _HOST.fullmatch(host))
    if not sound or (colon and not names.is_tag(tag)) or (at and not names.is_digest(digest)):
        raise Problem(
            _("“%(name)s” is no image name.") % {"name": plain(text)},
            _("Write it as for docker pull, for example nginx:1.27 or quay.io/prometheus/prometheus."),
            field="image",
        )
    return Image(host, repository, (f":{tag}" if tag else "") + (f"@{digest}" if at else ""))


def through(text: str, host: str, project: str, preset: Preset, upstream: str) -> str:
    """The image that `text` names, pulled through the cache `project` of the Harbor at `host`.

    A name without a host is taken as one of the upstream's own. `upstream` is the cache's upstream host, for
    presets whose images carry no fixed one. Raises Problem, field "image", for what comes from elsewhere.
    """
    image = parsed(text)
    hosts = preset.names if preset.names and not preset.asks_region else (upstream,)
    if image.host and image.host not in hosts and not (preset.key == "ecr" and image.host.endswith(".amazonaws.com")):
        raise Problem(
            _("%(image)s comes from %(host)s, and this cache holds %(upstream)s.")
            % {"image": plain(text), "host": image.host, "upstream": hosts[0]},
            _("Make a cache for that registry too, or leave the name as it is."),
            field="image",
        )
    short = preset.short and "/" not in image.repository
    return f"{host}/{project}/{'library/' if short else ''}{image.repository}{image.reference}"
