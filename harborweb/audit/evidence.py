"""The evidence of one verdict as an archive for somebody who has nothing of ours."""

import base64
import io
import zipfile
from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.report import file_name, to_json

NO_MANIFEST = gettext_lazy(
    "It is not here: the registry's list led to the signature, and the digest was all that had to be known, so the\n"
    "manifest was not read. What is signed names the digest: %(digest)s."
)


def archive(row: ArtifactVerdict, public_keys: Mapping[str, str]) -> bytes:
    """A zip of the manifests, the signed bytes and the signature of `row`, the trusted public keys
    (PEM by file name) and the commands that repeat the check with cosign or openssl alone."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
        for name, content in row.evidence.items():
            files.writestr(file_name(name), base64.b64decode(content))
        for name, pem in public_keys.items():
            files.writestr(name, pem)
        files.writestr("verdict.json", to_json([row]))
        files.writestr("commands.txt", row.command + "\n")
        files.writestr(
            "README.txt",
            _(
                "Evidence of one verdict. verdict.json says what was found, commands.txt how to check it again:\n"
                "run the commands in this folder. manifest.json is the artifact's manifest; its SHA-256 is the digest."
            )
            + "\n"
            + ("" if "manifest.json" in row.evidence else NO_MANIFEST % {"digest": row.digest} + "\n"),
        )
    return out.getvalue()
