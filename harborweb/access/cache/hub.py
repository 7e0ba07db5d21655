"""How many pulls Docker Hub still allows, as it says itself.

Source: Docker's page on pull usage and limits: a token for ratelimitpreview/test, then HEAD of its manifest,
which does not count as a pull. The answer carries `ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 76;w=21600`
and `docker-ratelimit-source` (an address, or the id of an account); without a limit there are no such headers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from yarl import URL

from harborweb.registry import errors
from harborweb.registry.auth import basic
from harborweb.registry.endpoint import Endpoint, Limits
from harborweb.registry.errors import RegistryError, plain
from harborweb.registry.running import run
from harborweb.registry.transport import Answer, Transport, parse_object

REGISTRY, TOKENS, SERVICE = "https://registry-1.docker.io", "https://auth.docker.io/token", "registry.docker.io"
TEST = "ratelimitpreview/test"
PATIENCE = Limits(seconds=8, overall_seconds=10, connect_seconds=4, retries=0, error_bytes=16 * 1024)
_QUOTA = re.compile(r"([0-9]{1,9})(?: *; *w=([0-9]{1,9}))?")
_SOURCE = re.compile(r"[0-9A-Za-z:./-]{1,80}")


@dataclass(frozen=True)
class Reading:
    """What Docker Hub answered: `limit` None means that it named none; `spent` that it answered 429.

    `window` is in seconds, 0 where it was not named. `source` is what the limit is counted by: an address, or the
    id of an account. `words` are Docker Hub's own, of a 429.
    """

    limit: int | None
    remaining: int | None
    window: int = 0
    source: str = ""
    spent: bool = False
    words: str = ""


def quota(header: str) -> tuple[int, int] | None:
    """The number and the window in seconds of such a header, e.g. "100;w=21600"; None for what is none."""
    match = _QUOTA.fullmatch(header.strip())
    return (int(match[1]), int(match[2] or 0)) if match else None


def read(status: int, headers: Mapping[str, str], body: bytes) -> Reading:
    """The reading in an answer to that HEAD; `headers` is any mapping that ignores case."""
    get = headers.get
    limit, left = quota(get("RateLimit-Limit", "")), quota(get("RateLimit-Remaining", ""))
    source = get("Docker-RateLimit-Source", "").strip()
    words = ""
    if status == 429:
        said = errors.said(body)
        words = plain("; ".join(one["message"] for one in said) or body.decode(errors="replace"))
    return Reading(
        limit=limit[0] if limit else None,
        remaining=0 if status == 429 and not left else left[0] if left else None,
        window=(limit or left or (0, 0))[1],
        source=source if _SOURCE.fullmatch(source) else "",
        spent=status == 429 or (left is not None and left[0] == 0),
        words=words,
    )


def measure(username: str = "", password: str = "", *, registry: str = "", tokens: str = "") -> Reading:
    """Ask Docker Hub, as nobody or with a login that goes there only; raises RegistryError.

    Two requests, neither of which counts as a pull. Measured is the limit of this machine's address, or of the
    account; Harbor's own is the same only where it leaves through the same address or uses the same account.
    """

    async def ask() -> Reading:
        place = registry or REGISTRY
        endpoint = Endpoint(place, username, password, allow_http=place.startswith("http://"))
        transport = Transport(endpoint, PATIENCE)
        try:
            token = await _token(transport, endpoint, URL(tokens or TOKENS))
            url = endpoint.base.join(URL(f"/v2/{TEST}/manifests/latest"))
            accept = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.index.v1+json"
            headers = {"Authorization": f"Bearer {token}", "Accept": accept}
            answer = await transport.fetch("HEAD", url, headers=headers, limit=PATIENCE.error_bytes)
            if answer.status == 429:  # a HEAD has no body; its words come with a GET, which is refused too
                said = await transport.fetch("GET", url, headers=headers, limit=PATIENCE.error_bytes)
                answer = said if said.status == 429 else answer
        finally:
            await transport.close()
        if answer.status not in {200, 429}:
            raise errors.from_status(endpoint.host, answer.status, answer.body, TEST)
        return read(answer.status, answer.headers, answer.body)

    return run(ask())


async def _token(transport: Transport, endpoint: Endpoint, realm: URL) -> str:
    headers = {"Accept": "application/json"}
    if endpoint.username:
        headers["Authorization"] = basic(endpoint.username, endpoint.password)
    url = realm.update_query(service=SERVICE, scope=f"repository:{TEST}:pull")
    answer: Answer = await transport.fetch("GET", url, headers=headers, limit=PATIENCE.error_bytes)
    host = realm.host or ""
    if answer.status in {401, 403} and endpoint.username:
        raise errors.wrong_password(host, endpoint.username, answer.status)
    if answer.status == 429:
        raise RegistryError(
            "throttled",
            _("%(host)s answered 429 where a token was due: too many sign-ins.") % {"host": host},
            _("Wait some minutes and ask once; this is a limit on sign-ins, not on pulls."),
            status=429,
        )
    if answer.status != 200:
        raise errors.from_status(host, answer.status, answer.body, _("a token"))
    content = parse_object(answer.body, host, PATIENCE.json_depth)
    token = content.get("token") or content.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
        raise errors.odd(host, _("its token service sent no token"))
    return token
