"""The evidence of many verdicts as one archive, and the script that checks all of it with openssl alone."""

import base64
import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from harborweb.audit.formats.about import About, TrustedBy
from harborweb.audit.models import ArtifactVerdict
from harborweb.audit.report import as_row, file_name
from harborweb.verification.verdict import GREEN, Verdict

# One line for each trusted artifact, tab-separated: folder, key, kind, prefix of its files, digest that is signed,
# digest of the artifact. Every word in it is ours or checked: digests, and names that `file_name` has made. In place
# of a prefix `-` is none, and ALONE none and no manifest either.
LIST = "trusted.tsv"
ALONE = "="
SCRIPT = r"""#!/bin/sh
# Checks every trusted verdict in this folder with openssl, sha256sum and grep; nothing else is needed, and nothing is
# fetched. Compare the fingerprints of the keys in keys/ with those that their owners give you:
#   openssl pkey -pubin -in keys/NAME.pub -outform DER | sha256sum
cd "$(dirname "$0")" || exit 2
good=0
bad=0

signature() { # key kind signed signature
  if [ "$2" = Ed25519 ]; then
    openssl pkeyutl -verify -pubin -inkey "keys/$1" -rawin -in "$3" -sigfile "$4"
  else
    openssl dgst -sha256 -verify "keys/$1" -signature "$4" "$3"
  fi >/dev/null 2>&1
}

check() { # folder key kind prefix signed-digest own-digest
  prefix=${4#[-=]}
  signature "$2" "$3" "$1/${prefix}signed.bin" "$1/${prefix}signature.bin" || { why="the signature"; return 1; }
  grep -q "${5#sha256:}" "$1/${prefix}signed.bin" || { why="the digest that is signed"; return 1; }
  [ "$4" != = ] || return 0 # found by its digest alone: no manifest was read, so none is here
  [ "$(sha256sum < "$1/${prefix}manifest.json" | cut -d' ' -f1)" = "${5#sha256:}" ] || { why="the manifest"; return 1; }
  [ -z "$prefix" ] || grep -q "$6" "$1/${prefix}manifest.json" || { why="the index, which does not list it"; return 1; }
}

while IFS="$(printf '\t')" read -r folder key kind prefix signed own; do
  if check "$folder" "$key" "$kind" "$prefix" "$signed" "$own"; then
    good=$((good + 1))
  else
    bad=$((bad + 1))
    echo "WRONG $own in $folder: $why"
  fi
done < trusted.tsv
echo "$good verified, $bad wrong"
[ "$bad" = 0 ]
"""


@dataclass
class Archive:
    """Writes an archive row by row; `files` is where to."""

    files: zipfile.ZipFile
    about: About
    count: int = 0
    checkable: int = 0
    commands: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    rows: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keys: Mapping[str, TrustedBy] = {key.fingerprint: key for key in self.about.keys}

    def add(self, row: ArtifactVerdict) -> None:
        """One artifact: a folder with its evidence, and its line in the lists."""
        self.count += 1
        folder = f"{self.count:05d}-{file_name(row.repository)[:60]}-{row.digest[7:19]}"
        evidence = {file_name(name): base64.b64decode(text) for name, text in row.evidence.items()}
        for name, data in evidence.items():
            self.files.writestr(f"{folder}/{name}", data)
        self.rows.append(json.dumps(as_row(row) | {"folder": folder}, ensure_ascii=False))
        if row.command:
            self.commands.append(f"# {folder}\n{row.command}\n")
        if row.verdict in GREEN:
            self._list(row, folder, evidence)

    def _list(self, row: ArtifactVerdict, folder: str, evidence: Mapping[str, bytes]) -> None:
        prefix = "index-" if row.verdict == Verdict.VIA_INDEX else ""
        manifest = evidence.get(f"{prefix}manifest.json", b"")
        hashed = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        if row.verdict == Verdict.TRUSTED and not manifest:
            prefix, hashed = ALONE, row.digest
        key = self.keys.get(row.key)
        whole = hashed in (set(row.parents) if row.verdict == Verdict.VIA_INDEX else {row.digest})
        if key is None or not whole or not evidence.get(f"{prefix.strip(ALONE)}signature.bin"):
            why = _("its key is no key file") if key is None else _("what is kept of it is not whole")
            self.unchecked.append(f"{row.digest} {folder}: {why}")
            return
        self.checkable += 1
        self.lines.append("\t".join((folder, key.file, key.kind, prefix or "-", hashed, row.digest)))

    def finish(self) -> None:
        """The keys, the lists, the script and how to use them."""
        for key in self.about.keys:
            self.files.writestr(f"keys/{key.file}", key.pem + "\n")
        script = zipfile.ZipInfo("verify.sh", self.about.made.timetuple()[:6])
        script.external_attr = 0o100755 << 16
        self.files.writestr(script, SCRIPT)
        self.files.writestr(LIST, _joined(self.lines))
        self.files.writestr("verdicts.json", "[\n" + ",\n".join(self.rows) + "\n]\n")
        head = _("# In the folder keys/, where the registry %s can be reached:\n") % self.about.host
        self.files.writestr("commands.txt", head + "\n".join(self.commands))
        self.files.writestr("not-checkable.txt", _joined(self.unchecked))
        self.files.writestr("README.txt", self._readme())

    def _readme(self) -> str:
        words = {
            "host": self.about.host, "made": f"{self.about.made:%Y-%m-%d %H:%M %Z}", "n": self.count,
            "scope": self.about.scope or _("everything"), "checkable": self.checkable, "left": len(self.unchecked),
        }  # fmt: skip
        return (
            _(
                "Evidence of %(n)d verdicts on %(host)s, written %(made)s; what of it: %(scope)s.\n\n"
                "sh verify.sh     checks the %(checkable)d trusted verdicts with openssl alone; it fetches nothing\n"
                "commands.txt     asks the registry again with cosign, one artifact after the other\n"
                "verdicts.json    what was found, with the reason, and the folder of each\n"
                "keys/            the public keys that count; compare their fingerprints with their owners'\n"
                "not-checkable.txt  %(left)d trusted verdicts that the script leaves out, and why\n\n"
                "In a folder: manifest.json is the artifact's, its SHA-256 the digest; it is missing where Harbor's\n"
                "list led to the signature and the digest was all that had to be known; signature-manifest.json where\n"
                "the signature was found, signed.bin the signed bytes, signature.bin the signature. Names that\n"
                "begin with index- are those of the index that lists the artifact.\n"
            )
            % words
        )


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
