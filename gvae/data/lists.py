"""The lists that come with images: a value or a row of values for each, and the splits that follow from them.

CelebA's format (https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html), which other face data has taken over:

list_attr_celeba.txt     number of rows; names of the columns; then in every row an image and -1 or 1 for each column
list_eval_partition.txt  in every row an image and 0 (train), 1 (validation) or 2 (test)
identity_CelebA.txt      in every row an image and the number of the person

The same as .csv, with commas and a line "image_id,..." on top, is read as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import splitext
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gvae.data.splits import PARTS, by_group
from gvae.errors import GvaeError

CSV = "image_id"
"""first word of a list with commas"""


@dataclass(frozen=True)
class Table:
    """A list: values (n, columns) int64, and the row of each image by its name without ending."""

    file: Path
    columns: tuple[str, ...]
    rows: dict[str, int]
    values: np.ndarray

    def of(self, names: Sequence[str]) -> np.ndarray:
        """Values (N, columns) of images, by name without ending.

        Raises:
            GvaeError: images without a row.
        """
        missing = [name for name in names if name not in self.rows]
        if missing:
            raise GvaeError(
                f"{self.file} has no row for image {missing[0]} ({len(missing)} of {len(names)} images have none); "
                "take the complete list, or move it away to read the images without it"
            )
        return self.values[[self.rows[name] for name in names]]

    def spare(self, names: Sequence[str]) -> list[str]:
        """A note on rows whose image is not there."""
        count = len(self.rows.keys() - set(names))
        return [f"rows of {self.file.name} without an image: {count} of {len(self.rows)}"] if count else []


class Line(NamedTuple):
    """One row as it was read."""

    number: int
    """counted from 1"""
    name: str
    """image, without ending"""
    values: list[str]


def read_table(file: Path, allowed: Sequence[int] = (), column: str = "") -> Table:
    """Read a list.

    Args:
        allowed: values that may occur; default: all whole numbers.
        column: name of the only column, for a list without a line of names.

    Raises:
        GvaeError: a file that is no text, rows of another length than the header or the other rows, values that
            are not allowed, an image twice, another number of rows than the first line says, no rows.
    """
    lines = _lines(file)
    count = int(lines.pop(0).name) if not column and lines and _is_count(lines[0]) else None
    columns = (column,)
    if lines and (lines[0].name == CSV or not column):
        header = lines.pop(0)
        columns = tuple(header.values if header.name == CSV else [header.name, *header.values])
    if not lines or count not in (None, len(lines)):
        says = "" if count is None else f" where its first line says {count}"
        raise GvaeError(f"{file} has {len(lines)} rows{says}: it is cut or was altered; get it again")
    rows, values = _rows(file, lines), _values(file, lines, columns)
    _check_allowed(file, lines, values, allowed)
    return Table(file, columns, rows, values)


def divide(given: Sequence[str], keys: np.ndarray, about: str) -> tuple[dict[str, np.ndarray], list[str]]:
    """Splits as they are given; what is left open is drawn from train, seed 0, equal keys together.

    Args:
        given: (N,) "train", "val" or "test"; "" throughout where nothing is known.
        keys: (N,) images with equal keys stay in one split.
        about: what equal keys are, for the notes: "person".

    Returns:
        index arrays, and notes on how they came about.

    >>> splits, notes = divide(["train"] * 10, np.arange(10), "person")
    >>> {name: len(part) for name, part in splits.items()}, notes
    ({'train': 8, 'val': 1, 'test': 1}, ['all images are of the official train part; split 80/10/10 by person, seed 0'])
    """
    kinds = set(given)
    if len(kinds) < 2 or "train" not in kinds:
        known = f"all images are of the official {' and '.join(sorted(kinds))} part; " if kinds - {""} else ""
        return by_group(keys), [f"{known}split 80/10/10 by {about}, seed 0"]
    splits = {name: np.flatnonzero(np.array(given) == name) for name in ("train", *PARTS)}
    missing = {name: part for name, part in PARTS.items() if not len(splits[name])}
    if missing:
        train = splits["train"]
        splits |= {name: train[part] for name, part in by_group(keys[train], missing).items()}
    drawn = [f"{name} is a tenth of train, by {about}, seed 0" for name in missing]
    return splits, ["the splits are the official ones", *drawn]


def _lines(file: Path) -> list[Line]:
    """The words of every line that has any."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise GvaeError(f"{file} cannot be read as text ({error}); get it again") from error
    split = ((i, line.replace(",", " ").split()) for i, line in enumerate(text.splitlines(), 1))
    return [Line(i, splitext(words[0])[0], words[1:]) for i, words in split if words]


def _is_count(line: Line) -> bool:
    """Whether a line is the number of rows."""
    return not line.values and line.name.isdecimal()


def _rows(file: Path, lines: list[Line]) -> dict[str, int]:
    """Row by image."""
    rows: dict[str, int] = {}
    for row, line in enumerate(lines):
        if (other := rows.setdefault(line.name, row)) != row:
            raise GvaeError(
                f"{file} names image {line.name} twice, in lines {lines[other].number} and {line.number}; "
                "remove one of the two lines"
            )
    return rows


def _values(file: Path, lines: list[Line], columns: tuple[str, ...]) -> np.ndarray:
    """(n, columns) whole numbers."""
    for line in lines:
        if len(line.values) != len(columns):
            raise GvaeError(
                f"{file}, line {line.number}: {len(line.values)} values for {line.name}, but there are "
                f"{len(columns)} columns; the list is cut or was altered, get it again"
            )
    try:
        return np.array([line.values for line in lines]).astype(np.int64)
    except ValueError as error:
        raise GvaeError(f"{file} holds something else than whole numbers ({error}); get it again") from error


def _check_allowed(file: Path, lines: list[Line], values: np.ndarray, allowed: Sequence[int]) -> None:
    """Refuse other values, by line and image."""
    wrong = ~np.isin(values, allowed) if len(allowed) else np.zeros(values.shape, bool)
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        raise GvaeError(
            f"{file}, line {lines[row].number}: {lines[row].name} has the value {values[row, place]}, but only "
            f"{', '.join(map(str, allowed))} are known; mend the line or get the list again"
        )
