"""Downloads official files: several mirrors in turn, nothing kept whose checksum is not the official one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gvae.errors import GvaeError


@dataclass(frozen=True)
class Files:
    """The official files of one data set."""

    name: str
    """name of the data set"""
    folders: tuple[str, ...]
    """where they may lie below the root; `fetch` uses the first"""
    mirrors: tuple[str, ...]
    """addresses to which a file's name is appended"""
    packed: dict[str, str]
    """MD5 of each downloaded .gz file, by the file's name"""
    content: dict[str, str]
    """MD5 of the unpacked content, by the name without .gz"""


def download(files: Files, root: Path, mirrors: Sequence[str] | None = None) -> list[Path]:
    """Download the files of one data set; arguments and errors as for `fetch`."""
    folder = root / files.folders[0]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GvaeError(f"cannot make the folder {folder} ({error}); choose another --data-root") from error
    return [_one(name, digest, folder, mirrors or files.mirrors) for name, digest in files.packed.items()]


def _one(name: str, md5: str, folder: Path, mirrors: Sequence[str]) -> Path:
    """Download one file from the first mirror that has the right one."""
    import pooch

    pooch.get_logger().setLevel(logging.ERROR)  # our caller says what happens
    path = folder / name
    right = path.exists() and pooch.file_hash(str(path), alg="md5") == md5
    reasons = []
    for mirror in () if right else mirrors:
        try:
            loader: Any = pooch.HTTPDownloader(timeout=30)
            pooch.retrieve(f"{mirror.rstrip('/')}/{name}", f"md5:{md5}", name, str(folder), downloader=loader)
            return path
        except (OSError, ValueError) as error:  # requests' errors are OSErrors; a wrong checksum is a ValueError
            reasons.append(f"{mirror}: {_short(error)}")
    if not right:
        path.unlink(missing_ok=True)  # what lies there has a wrong checksum
        raise GvaeError(
            f"could not fetch {name}. {'; '.join(reasons)}. Try later, or put the file into {folder} yourself"
        )
    return path


def _short(error: Exception) -> str:
    """The kernel of a download error."""
    text = str(error)
    if "Max retries exceeded" in text or "timed out" in text:
        return "does not answer"
    return "wrong checksum, the file was removed" if "hash" in text.lower() else text.splitlines()[0][:160]
