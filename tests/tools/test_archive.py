"""Archives that want to write elsewhere, and those that are none."""

import gzip
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from harborweb.tools.archive import ArchiveError, Bounds, unpack


def tgz(*members: tuple[dict[str, Any], bytes]) -> io.BytesIO:
    """A tgz of members given as TarInfo fields and content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for fields, data in members:
            member = tarfile.TarInfo()
            member.size = len(data)
            for name, value in fields.items():
                setattr(member, name, value)
            tar.addfile(member, io.BytesIO(data) if member.isreg() else None)
    out.seek(0)
    return out


def plain(name: str, data: bytes = b"x", **fields: Any) -> tuple[dict[str, Any], bytes]:
    return {"name": name, **fields}, data


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[dict[str, Any], bytes]:
    return {"name": name, "type": kind, "linkname": target}, b""


def test_files_arrive_with_their_content_and_harmless_modes(tmp_path: Path) -> None:
    names = unpack(
        tgz(
            ({"name": "harbor", "type": tarfile.DIRTYPE, "mode": 0o700}, b""),
            plain("harbor/prepare", b"#!/bin/bash\n", mode=0o6777, uid=1234),
            plain("./harbor/harbor.yml.tmpl", b"hostname: x\n", mode=0o666),
            plain("harbor/deep/er/file", b"1", mode=0o000),
        ),
        tmp_path,
    )
    assert names == ["harbor/prepare", "harbor/harbor.yml.tmpl", "harbor/deep/er/file"]
    assert (tmp_path / "harbor/harbor.yml.tmpl").read_bytes() == b"hostname: x\n"
    modes = {name: (tmp_path / name).stat().st_mode & 0o7777 for name in names}
    assert modes == {names[0]: 0o755, names[1]: 0o644, names[2]: 0o644}
    assert (tmp_path / "harbor/prepare").stat().st_uid == os.getuid()


ATTACKS = {
    "absolute": ([plain("/tmp/harborweb-attack")], "absolute"),
    "absolute below slashes": ([plain("//etc/passwd")], "absolute"),
    "parent": ([plain("../evil")], "parent"),
    "parent inside": ([plain("harbor/../../evil")], "parent"),
    "parent folder": ([({"name": "a/../../b", "type": tarfile.DIRTYPE}, b"")], "parent"),
    "link out": ([link("harbor/x", "/etc")], "link"),
    "link out, then write through it": ([link("harbor/x", "../.."), plain("harbor/x/evil")], "link"),
    "link to itself": ([link("x", "x"), plain("x/y")], "link"),
    "link inside": ([plain("harbor/a"), link("harbor/b", "a")], "link"),
    "hard link out": ([link("harbor/x", "/etc/passwd", tarfile.LNKTYPE)], "link"),
    "hard link to a parent": ([link("harbor/x", "../../secret", tarfile.LNKTYPE)], "link"),
    "character device": ([({"name": "d", "type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5}, b"")], "special"),
    "block device": ([({"name": "d", "type": tarfile.BLKTYPE}, b"")], "special"),
    "pipe": ([({"name": "p", "type": tarfile.FIFOTYPE}, b"")], "special"),
    "twice": ([plain("a", b"1"), plain("a", b"2")], "twice"),
    "twice by another name": ([plain("a/b", b"1"), plain("a/./b", b"2")], "twice"),
    "a folder where a file is": ([plain("a", b"1"), plain("a/b", b"2")], "twice"),
    "a file where a folder is": ([plain("a/b", b"1"), plain("a", b"2")], "twice"),
    "control characters": ([plain("har\nbor")], "name"),
    "a very long name": ([plain("x" * 300)], "name"),
    "very deep": ([plain("/".join("d" * 30))], "name"),
    "nothing": ([], "empty"),
    "folders only": ([({"name": "harbor", "type": tarfile.DIRTYPE}, b"")], "empty"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_would_leave_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    members, kind = ATTACKS[name]
    inside = tmp_path / "outer" / "inside"
    inside.mkdir(parents=True)
    with pytest.raises(ArchiveError) as caught:
        unpack(tgz(*members), inside)
    assert caught.value.kind == kind
    assert not Path("/tmp/harborweb-attack").exists()
    assert [path for path in tmp_path.rglob("*") if path.is_file() and inside not in path.parents] == []
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def test_too_many_members(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="members"):
        unpack(tgz(*[plain(f"f{n}") for n in range(30)]), tmp_path, Bounds(members=20))


def test_a_bomb_is_refused_before_it_is_on_the_disk(tmp_path: Path) -> None:
    bomb = tgz(plain("zeros", bytes(20_000_000)))
    assert len(bomb.getvalue()) < 100_000
    with pytest.raises(ArchiveError, match="size"):
        unpack(bomb, tmp_path, Bounds(total=1_000_000))
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_of_many_members(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="size"):
        unpack(tgz(*[plain(f"f{n}", bytes(400_000)) for n in range(5)]), tmp_path, Bounds(total=1_000_000))


def test_a_bomb_hidden_in_a_header(tmp_path: Path) -> None:
    """The length of a pax header is the sender's word; a long one is refused before it is read."""
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 60_000_000
    packed = io.BytesIO(gzip.compress(header.tobuf(tarfile.USTAR_FORMAT) + bytes(60_000_000)))
    with pytest.raises(ArchiveError) as caught:
        unpack(packed, tmp_path, Bounds(total=1_000_000))
    assert caught.value.kind == "name"


def test_a_sparse_member_is_refused_or_bounded(tmp_path: Path) -> None:
    sparse = tarfile.TarInfo("sparse")
    sparse.type, sparse.size = tarfile.GNUTYPE_SPARSE, 0
    packed = io.BytesIO(gzip.compress(sparse.tobuf(tarfile.GNU_FORMAT) + bytes(1024)))
    with pytest.raises(ArchiveError):
        unpack(packed, tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"PK\x03\x04" + bytes(100),
        gzip.compress(b"just text"),
        bytes(10240),
        gzip.compress(b""),
        os.urandom(3000),
    ],
    ids=["empty", "text", "zip", "gzip of text", "zeros", "gzip of nothing", "noise"],
)
def test_a_tgz_that_is_none(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as caught:
        unpack(io.BytesIO(data), tmp_path)
    assert caught.value.kind in {"not_a_tgz", "cut_off", "empty"}


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_an_archive_that_was_cut_off(kept: float, tmp_path: Path) -> None:
    whole = tgz(plain("harbor/a", os.urandom(50_000)), plain("harbor/b", os.urandom(50_000))).getvalue()
    with pytest.raises(ArchiveError) as caught:
        unpack(io.BytesIO(whole[: int(len(whole) * kept)]), tmp_path)
    assert caught.value.kind in {"cut_off", "not_a_tgz"}


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_long_extended_header_is_refused_unread(tmp_path: Path, kind: bytes) -> None:
    """tarfile would search twenty million digits for a word, for days."""
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, 20_000_000
    file = io.BytesIO(gzip.compress(header.tobuf() + b"1" * header.size + bytes(1024)))
    with pytest.raises(ArchiveError) as refused:
        unpack(file, tmp_path)
    assert refused.value.kind == "name"
