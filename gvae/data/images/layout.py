"""Which images a folder holds, and what its sub-folders mean: splits, classes, or nothing."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from gvae.data.arrays.pixels import ENDINGS
from gvae.errors import GvaeError

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""names of top-level folders that are splits, in lower case"""


@dataclass(frozen=True)
class Layout:
    """The images of a folder.

    Attributes:
        files: (N,) paths below the folder, sorted.
        splits: (N,) split of each, "" where the folder does not say.
        classes: (N,) class of each, "" throughout for unlabelled data.
        notes: what was understood and what was left out.
    """

    files: list[Path]
    splits: list[str]
    classes: list[str]
    notes: list[str]


def read_layout(root: Path) -> Layout:
    """List a folder's images and read its sub-folders.

    A folder `train` beside `val` or `test` means splits; two or more (remaining) sub-folders mean classes.

    Raises:
        GvaeError: there is no image.
    """
    everything = sorted(_walk(root))
    files = [path for path in everything if path.suffix.lower() in ENDINGS]
    if not files:
        raise GvaeError(
            f"{root} holds no images ({len(everything)} other files); supported, in sub-folders too: "
            f"{' '.join(ENDINGS)}"
        )
    notes = _note_others(everything)
    splits = _splits(files)
    if splits:
        outside = [path for path in files if path not in splits]
        notes += [f"images outside the split folders, left out: {len(outside)}"] if outside else []
        files = list(splits)
    rest = [path.parts[1:] if splits else path.parts for path in files]
    classes, about = _classes(rest)
    return Layout(files, [splits.get(path, "") for path in files], classes, notes + about)


def order(names: set[str]) -> list[str]:
    """Class names sorted, numbers by value.

    >>> order({"10", "9", "cat"})
    ['9', '10', 'cat']
    """
    return sorted(names, key=lambda name: (0, int(name), name) if name.isdecimal() else (1, 0, name))


def _walk(root: Path) -> list[Path]:
    """Every visible file below `root`; links to folders are followed, each folder once."""
    found, seen = [], set()
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        found += [Path(folder, name).relative_to(root) for name in names if not name.startswith(".")]
    return found


def _note_others(everything: list[Path]) -> list[str]:
    """A note on files that are no images, by their endings."""
    others = Counter(path.suffix.lower() or "no ending" for path in everything if path.suffix.lower() not in ENDINGS)
    listed = ", ".join(f"{count} {ending}" for ending, count in others.most_common(5))
    return [f"files that are no images of a known kind, left out: {listed}"] if others else []


def _splits(files: list[Path]) -> dict[Path, str]:
    """Split of each file if the top-level folders are splits, else nothing."""
    tops = {path.parts[0] for path in files if len(path.parts) > 1}
    known = {SPLIT_FOLDERS.get(top.lower()) for top in tops}
    if "train" not in known or len(known - {None}) < min(2, len(tops)):
        return {}  # a class may be called "train", after all
    split = {top: SPLIT_FOLDERS[top.lower()] for top in tops if top.lower() in SPLIT_FOLDERS}
    return {path: split[path.parts[0]] for path in files if len(path.parts) > 1 and path.parts[0] in split}


def _classes(paths: list[tuple[str, ...]]) -> tuple[list[str], list[str]]:
    """Class of each file from its first folder, and a note."""
    loose = sum(len(parts) == 1 for parts in paths)
    names = {parts[0] for parts in paths if len(parts) > 1}
    if len(names) < 2:
        return [""] * len(paths), []
    if loose:
        return [""] * len(paths), [
            f"no labels: {loose} images lie beside the sub-folders {', '.join(order(names)[:5])}"
        ]
    return [parts[0] for parts in paths], [f"{len(names)} sub-folders became classes: {_few(order(names))}"]


def _few(names: list[str], most: int = 10) -> str:
    """A list cut to what can be read."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
