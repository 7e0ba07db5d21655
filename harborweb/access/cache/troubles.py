"""What a client says when it pulls through a cache, what it means, and what to do. Pure.

Sources: Harbor's proxy code and its issues (13446 and 14767: library/ forgotten; 23750: Docker Hub limits
sign-ins; 19899 and the code: which copies are served after 429), recordings of a real 2.15.2, Docker's pages.
"""

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Trouble:
    """One row: `said` as clients print it, `status` of the upstream or of Harbor, and words for what and why.

    `hub`: only with Docker Hub. `pattern` finds the row for a pasted message.
    """

    key: str
    said: str
    status: str
    means: Promise
    do: Promise
    pattern: re.Pattern[str]
    hub: bool = False


def _re(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)


TROUBLES = (
    Trouble(
        "limit", "toomanyrequests: You have reached your unauthenticated pull rate limit.", "429",
        _("Docker Hub has counted too many pulls from Harbor’s address, or of Harbor’s account. What is cached under "
          "the same digest or tag is still served; what is not cached has to wait."),
        _("Give the upstream a login in Harbor, so that the account is counted and not the address. Wait: the limit "
          "is over a sliding window of six hours. The gauge says how much is left."),
        _re(r"reached your (?:unauthenticated )?pull rate limit|ratelimit.*exceed"), hub=True,
    ),
    Trouble(
        "abuse", "toomanyrequests: Too Many Requests", "429",
        _("The upstream refuses requests of any kind from Harbor’s address for a moment: too many at once. On Docker "
          "Hub this is not the pull limit, and a login does not lift it."),
        _("Wait some minutes. Pull less in parallel, or set a bandwidth limit; pull by digest what may be pulled so, "
          "because a cached digest needs no question upstream."),
        _re(r"toomanyrequests|too many requests|\b429\b"),
    ),
    Trouble(
        "login-limit", "login to dockerhub error: Rate limit exceeded", "404",
        _("Docker Hub limits sign-ins too, and Harbor signs in often. Harbor then looks only among what it has "
          "cached, and the client is told “not found” although the image exists. Harbor’s own log (core) has this "
          "line."),
        _("Pull again after some minutes. If it comes back in bursts of a CI, let the jobs start one after another."),
        _re(r"login to dockerhub"), hub=True,
    ),
    Trouble(
        "library", "unknown: repository hub/nginx not found", "404",
        _("Official images of Docker Hub lie below library/. docker adds that by itself only when it asks Docker "
          "Hub; through a cache the whole name has to be written."),
        _("Pull hub/library/nginx, not hub/nginx."),
        _re(r"repository [a-z0-9._-]+/[a-z0-9._-]+ not found"), hub=True,
    ),
    Trouble(
        "absent", "resource not found: repo hub/library/none, tag 1 not found", "404",
        _("The upstream has no such image or tag, or not for Harbor’s login: Docker Hub answers the same for a "
          "private image that the login may not see. By default Harbor then deletes its own copy as well."),
        _("Check name and tag at the upstream. For a private image give the upstream a login that may pull it. To "
          "keep serving what the upstream removed, give the project "
          "proxy_cache_local_on_not_found=true (Harbor 2.15)."),
        _re(r"(?:tag|repository|artifact) \S+ not found|resource not found|manifest[ _]unknown"),
    ),
    Trouble(
        "denied", "http status code: 401, body: …", "401",
        _("The upstream refused Harbor, not the client: the image is private, its name is wrong (Docker Hub says 401 "
          "for both), or the login stored in Harbor is wrong or has expired."),
        _("Test the upstream in Harbor, replace its login, and check the name; official images need library/."),
        _re(r"http status code: 40[13]|insufficient_scope|denied: requested access|authentication required"),
    ),
    Trouble(
        "client", "unauthorized: unauthorized to access repository: hub/library/nginx, action: pull", "401",
        _("Harbor refused the client: the project is private and the client is not signed in, or its robot may not "
          "pull there. The upstream was not asked."),
        _("docker login to Harbor as a member or with a robot that may pull in this project, or make the project "
          "public."),
        _re(r"unauthorized to access repository|no basic auth credentials"),
    ),
    Trouble(
        "push", "denied: can not push artifact to a proxy project: hub", "403",
        _("A proxy project holds only what it fetched. Nobody can push there, not even an administrator."),
        _("Push to an ordinary project."),
        _re(r"can ?not push artifact to a proxy project|proxy project"),
    ),
    Trouble(
        "down", "unknown: artifact hub/library/nginx@sha256:… not found", "404",
        _("The upstream does not answer Harbor, or Harbor has marked it unhealthy (it looks every few minutes). "
          "Cached artifacts are still served; everything else is “not found”."),
        _("Test the upstream in Harbor. Behind a company proxy, harbor.yml needs it under proxy: with core among its "
          "components."),
        _re(r"no such host|connection refused|i/o timeout|TLS handshake timeout|unhealthy|EOF\b"),
    ),
    Trouble(
        "quota", "denied: adding 31.2 MiB of storage resource … will exceed the configured upper limit", "",
        _("The project’s quota is full. Pulls still work, fetched anew each time; only nothing more is kept. The "
          "sentence stands in Harbor’s log, not at the client."),
        _("Raise the quota, or let the retention rule keep less."),
        _re(r"exceed the configured upper limit|quota"),
    ),
)  # fmt: skip


def explained(text: str) -> Trouble | None:
    """The first row that a pasted message fits; None where none does."""
    pasted = text[:20_000]
    return next((one for one in TROUBLES if one.pattern.search(pasted)), None)
