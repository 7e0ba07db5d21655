"""The file of a backup: one tar that harborweb, or `age` and `tar` alone, can open with its passphrase.

    README.txt        what this is and how to open it without harborweb
    manifest.json     format, time, version: nothing secret
    key.age           an X25519 identity, encrypted with the passphrase (scrypt)
    content.tar.age   everything else, a tar encrypted to that identity
    SHA256SUMS        of the four, to tell a damaged file from a wrong passphrase

The content is encrypted while it is read, so nothing of it lies on the disk in the clear.
"""

import hashlib
import io
import json
import os
import stat
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyrage  # type: ignore[import-untyped]
from django.utils.translation import gettext as _

from harborweb.errors import Problem

FORMAT = 1
CHUNK = 256 * 1024
SUMS = "SHA256SUMS"
MOST_SUMS = 64 * 1024 * 1024  # half a million files
_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True)
class Member:
    """A file, folder or link of the content: a tar header, and where its bytes come from."""

    info: tarfile.TarInfo
    open: Callable[[], AbstractContextManager[IO[bytes]]] | None = None

    @classmethod
    def of(cls, path: Path, name: str) -> "Member | None":
        """What lies at `path`, with its owner and mode; None for what a backup cannot hold (sockets, devices)."""
        seen = path.lstat()
        info = tarfile.TarInfo(name)
        info.mode, info.uid, info.gid, info.mtime = (
            stat.S_IMODE(seen.st_mode),
            seen.st_uid,
            seen.st_gid,
            int(seen.st_mtime),
        )
        if stat.S_ISDIR(seen.st_mode):
            info.type = tarfile.DIRTYPE
        elif stat.S_ISLNK(seen.st_mode):
            info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
        elif stat.S_ISREG(seen.st_mode):
            info.size = seen.st_size
            return cls(info, lambda: path.open("rb"))
        else:
            return None
        return cls(info)

    @classmethod
    def holding(cls, name: str, data: bytes) -> "Member":
        """A file with these bytes that only its owner may read."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o600
        return cls(info, lambda: io.BytesIO(data))


class Changed(Exception):
    """A file grew or shrank while it was read."""


class _Content(io.RawIOBase):
    """The tar of the members as a stream to read; every file's SHA-256 is known at its end, and its last member."""

    def __init__(self, members: Iterable[Member], between: Callable[[int], None]) -> None:
        self.sums: dict[str, str] = {}
        self.failed: BaseException | None = None  # pyrage would make another error of it
        self._between, self._done = between, 0
        self._blocks, self._rest = self._tar(members), b""

    def readable(self) -> bool:
        """It is only read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes; 0 at the end."""
        while not self._rest:
            try:
                self._rest = next(self._blocks)
            except StopIteration:
                return 0
            except BaseException as error:  # noqa: BLE001 - `write` raises it
                self.failed = error
                return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _tar(self, members: Iterable[Member]) -> Iterator[bytes]:
        for member in members:
            yield from self._one(member)
        lines = "".join(f"{digest}  {name}\n" for name, digest in self.sums.items())
        yield from self._one(Member.holding(SUMS, lines.encode()))
        del self.sums[SUMS]
        yield b"\0" * _BLOCK * 2

    def _one(self, member: Member) -> Iterator[bytes]:
        yield member.info.tobuf(tarfile.GNU_FORMAT)
        if member.open is None:
            return
        digest, left = hashlib.sha256(), member.info.size
        with member.open() as file:
            while data := file.read(min(CHUNK, left + 1)):
                left -= len(data)
                if left < 0:
                    raise Changed(member.info.name)
                digest.update(data)
                self._done += len(data)
                self._between(self._done)
                yield data
        if left:
            raise Changed(member.info.name)
        yield b"\0" * (-member.info.size % _BLOCK)
        self.sums[member.info.name] = digest.hexdigest()


class _Hashing:
    """A file to write to that counts and hashes what it is given."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.size, self.digest = file, 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def write(
    file: IO[bytes], members: Iterable[Member], passphrase: str, *, readme: str, manifest: Mapping[str, Any],
    between: Callable[[int], None] = lambda done: None,
) -> dict[str, str]:  # fmt: skip
    """Write a backup into `file` (open for writing, seekable); returns the SHA-256 of every file in its content.

    `between` hears, between two pieces, how many bytes were read, and may raise. Raises Changed, OSError.
    """
    identity = pyrage.x25519.Identity.generate()
    plain = {
        "README.txt": readme.encode(),
        "manifest.json": json.dumps({**manifest, "format": FORMAT}, indent=2, sort_keys=True).encode() + b"\n",
        "key.age": pyrage.passphrase.encrypt(f"{identity}\n".encode(), passphrase),
    }
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in plain.items()}
    for name, data in plain.items():
        _add(file, name, data)
    header = file.tell()
    file.write(b"\0" * _BLOCK)
    content, sink = _Content(members, between), _Hashing(file)
    pyrage.encrypt_io(io.BufferedReader(content, CHUNK), sink, [identity.to_public()])
    if content.failed:
        raise content.failed
    file.write(b"\0" * (-sink.size % _BLOCK))
    sums["content.tar.age"] = sink.digest.hexdigest()
    _add(file, SUMS, "".join(f"{digest}  {name}\n" for name, digest in sums.items()).encode())
    file.write(b"\0" * _BLOCK * 2)
    file.seek(header)
    file.write(_header("content.tar.age", sink.size))
    file.seek(0, os.SEEK_END)
    return content.sums


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT)


def _add(file: IO[bytes], name: str, data: bytes) -> None:
    file.write(_header(name, len(data)) + data + b"\0" * (-len(data) % _BLOCK))


def sums(member: tarfile.TarInfo, data: IO[bytes]) -> str:
    """The text of the content's own list of sums; raises Problem where it is too large to be one."""
    if member.size > MOST_SUMS:
        raise damaged()
    return data.read().decode(errors="replace")


