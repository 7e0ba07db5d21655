"""The kit as one file to download: a folder with a README, the CA, and every file under its real path.

The same answers make the same bytes: entries are sorted, and have a fixed time and no owner's name.
"""

import gzip
import io
import re
import tarfile
import zipfile
from collections.abc import Iterable

from django.utils.translation import gettext as _

from harborweb.access.kit.guide import CA_NAME, Guide, Step
from harborweb.access.kit.target import Target

FORMS = {"tar": ("tar.gz", "application/gzip"), "zip": ("zip", "application/zip")}
MIDNIGHT = (1980, 1, 1, 0, 0, 0)  # the first moment a zip can name
EPOCH = 315_532_800  # the same for a tar
ROOT = "harbor-client-kit"


def file_name(target: Target, tool: str, form: str) -> str:
    """What the download is called: safe in a header and on every system."""
    host = re.sub(r"[^A-Za-z0-9.-]+", "-", target.host).strip("-.")
    return f"{ROOT}-{host}-{tool}.{FORMS[form][0]}"


def entries(target: Target, guides: Iterable[Guide]) -> dict[str, tuple[bytes, int]]:
    """Content and mode by path. What belongs below / lies below `files/`, what belongs beside the commands beside
    the tool's README. A file that a mirror step makes anew is the one with the mirror in it."""
    chosen = list(guides)
    found = {f"{ROOT}/README.md": (_readme(target, chosen).encode(), 0o644)}
    if target.ca_pem:
        found[f"{ROOT}/{CA_NAME}"] = (target.ca_pem.encode(), 0o644)
    for one in chosen:
        folder = f"{ROOT}/{one.tool}"
        found[f"{folder}/README.md"] = (_tool_readme(one).encode(), 0o644)
        for file in one.files:
            path = f"{folder}/files{file.path}" if file.path.startswith("/") else f"{folder}/{file.path}"
            found[path] = (file.content.encode(), file.mode)
    return dict(sorted(found.items()))


def packed(form: str, target: Target, guides: Iterable[Guide]) -> bytes:
    """The folder as a tar.gz (`tar`) or a zip."""
    found = entries(target, guides)
    return _tar(found) if form == "tar" else _zip(found)


def _tar(found: dict[str, tuple[bytes, int]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, (content, mode) in found.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode, member.mtime = len(content), mode, EPOCH
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)


def _zip(found: dict[str, tuple[bytes, int]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as files:
        for path, (content, mode) in found.items():
            member = zipfile.ZipInfo(path, MIDNIGHT)
            member.create_system, member.external_attr = 3, (0o100000 | mode) << 16  # Unix, so that modes survive
            member.compress_type = zipfile.ZIP_DEFLATED
            files.writestr(member, content)
    return out.getvalue()


def _readme(target: Target, guides: list[Guide]) -> str:
    lines = [f"# {_('Client kit of %(host)s') % {'host': target.host}}", ""]
    lines.append(
        _("For project %(project)s, as %(robot)s. There is no password in here; where a file needs one it has a "
          "place-holder.") % {"project": target.project, "robot": target.robot}
    )  # fmt: skip
    if target.ca_pem:
        lines += ["", _("%(name)s is the certificate of the authority behind this Harbor.") % {"name": CA_NAME}]
    lines += [
        "",
        _("One folder for each tool. Read its README first. What is below files/ belongs at the same path below /; "
          "a file marked “add to it” must not replace one that is there."),
        "",
    ]  # fmt: skip
    return "\n".join([*lines, *(f"- [{one.name}]({one.tool}/README.md): {one.about}" for one in guides)]) + "\n"


def _tool_readme(guide: Guide) -> str:
    return "\n".join([f"# {guide.name}", "", guide.about, *(_step(n, one) for n, one in enumerate(guide.steps, 1))])


def _step(number: int, step: Step) -> str:
    lines = ["", f"## {number}. {step.title}", ""]
    lines += [step.text, ""] if step.text else []
    for file in step.files:
        note = _("add to it where it exists") if file.merge else ""
        lines += [f"- `{file.path}` ({file.octal}{', ' + note if note else ''})"]
    lines += [""] if step.files else []
    lines += [f"{step.where}:", ""] if step.where else []
    lines += ["```", *step.commands, "```", ""] if step.commands else []
    return "\n".join(lines)
