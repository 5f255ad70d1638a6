"""The lists that come with images: a value or a row of values for each, and the splits that follow from them.

CelebA's format (https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html), which other face data has taken over:

list_attr_celeba.txt     number of rows; names of the columns; then in every row an image and -1 or 1 for each column
list_eval_partition.txt  in every row an image and 0 (train), 1 (validation) or 2 (test)
identity_CelebA.txt      in every row an image and the number of the person

The same as .csv, with commas and a line "image_id,..." on top, is read as well.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
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
    """A list: values (n, columns) of whole numbers, and the row of each image by its name without ending."""

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
    count, columns, first = _head(lines, column)
    rows: dict[str, int] = {}
    values = array("b" if allowed else "q")  # 40 columns of 202,599 rows: 8 MB in place of 65
    for line in chain(first, lines):
        values.extend(_numbers(file, line, columns, allowed))
        if line.name in rows:
            raise GvaeError(f"{file}, line {line.number}: {line.name} is there twice; remove one of its lines")
        rows[line.name] = len(rows)
    if not rows or count not in (None, len(rows)):
        says = "" if count is None else f" where its first line says {count}"
        raise GvaeError(f"{file} has {len(rows)} rows{says}: it is cut or was altered; get it again")
    return Table(file, columns, rows, np.frombuffer(values, values.typecode).reshape(len(rows), len(columns)))


def divide(
    given: Sequence[str], keys: np.ndarray, about: str, whose: str = "the official ones"
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Splits as they are given; what is left open is taken from train by a hash of the keys (`by_group`).

    Args:
        given: (N,) "train", "val" or "test"; "" throughout where nothing is known.
        keys: (N,) images with equal keys stay in one split.
        about: what the keys are of, for the notes: "person".
        whose: what the given splits are, for the notes.

    Returns:
        index arrays, and notes on how they came about.

    >>> splits, notes = divide(["train"] * 10, np.arange(10), "person")
    >>> {name: len(part) for name, part in splits.items()}
    {'train': 7, 'val': 1, 'test': 2}
    >>> notes
    ['all images are of the official train part; split about 80/10/10 by a hash of the person']
    """
    kinds = set(given)
    if len(kinds) < 2 or "train" not in kinds:
        known = f"all images are of the official {' and '.join(sorted(kinds))} part; " if kinds - {""} else ""
        return by_group(keys), [f"{known}split about 80/10/10 by a hash of the {about}"]
    splits = {name: np.flatnonzero(np.array(given) == name) for name in ("train", *PARTS)}
    missing = {name: part for name, part in PARTS.items() if not len(splits[name])}
    if missing:
        train = splits["train"]
        splits |= {name: train[part] for name, part in by_group(keys[train], missing).items()}
    drawn = [f"{name} is about a tenth of train, by a hash of the {about}" for name in missing]
    return splits, [f"the splits are {whose}", *drawn, *_leaks(splits, keys, about)]


def _leaks(splits: Mapping[str, np.ndarray], keys: np.ndarray, about: str) -> list[str]:
    """Warnings of what is held out and in train as well."""
    notes = []
    for name in PARTS:
        leaked = int(np.isin(keys[splits[name]], keys[splits["train"]]).sum())
        notes += [f"warning: {leaked} {name} images have their {about} in common with train"] if leaked else []
    return notes


def _lines(file: Path) -> Iterator[Line]:
    """The words of every line that has any; one line at a time, for the text of all takes ten times the numbers."""
    try:
        with file.open(encoding="utf-8-sig") as stream:
            for number, text in enumerate(stream, 1):
                if words := text.replace(",", " ").split():
                    yield Line(number, splitext(words[0])[0], words[1:])
    except (OSError, UnicodeDecodeError) as error:
        raise GvaeError(f"{file} cannot be read as text ({error}); get it again") from error


def _head(lines: Iterator[Line], column: str) -> tuple[int | None, tuple[str, ...], list[Line]]:
    """Number of rows if it is said, names of the columns, and the first row if it was read."""
    line, count = next(lines, None), None
    if line and not column and not line.values and line.name.isdecimal():
        line, count = next(lines, None), int(line.name)
    if line is None:
        return count, (column,), []
    if line.name == CSV:
        return count, tuple(line.values), []
    return (count, (column,), [line]) if column else (count, (line.name, *line.values), [])


def _numbers(file: Path, line: Line, columns: Sequence[str], allowed: Sequence[int]) -> list[int]:
    """The values of a row."""
    place = f"{file}, line {line.number}: {line.name}"
    if len(line.values) != len(columns):
        raise GvaeError(
            f"{place} has {len(line.values)} values for {len(columns)} columns; the list is cut or was altered, get "
            "it again"
        )
    try:
        numbers = [int(value) for value in line.values]
    except ValueError as error:
        raise GvaeError(f"{place} has a value that is no whole number ({error}); get the list again") from error
    if wrong := sorted(set(numbers).difference(allowed)) if allowed else []:
        raise GvaeError(
            f"{place} has the value {wrong[0]}, but only {', '.join(map(str, allowed))} are known; mend the line or "
            "get the list again"
        )
    return numbers
