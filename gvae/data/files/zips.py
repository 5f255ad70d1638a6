"""The files of a folder and of the zip archives in it, read without unpacking anything to the disk."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from gvae.errors import GvaeError

LARGEST = 2 * 2**30
"""bytes of a member of an archive beyond which it is refused"""


@dataclass(frozen=True)
class File:
    """A file, or a member of an archive.

    Attributes:
        where: its place below the root; a member's goes through the archive: PATIENT.zip/PATIENT/image_0.
        path: the same with the root, for messages.
        size: bytes, as unpacked.
        open: opens it for reading.
    """

    where: PurePosixPath
    path: str
    size: int
    open: Callable[[], IO[bytes]]

    def read(self, n: int = -1) -> bytes:
        """Its first n bytes, or all.

        Raises:
            GvaeError: it cannot be read, or the archive is damaged.
        """
        try:
            with self.open() as stream:
                return stream.read(n)
        except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise GvaeError(f"{self.path} cannot be read ({error}); copy or download it again") from error


def files_below(root: Path) -> list[File]:
    """Visible files of a folder and its sub-folders, those in zip archives too, sorted; or of one archive; or one file.

    Raises:
        GvaeError: an archive that is damaged, encrypted, too large, or has members that would land outside.
    """
    if not root.is_dir():
        return list(_of(root, PurePosixPath(root.name)))
    found: list[File] = []
    for path in sorted(root.rglob("*")):
        where = path.relative_to(root)
        if path.is_file() and not any(part.startswith(".") for part in where.parts):
            found += _of(path, PurePosixPath(where.as_posix()))
    return found


def _of(path: Path, where: PurePosixPath) -> Iterator[File]:
    """The file itself, or the members of an archive."""
    if path.suffix.lower() != ".zip":
        yield File(where, str(path), path.stat().st_size, partial(path.open, "rb"))
        return
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise GvaeError(f"{path} is no whole zip archive ({error}); copy or download it again") from error
    for member in archive.infolist():
        _check(member, path)
        if not member.is_dir() and not member.filename.startswith("__MACOSX/"):
            place = where / member.filename
            yield File(place, f"{path}/{member.filename}", member.file_size, partial(archive.open, member))


def _check(member: zipfile.ZipInfo, path: Path) -> None:
    """Refuse names that lead outside, passwords and bombs, before any content is read."""
    name = member.filename
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
        raise GvaeError(f"{path} holds {name!r}, a path that leads out of it; get the archive from its source")
    if member.flag_bits & 1:
        raise GvaeError(f"{path} is encrypted; unpack it with its password and give the folder")
    if member.file_size > LARGEST:
        raise GvaeError(
            f"{path} holds {name!r} of {member.file_size / 2**30:.1f} GiB, more than {LARGEST / 2**30:.0f}; unpack it "
            "and give the folder"
        )
