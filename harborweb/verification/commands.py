"""Commands that repeat one step of a verification with curl, jq and openssl alone, for somebody with a POSIX shell.

Nothing is run here. Every word that a registry or a stranger has written is quoted.
"""

import shlex
from dataclasses import dataclass
from urllib.parse import quote

ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.manifest.v1", "oci.image.index.v1", "docker.distribution.manifest.v2",
        "docker.distribution.manifest.list.v2",
    )
)  # fmt: skip
SIGNATURE = "dev.cosignproject.cosign/signature"
PAYLOAD_TYPE = "application/vnd.in-toto+json"

_STATEMENT = "jq -r '.dsseEnvelope.payload // .payload' | base64 -d"
NAMED = "jq -r '.critical.image[\"docker-manifest-digest\"]'"
OPTIONAL = "jq .optional"
SUBJECTS = f"{_STATEMENT} | jq -r '.subject[].digest.sha256'"
SAID = f"{_STATEMENT} | jq '.subject[0].annotations'"
CHILDREN = "jq -r '.manifests[].digest'"


@dataclass(frozen=True)
class Curl:
    """Asks one repository of the registry at `url`; whoever has to sign in adds `-u NAME`, or a token."""

    url: str
    repository: str

    def manifest(self, reference: str, then: str) -> str:
        """Fetch a manifest by tag or digest, and pipe it into `then`."""
        return f"{self._get(f'manifests/{reference}', accept=True)} | {then}"

    def blob(self, digest: str, then: str) -> str:
        """Fetch a blob, and pipe it into `then`."""
        return f"{self._get(f'blobs/{digest}')} | {then}"

    def referrers(self, digest: str) -> str:
        """List what refers to `digest`."""
        return f"{self._get(f'referrers/{digest}')} | jq '.manifests[] | .artifactType, .digest'"

    def status(self, path: str) -> str:
        """Print the status of an answer: 404 where there is nothing."""
        where = shlex.quote(self._address(path))
        return f"curl -sL -o /dev/null -w '%{{http_code}}\\n' -H {shlex.quote(f'Accept: {ACCEPT}')} {where}"

    def check_layer(self, reference: str, layer: int, digest: str, key_file: str, kind: str) -> str:
        """Check the signature of one layer (from 1) of a signature manifest with a public key's file."""
        annotation = f'.layers[{layer - 1}].annotations["{SIGNATURE}"]'
        return "\n".join((
            f"{self._get(f'blobs/{digest}')} -o signed.bin",
            f"{self.manifest(reference, f'jq -r {shlex.quote(annotation)}')} | base64 -d > signature.bin",
            _openssl(key_file, kind),
        ))  # fmt: skip

    def check_bundle(self, digest: str, key_file: str, kind: str) -> str:
        """Check the signature in a bundle: what is signed is DSSE's encoding of the envelope's body."""
        return "\n".join((
            f"{self._get(f'blobs/{digest}')} -o bundle.json",
            "jq -r .dsseEnvelope.payload bundle.json | base64 -d > body.bin",
            f"printf 'DSSEv1 {len(PAYLOAD_TYPE)} {PAYLOAD_TYPE} %d ' \"$(wc -c < body.bin)\" > signed.bin",
            "cat body.bin >> signed.bin",
            "jq -r '.dsseEnvelope.signatures[0].sig' bundle.json | base64 -d > signature.bin",
            _openssl(key_file, kind),
        ))  # fmt: skip

    def _get(self, path: str, *, accept: bool = False) -> str:
        header = f"-H {shlex.quote(f'Accept: {ACCEPT}')} " if accept else ""
        return f"curl -fsSL {header}{shlex.quote(self._address(path))}"

    def _address(self, path: str) -> str:
        return f"{self.url.rstrip('/')}/v2/{quote(self.repository)}/{quote(path, safe='/:')}"


def _openssl(key_file: str, kind: str) -> str:
    if kind == "Ed25519":
        return shlex.join((
            "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key_file, "-rawin", "-in", "signed.bin", "-sigfile",
            "signature.bin",
        ))  # fmt: skip
    return shlex.join(("openssl", "dgst", "-sha256", "-verify", key_file, "-signature", "signature.bin", "signed.bin"))
