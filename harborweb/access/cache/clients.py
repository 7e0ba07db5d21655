"""The client's side of a cache: the kit's mirror steps, docker's own way, and what goes into builds and CI. Pure."""

from django.utils.translation import gettext as _

from harborweb.access.kit import services as kit
from harborweb.access.kit.guide import File, Guide, Part, Step
from harborweb.access.kit.target import Cache, Target

TOOLS = ("podman", "skopeo", "containerd", "nerdctl", "crio", "k3s", "rke2", "kubernetes", "buildkit")
VARIABLE = "IMAGES"


def mirrors(target: Target) -> list[Guide]:
    """How each tool asks this cache of its own accord, without a changed name; docker has a page part of its own."""
    found = [kit.guide(tool, target).only(Part.MIRROR) for tool in TOOLS]
    return [one for one in found if one.steps]


def builds(target: Target, cache: Cache) -> list[Step]:
    """One place for the prefix: in a Dockerfile, in compose, in CI."""
    prefix = f"{target.host}/{cache.project}"
    example = cache.example
    return [
        Step(
            Part.PULL, _("In a Dockerfile"),
            _("The prefix is an argument, so the same file builds with and without the cache."),
            (File("Dockerfile", f"ARG {VARIABLE}={cache.upstream}\nFROM ${{{VARIABLE}}}/{example}\n"),),
            (f"docker build --build-arg {VARIABLE}={prefix} .",),
        ),
        Step(
            Part.PULL, _("In compose"), _("Without .env the upstream itself is asked."),
            (
                File("compose.yml", f"services:\n  app:\n    image: ${{{VARIABLE}:-{cache.upstream}}}/{example}\n"),
                File(".env", f"{VARIABLE}={prefix}\n"),
            ),
        ),
        Step(
            Part.PULL, _("In CI"),
            _("A variable of the group or organisation names the cache once for every pipeline. GitLab as an "
              "example; elsewhere it is a variable too."),
            (File(".gitlab-ci.yml", f"variables:\n  {VARIABLE}: {prefix}\n\ntest:\n  image: ${VARIABLE}/{example}\n  "
                                    f"script:\n    - id\n"),),
        ),
    ]  # fmt: skip