def damaged() -> Problem:
    """The file is not what was written."""
    return Problem(_("This file is no backup of harborweb, or it is damaged."), _("Take another copy of it."))


def manifest(file: IO[bytes]) -> dict[str, Any]:
    """What a backup says of itself without its passphrase; raises Problem for a file that is none."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            found = json.loads(_read(tar, "manifest.json"))
    except (tarfile.TarError, ValueError, OSError) as error:
        raise damaged() from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise Problem(
            _("This backup has a format that this harborweb does not know."), _("Use the version that wrote it.")
        )
    return found


def _read(tar: tarfile.TarFile, name: str, limit: int = 1024 * 1024) -> bytes:
    try:
        member = tar.getmember(name)
    except KeyError as error:
        raise damaged() from error
    data = tar.extractfile(member)
    if data is None or member.size > limit:
        raise damaged()
    return data.read()


@contextmanager
def opened(file: IO[bytes], passphrase: str) -> Iterator[tarfile.TarFile]:
    """The content of a backup, to be gone through once from its beginning.

    Raises Problem for a damaged file (the sums are compared first) and for a wrong passphrase.
    """
    manifest(file)
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as tar:
        _compare(tar)
        try:
            identity = pyrage.passphrase.decrypt(_read(tar, "key.age"), passphrase).decode().strip()
        except pyrage.DecryptError as error:
            raise Problem(
                _("This passphrase does not open the backup."), _("Look for spaces and capitals, and try again."),
                field="passphrase",
            ) from error  # fmt: skip
        content = tar.extractfile("content.tar.age")
        if content is None:
            raise damaged()
        with _decrypted(content, pyrage.x25519.Identity.from_str(identity)) as inner:
            yield inner


def _compare(tar: tarfile.TarFile) -> None:
    """Hold every member against SHA256SUMS."""
    try:
        for line in _read(tar, SUMS).decode().splitlines():
            digest, name = line.split("  ", 1)
            member = tar.extractfile(name)
            if member is None or hashlib.file_digest(member, "sha256").hexdigest() != digest:  # type: ignore[arg-type]
                raise damaged()
    except (KeyError, ValueError, OSError, tarfile.TarError) as error:
        raise damaged() from error


@contextmanager
def _decrypted(content: IO[bytes], identity: pyrage.x25519.Identity) -> Iterator[tarfile.TarFile]:
    """pyrage writes, tarfile reads: a thread and a pipe between them."""
    reading, writing = os.pipe()
    failed: list[BaseException] = []

    def decrypt() -> None:
        try:
            with os.fdopen(writing, "wb") as sink:
                pyrage.decrypt_io(content, sink, [identity])
        except BrokenPipeError:
            pass  # whoever reads has seen enough
        except Exception as error:  # noqa: BLE001 - it belongs to the thread that reads, which raises it
            failed.append(error)

    thread = threading.Thread(target=decrypt, daemon=True)
    with os.fdopen(reading, "rb") as source:
        thread.start()
        try:
            with tarfile.open(fileobj=source, mode="r|") as tar:
                yield tar
        except tarfile.TarError as error:
            raise damaged() from error
        finally:
            source.close()
            thread.join()
    if failed:
        raise damaged() from failed[0]


def check(file: IO[bytes], passphrase: str, between: Callable[[int], None] = lambda done: None) -> dict[str, str]:
    """Really decrypt everything; returns the SHA-256 of every file found. Raises Problem where they are not those
    that the backup itself says."""
    found: dict[str, str] = {}
    said: dict[str, str] = {}
    done = 0
    with opened(file, passphrase) as tar:
        for member in tar:
            data = tar.extractfile(member) if member.isfile() else None
            if data is None:
                continue
            if member.name == SUMS:
                lines = (line.partition("  ") for line in sums(member, data).splitlines())
                said = {name: digest for digest, _space, name in lines}
                continue
            digest = hashlib.sha256()
            while piece := data.read(CHUNK):
                digest.update(piece)
                done += len(piece)
                between(done)
            found[member.name] = digest.hexdigest()
    if not said or found != said:
        raise damaged()
    return found
