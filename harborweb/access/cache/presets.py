"""The registries people cache: how Harbor calls each, where it is, and which login it takes. Pure.

Sources: the adapters that a real Harbor 2.15.2 lists (`/replication/adapters`, `/replication/adapterinfos`; there
is none for Quay any more) and Harbor's page on proxy caches, for which kinds may be proxied.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = str | Promise


@dataclass(frozen=True)
class Login:
    """Which login an upstream takes, in its own words; `fixed_user` where the user name is always the same."""

    user: Words
    secret: Words
    hint: Words
    required: bool = False
    fixed_user: str = ""
    long_secret: bool = False  # a file's content, not a word


@dataclass(frozen=True)
class Preset:
    """A kind of upstream.

    `types` are Harbor's adapter names, the best first: an older or newer Harbor may lack one. `url` is where it
    is; with {region} in it the region is asked for, empty it is asked for whole. `names` are the host names that
    images of this upstream carry, the usual first. `short` means that a name without a slash lies below library/.
    """

    key: str
    name: Words
    types: tuple[str, ...]
    url: str
    names: tuple[str, ...]
    login: Login
    project: str  # what the proxy project is usually called
    hint: Words
    example: str  # an image that shows how names are made
    short: bool = False

    @property
    def asks_region(self) -> bool:
        """Whether the address depends on a region."""
        return "{region}" in self.url

    @property
    def asks_url(self) -> bool:
        """Whether the address has to be typed."""
        return not self.url

    def type(self, adapters: list[str]) -> str:
        """Harbor's name for this kind, of those it says it has; the first where it says nothing of its kinds."""
        return next((one for one in self.types if one in adapters), "" if adapters else self.types[0])


GENERIC = "docker-registry"
_ROBOT = Login(
    _("User name"), _("Password or token"),
    _("Leave both empty where everybody may pull. A robot that may only pull is best."),
)  # fmt: skip

PRESETS = (
    Preset(
        "docker-hub", _("Docker Hub"), ("docker-hub",), "https://hub.docker.com",
        ("docker.io", "index.docker.io", "registry-1.docker.io"),
        Login(
            _("Docker ID"), _("Access token"),
            _("An access token of the account, read-only for public images. Without a login Docker Hub counts pulls "
              "by address: everybody behind this Harbor shares them."),
        ),
        "hub",
        _("Harbor wants https://hub.docker.com here, not docker.io: it knows where the images come from."),
        "library/nginx:1.27", short=True,
    ),
    Preset(
        "ghcr", _("GitHub Container Registry"), ("github-ghcr", GENERIC), "https://ghcr.io", ("ghcr.io",),
        Login(
            _("GitHub user name"), _("Personal access token"),
            _("A classic personal access token with read:packages; a fine-grained one does not reach packages. "
              "Public images need none."),
        ),
        "ghcr", _("Images of people and organisations on GitHub."), "goharbor/harbor-core:dev",
    ),
    Preset(
        "quay", _("Quay.io"), ("quay", GENERIC), "https://quay.io", ("quay.io",),
        Login(
            _("Robot account"), _("Robot token"),
            _("A robot account of the organisation, named organisation+robot, with read on the repositories. Public "
              "images need none."),
        ),
        "quay", _("Harbor 2.15 has no adapter of its own for Quay; it goes as an ordinary registry."),
        "prometheus/node-exporter:v1.8.2",
    ),
    Preset(
        "gcr", _("Google Artifact Registry (gcr.io)"), ("google-gcr", GENERIC), "https://gcr.io", ("gcr.io",),
        Login(
            _("User name"), _("Key of a service account (JSON)"),
            _("The whole JSON key of a service account with Artifact Registry Reader. Public images need none."),
            fixed_user="_json_key", long_secret=True,
        ),
        "gcr", _("gcr.io is served by Artifact Registry now; addresses under pkg.dev have their own entry."),
        "distroless/static:nonroot",
    ),
    Preset(
        "artifact-registry", _("Google Artifact Registry (pkg.dev)"), ("google-gcr", GENERIC),
        "https://{region}-docker.pkg.dev", ("{region}-docker.pkg.dev",),
        Login(
            _("User name"), _("Key of a service account (JSON)"),
            _("The whole JSON key of a service account with Artifact Registry Reader. Public repositories need none."),
            fixed_user="_json_key", long_secret=True,
        ),
        "artifacts", _("The location of the repository, for example europe-west1 or us. Names go on with project and "
                       "repository."),
        "my-project/my-repository/app:1.0",
    ),
    Preset(
        "k8s", _("Kubernetes (registry.k8s.io)"), (GENERIC,), "https://registry.k8s.io",
        ("registry.k8s.io", "k8s.gcr.io"), _ROBOT,
        "k8s", _("Everybody may pull; it redirects to the cloud nearest to Harbor."), "pause:3.10",
    ),
    Preset(
        "ecr", _("Amazon ECR (private)"), ("aws-ecr",), "https://api.ecr.{region}.amazonaws.com",
        (".dkr.ecr.{region}.amazonaws.com",),
        Login(
            _("Access key ID"), _("Secret access key"),
            _("Keys of an IAM user with AmazonEC2ContainerRegistryReadOnly. Harbor fetches the twelve-hour tokens "
              "itself."),
            required=True,
        ),
        "ecr", _("The region of the registry, for example eu-central-1. The account is the one of the keys."),
        "team/app:1.0",
    ),
    Preset(
        "ecr-public", _("Amazon ECR Public"), (GENERIC,), "https://public.ecr.aws", ("public.ecr.aws",),
        Login(
            _("User name"), _("Password"),
            _("None is needed. Its logins last twelve hours only, so Harbor could not keep one."),
        ),
        "ecr-public", _("Everybody may pull; without a login at most one pull a second."), "docker/library/redis:7",
    ),
    Preset(
        "azure", _("Azure Container Registry"), ("azure-acr", GENERIC), "", (),
        Login(
            _("Application ID or token name"), _("Password"),
            _("A service principal with AcrPull, or a repository token that may read."), required=True,
        ),
        "azure", _("Its address, for example https://myregistry.azurecr.io."), "team/app:1.0",
    ),
    Preset(
        "harbor", _("Another Harbor"), ("harbor",), "", (),
        Login(
            _("Robot account"), _("Robot secret"),
            _("A robot account of that Harbor with pull on its repositories. Public projects need none."),
        ),
        "upstream", _("Its address as people use it. Names go on with that Harbor's project."), "team/app:1.0",
    ),
    Preset(
        "oci", _("Any other OCI registry"), (GENERIC,), "", (), _ROBOT, "upstream",
        _("GitLab, Gitea, Forgejo, JFrog, a plain distribution registry: whatever answers /v2/."), "team/app:1.0",
    ),
)  # fmt: skip
BY_KEY = {preset.key: preset for preset in PRESETS}


def recognised(type_: str, url: str) -> Preset:
    """The preset that an upstream in Harbor, of this type and address, looks like; "any other" where none does."""
    host = url.partition("://")[2].strip("/").lower()
    for preset in PRESETS:
        if preset.url and not preset.asks_region and preset.url.partition("://")[2] == host:
            return preset
    if host.endswith("-docker.pkg.dev"):
        return BY_KEY["artifact-registry"]
    if host.removeprefix("api.") != host and ".amazonaws.com" in host:
        return BY_KEY["ecr"]
    known = {
        "docker-hub": "docker-hub",
        "github-ghcr": "ghcr",
        "aws-ecr": "ecr",
        "azure-acr": "azure",
        "harbor": "harbor",
    }
    return BY_KEY[known.get(type_, "oci")]
