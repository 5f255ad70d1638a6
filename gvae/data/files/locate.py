"""Finding the folder of a named data set below the root, and the lists that belong to its images."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from gvae.data.files.paths import default_root, existing
from gvae.errors import GvaeError

DEPTH = 5
"""folders below the root in which a data set is looked for"""

Test = Callable[[Path, list[str], list[str]], bool]
"""whether a folder is the one, from its path, the names of its sub-folders and the names of its files"""


def find(name: str, root: Path | None, test: Test, holds: Callable[[Path], bool], how: str) -> Path:
    """The folder of a data set.

    Args:
        name: name of the data set.
        root: where to look; default: GVAE_DATA, else the user's cache.
        test: tells the folder by its official names.
        holds: whether `root` itself will do although its name says nothing (NAME:PATH).
        how: what to do if there is none, with {root} where the root is to stand.

    Raises:
        GvaeError: none, or several.
    """
    root = default_root() if root is None else existing(Path(root)).absolute()
    try:
        found = search(root, test) or ([root] if root.is_dir() and holds(root) else [])
    except OSError as error:
        raise GvaeError(f"{root} cannot be searched for {name} ({error}); make it readable") from error
    if not found:
        raise GvaeError(f"{name} was not found below {root}. {how.format(root=root)}")
    if len(found) > 1:
        raise GvaeError(
            f"there are {len(found)} folders of {name} below {root}: {', '.join(map(str, found))}; "
            f"choose one, as in {name}:{found[0]}"
        )
    return found[0]


def search(root: Path, test: Test) -> list[Path]:
    """Folders at or below `root` that pass a test, none inside another; links are followed, each folder once."""
    found, seen, hits = [], set(), set()
    for path, folders, files in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        folder, real = Path(path), os.path.realpath(path)
        fresh, deep = real not in seen, len(folder.relative_to(root).parts) >= DEPTH
        seen.add(real)
        hit = real not in hits and test(folder, folders, files)  # a link of another name may have come first
        if hit:
            found.append(folder)
            hits.add(real)
        if hit or deep or not fresh:
            folders.clear()
    return found


def beside(folder: Path, names: Sequence[str]) -> Path | None:
    """The nearest file or folder of one of these names: beside the images, or up to two folders above.

    CelebA keeps its lists in the folders Anno and Eval.
    """
    for place in (folder, *folder.absolute().parents[:2]):
        for inner in ("", "Anno", "Eval"):
            for name in names:
                if (path := place / inner / name).exists():
                    return path
    return None


def unique(files: Sequence[Path], folder: Path) -> list[Path]:
    """The files sorted, if no two have the same name but for folder and ending.

    Raises:
        GvaeError: two that have.
    """
    first: dict[str, Path] = {}
    for file in sorted(files):
        if (other := first.setdefault(file.stem, file)) != file:
            raise GvaeError(f"{folder} holds an image twice, as {other} and {file}; remove one of them")
    return list(first.values())
