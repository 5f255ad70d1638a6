"""Archives: nothing lands outside, and what cannot be unpacked as a whole leaves nothing."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from gvae.data.files.archives import unpack
from gvae.errors import GvaeError


def tarball(path: Path, *members: tuple[str | tarfile.TarInfo, bytes]) -> Path:
    """Write a .tar.gz."""
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, data in members:
            about = tarfile.TarInfo(name) if isinstance(name, str) else name
            about.size = about.size or len(data)
            tar.addfile(about, io.BytesIO(data) if data else None)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A member that is no plain file."""
    about = tarfile.TarInfo(name)
    about.type, about.linkname = kind, target
    return about


TARS: dict[str, tuple[list, str]] = {
    "above": ([("../evil", b"x")], r"'\.\./evil' would be extracted to .*outside"),
    "above, inside the folder": ([("inner/../../../evil", b"x")], r"outside the destination"),
    "link out": ([(special("inner/link", tarfile.SYMTYPE, "/etc"), b"")], r"'inner/link' is no plain file"),
    "link, then through it": (
        [(special("inner", tarfile.SYMTYPE, ".."), b""), ("inner/evil", b"x")],
        r"'inner' is no plain file",
    ),
    "hard link": ([(special("inner/link", tarfile.LNKTYPE, "../../evil"), b"")], r"is no plain file or folder"),
    "device": ([(special("inner/null", tarfile.CHRTYPE), b"")], r"'inner/null' is no plain file or folder"),
    "fifo": ([(special("inner/fifo", tarfile.FIFOTYPE), b"")], r"is no plain file or folder"),
    "bomb": ([("inner/zeros", bytes(3 * 2**20))], r"holds more than 2 MiB"),
    "other folder": ([("other/data_batch_1", b"x")], r"No such file"),
    "file over folder": ([("inner/a", b"x"), ("inner/a/b", b"y")], r"cannot unpack"),
}


@pytest.mark.parametrize("name", TARS)
def test_bad_archives_leave_nothing(name: str, tmp_path: Path):
    members, message = TARS[name]
    place = tmp_path / "place"
    place.mkdir()
    archive = tarball(tmp_path / "x.tar.gz", *members)
    with pytest.raises(GvaeError, match=rf"cannot unpack .*x\.tar\.gz \(.*{message.removeprefix('cannot unpack')}"):
        unpack(archive, place / "inner", largest=2 * 2**20)
    assert list(place.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["place", "x.tar.gz"]


def test_absolute_names_stay_inside(tmp_path: Path):
    tarball(tmp_path / "x.tar.gz", (f"{tmp_path}/evil", b"x"), ("inner/a", b"y"))
    unpack(tmp_path / "x.tar.gz", tmp_path / "inner")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inner", "x.tar.gz"]
    assert (tmp_path / "inner" / "a").read_bytes() == b"y"


def test_damaged_archives_leave_nothing(tmp_path: Path):
    data = np.random.default_rng(0).bytes(50_000)
    whole = tarball(tmp_path / "x.tar.gz", ("inner/a", data)).read_bytes()
    tail = gzip.compress(bytes(2**21))
    damaged = [
        whole[:20_000],
        b"",
        b"text",
        whole[:20_000] + bytes(100) + whole[20_100:],
        whole[:-8] + bytes(8),
        whole + tail,
    ]
    for content in damaged:
        (tmp_path / "x.tar.gz").write_bytes(content)
        with pytest.raises(GvaeError, match=r"cannot unpack .*nothing of it was kept"):
            unpack(tmp_path / "x.tar.gz", tmp_path / "inner")
        assert [path.name for path in tmp_path.iterdir()] == ["x.tar.gz"]
