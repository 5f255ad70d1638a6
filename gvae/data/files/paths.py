"""Where data is looked for, and what a mistyped path probably meant."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from gvae.errors import GvaeError


def default_root() -> Path:
    """The folder in which named sources are looked for: GVAE_DATA, else a folder in the user's cache."""
    if given := os.environ.get("GVAE_DATA"):
        return Path(given).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gvae" / "data"


def existing(path: Path) -> Path:
    """The path of a folder, if it is there.

    Raises:
        GvaeError: nothing there (with the nearest name), or a file.
    """
    if path.is_dir():
        return path
    if path.exists():
        raise GvaeError(f"{path} is a file; give the folder that holds the images, or one made by `gvae data prepare`")
    raise GvaeError(f"there is no folder {path}{nearest(path)}")


def nearest(path: Path) -> str:
    """A hint at the existing neighbour whose name differs least from the first missing part of `path`."""
    path = path.absolute()
    while not path.parent.exists():
        path = path.parent
    near = get_close_matches(path.name, folders(path.parent), 1, 0.6)
    return f"; did you mean {path.parent / near[0]}?" if near else f"; {path.parent} has no folder of that name"


def folders(parent: Path) -> list[str]:
    """Names of the folders in `parent`, none if it cannot be read."""
    try:
        return sorted(entry.name for entry in parent.iterdir() if entry.is_dir())
    except OSError:
        return []
