"""Key management services that cosign reaches by a URI, and the variables by which it signs in there.

The variables are those of the worker that runs cosign: harborweb stores none of them. `secret` names those whose
values are masked in every log. Files in a home folder (~/.aws, ~/.vault-token, ~/.kube) are not seen: cosign runs
with an empty home of its own.
"""

import os
import re
from dataclasses import dataclass

LONGEST_URI = 500


@dataclass(frozen=True)
class Service:
    """One kind of service: how its URIs look, and what the worker's environment must hold."""

    scheme: str
    name: str
    example: str
    pattern: str  # what stands after scheme://
    needed: tuple[str, ...]
    further: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """Every variable that is handed to cosign."""
        return tuple(dict.fromkeys((*self.needed, *self.further, *self.secret)))


SERVICES: tuple[Service, ...] = (
    Service(
        "hashivault", "HashiCorp Vault, OpenBao (transit)", "hashivault://release", r"[\w.-]+",
        needed=("VAULT_ADDR", "VAULT_TOKEN"),
        further=("TRANSIT_SECRET_ENGINE_PATH", "VAULT_NAMESPACE", "VAULT_CACERT", "VAULT_CAPATH", "VAULT_CLIENT_CERT",
                 "VAULT_CLIENT_KEY", "VAULT_SKIP_VERIFY"),
        secret=("VAULT_TOKEN",),
    ),
    Service(
        "awskms", "AWS KMS", "awskms:///alias/release", r"[\w.:-]*/(arn:[\w.:/-]+|alias/[\w/-]+|[\w-]+)",
        needed=("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        further=("AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
                 "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CA_BUNDLE",
                 "AWS_EC2_METADATA_DISABLED", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                 "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        secret=("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    ),
    Service(
        "azurekms", "Azure Key Vault", "azurekms://lab.vault.azure.net/release", r"[\w.-]+/[\w-]+(/\w+)?",
        needed=("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"),
        further=("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST",
                 "AZURE_ENVIRONMENT"),
        secret=("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD"),
    ),
    Service(
        "gcpkms", "Google Cloud KMS",
        "gcpkms://projects/lab/locations/global/keyRings/images/cryptoKeys/release/cryptoKeyVersions/1",
        r"projects/[\w.:-]+/locations/[\w-]+/keyRings/[\w-]+/cryptoKeys/[\w-]+((/cryptoKeyVersions|/versions)/\d+)?",
        needed=("GOOGLE_APPLICATION_CREDENTIALS",),
        further=("GOOGLE_CLOUD_PROJECT",),
    ),
    Service(
        "k8s", "Kubernetes secret", "k8s://harborweb/release", r"[a-z0-9.-]+/[a-z0-9.-]+",
        needed=("KUBECONFIG",),
        further=("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"),
    ),
)  # fmt: skip


def service_of(uri: str) -> Service | None:
    """The service that `uri` names, where cosign would take it in this form; None for anything else."""
    scheme, separator, rest = uri.partition("://")
    if not separator or len(uri) > LONGEST_URI or not uri.isascii():
        return None
    found = next((one for one in SERVICES if one.scheme == scheme), None)
    return found if found is not None and re.fullmatch(found.pattern, rest) else None


def variables(uri: str) -> dict[str, str]:
    """This machine's variables for the service of `uri`."""
    service = service_of(uri)
    return {name: os.environ[name] for name in (service.variables if service else ()) if os.environ.get(name)}


def secrets(uri: str) -> list[str]:
    """Values among `variables` that no log may show."""
    service = service_of(uri)
    return [value for name, value in variables(uri).items() if service is not None and name in service.secret]
