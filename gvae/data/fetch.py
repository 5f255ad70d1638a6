"""Downloads official files: several mirrors in turn, nothing kept whose checksum is not the official one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gvae.data import DATASETS, default_root, load_object
from gvae.data.mnist import Files
from gvae.errors import GvaeError, choose


def fetch(name: str, root: Path | str | None = None, mirrors: Sequence[str] | None = None) -> list[Path]:
    """Download a named data set; files that are there already and right are kept.

    Args:
        name: a data set (see `DATASETS`).
        root: where the files go, so that `open_data` finds them; default: GVAE_DATA, else the user's cache.
        mirrors: addresses to try in place of the official ones.

    Returns:
        the files.

    Raises:
        GvaeError: unknown name, nothing to fetch, no mirror answers, or wrong checksums everywhere.
    """
    source = DATASETS[choose("data set", name, DATASETS)]
    if not source.files:
        raise GvaeError(f"there is nothing to fetch for {name}: {source.about}")
    place = default_root() if root is None else Path(root).expanduser()
    what = load_object(source.files)
    return download(what, place, mirrors) if isinstance(what, Files) else what(place, mirrors)


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
        except (
            OSError,
            ValueError,
        ) as error:  # requests' errors are OSErrors; a wrong checksum is a ValueError
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
