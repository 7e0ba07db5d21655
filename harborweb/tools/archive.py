"""Unpack a tgz that somebody else made, so that nothing of it lands outside its folder."""

import gzip
import io
import re
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

CHUNK = 256 * 1024
EXTENSION = 4096  # bytes of a header that says more of the next member: a name of 20 folders fits


class ArchiveError(Exception):
    """The archive is refused. `kind` is one of KINDS, `name` the member it is about (bounded), or empty."""

    KINDS = (
        "not_a_tgz",
        "cut_off",
        "absolute",
        "parent",
        "link",
        "special",
        "name",
        "twice",
        "members",
        "size",
        "empty",
    )

    def __init__(self, kind: str, name: str = "") -> None:
        super().__init__(f"{kind}: {name}" if name else kind)
        self.kind = kind
        self.name = name[:200]


@dataclass(frozen=True)
class Bounds:
    """How much an archive may hold; an online installer has about six files and 60 KiB."""

    members: int = 2000
    total: int = 256 * 1024 * 1024
    depth: int = 20


class _Bounded(io.RawIOBase):
    """Decompressed bytes, at most `limit` of them: also headers cannot make a small file a large one."""

    def __init__(self, source: IO[bytes], limit: int) -> None:
        self._source = source
        self._left = limit

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(min(size, CHUNK) if size >= 0 else CHUNK)
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveError("size")
        return data


class _Member(tarfile.TarInfo):
    """A header. One with more than EXTENSION bytes of its own is refused unread: tarfile searches them for ever."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        member = super().frombuf(buf, encoding, errors)
        if member.size > EXTENSION and member.type in {
            tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME,
            tarfile.GNUTYPE_LONGLINK,
        }:  # fmt: skip
            raise ArchiveError("name", member.name)
        return member


def unpack(file: IO[bytes], into: Path, bounds: Bounds = Bounds()) -> list[str]:
    """Unpack the gzip-compressed tar in `file` into the empty folder `into`; returns the names of its files.

    Only files and folders: links and devices are refused altogether, wherever they point, since an installer
    needs none. With no link in the folder and no `..` in a name, nothing can be written outside. Everything is
    written here and not by `tarfile.extract`, whose `data` filter Debian 12's Python 3.11.2 does not have.
    Owners are dropped; modes become 0755 or 0644. Raises ArchiveError; what is already written is the caller's
    to remove.
    """
    limit = bounds.total + bounds.members * 2048
    try:
        with (
            gzip.GzipFile(fileobj=file) as plain,
            tarfile.open(fileobj=_Bounded(plain, limit), mode="r|", tarinfo=_Member) as tar,  # type: ignore[arg-type, call-overload, unused-ignore]
        ):
            return _members(tar, into, bounds)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error) as error:
        cut = isinstance(error, tarfile.ReadError) and "unexpected end" in str(error)
        raise ArchiveError("cut_off" if cut else "not_a_tgz") from error
    except (EOFError, UnicodeError, ValueError, OverflowError, RecursionError) as error:
        raise ArchiveError("cut_off" if isinstance(error, EOFError) else "not_a_tgz") from error


def _members(tar: tarfile.TarFile, into: Path, bounds: Bounds) -> list[str]:
    files: list[str] = []
    total = 0
    for count, member in enumerate(tar, start=1):
        if count > bounds.members:
            raise ArchiveError("members")
        target = into / _safe_name(member, bounds)
        if member.isdir():
            _make_folder(target, member.name)
            continue
        total += member.size
        if total > bounds.total:
            raise ArchiveError("size", member.name)
        _make_folder(target.parent, member.name)
        _write(tar, member, target)
        files.append(str(target.relative_to(into)))
    if not files:
        raise ArchiveError("empty")
    return files


def _safe_name(member: tarfile.TarInfo, bounds: Bounds) -> str:
    """The member's name below its folder; raises ArchiveError when it or its kind is not harmless."""
    name = member.name
    if member.issym() or member.islnk():
        raise ArchiveError("link", f"{name} → {member.linkname}")
    if not (member.isdir() or member.isreg()) or member.issparse():
        raise ArchiveError("special", name)
    if name.startswith(("/", "\\")):
        raise ArchiveError("absolute", name)
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise ArchiveError("parent", name)
    if len(parts) > bounds.depth or any(
        len(part.encode()) > 255 or re.search(r"[\x00-\x1f\x7f]", part) for part in parts
    ):
        raise ArchiveError("name", name)
    if not parts and not member.isdir():
        raise ArchiveError("name", name)
    return "/".join(parts) or "."


def _make_folder(folder: Path, name: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    except (FileExistsError, NotADirectoryError) as error:  # a file of the archive already has this name
        raise ArchiveError("twice", name) from error


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = tar.extractfile(member)
    if source is None:
        raise ArchiveError("special", member.name)
    try:
        with target.open("xb") as out:
            while chunk := source.read(CHUNK):
                out.write(chunk)
    except (FileExistsError, IsADirectoryError) as error:
        raise ArchiveError("twice", member.name) from error
    if target.stat().st_size != member.size:
        raise ArchiveError("cut_off", member.name)
    target.chmod(0o755 if member.mode & 0o111 else 0o644)
