"""Unpacks downloaded archives: nothing lands outside, nothing runs, and what is there is whole."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path

from gvae.errors import GvaeError

LARGEST = 2**30
"""bytes of content beyond which an archive is refused"""


def unpack(archive: Path, folder: Path, largest: int = LARGEST) -> None:
    """Unpack from a .tar.gz the folder of the name of `folder`, under another name first, then rename it.

    Args:
        archive: the .tar.gz.
        folder: what is to come of it; its parent exists, itself it does not.
        largest: bytes of content at most.

    Raises:
        GvaeError: a member that would land elsewhere or is no plain file or folder, too much content, no such
            folder in it, a cut or corrupt archive, a full disk.
    """
    if not hasattr(tarfile, "data_filter"):
        raise GvaeError(
            f"this Python cannot unpack archives safely, 3.11.4 and later can; or unpack {archive} yourself "
            f"into {folder.parent}"
        )
    temporary = None
    try:
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            _check_members(tar, largest)
            if len(stream.read(2**20)) == 2**20:  # at its end gzip compares the checksum
                raise tarfile.TarError("something follows its end")
            tar.extractall(temporary, filter="data")
        (temporary / folder.name).rename(folder)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise GvaeError(
            f"cannot unpack {archive} ({str(error)[:300]}); nothing of it was kept. Delete it and fetch it again, "
            "or free some space"
        ) from error
    finally:
        if temporary:
            shutil.rmtree(temporary, ignore_errors=True)


def _check_members(tar: tarfile.TarFile, largest: int) -> None:
    """Refuse links, devices and too much content, header by header: before any content is unpacked."""
    total = 0
    for member in tar:
        total += member.size
        if not (member.isreg() or member.isdir()):
            raise tarfile.TarError(f"{member.name!r} is no plain file or folder")
        if total > largest:
            raise tarfile.TarError(f"it holds more than {largest / 2**20:.0f} MiB")
