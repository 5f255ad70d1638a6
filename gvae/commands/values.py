"""From a word to a value: whole numbers with k and M, decimal numbers, names out of a list, paths."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from gvae.errors import GvaeError, choose
from gvae.ranges import kind_of

SCALE = {"": 1, "k": 1_000, "K": 1_000, "M": 1_000_000, "G": 1_000_000_000}

Reader = Callable[[str], Any]
"""turns a word into a value; a word that it cannot read is a ValueError"""


def count(text: str) -> int:
    """A whole number, with k for thousands, M for millions, G for thousands of millions.

    >>> count("60k"), count("1.5M"), count("60_000"), count("-1")
    (60000, 1500000, 60000, -1)
    >>> count("60x")
    Traceback (most recent call last):
    ValueError: '60x' is not a whole number; write it like 60000, 60k or 3M
    """
    match = re.fullmatch(r"([+-]?)(\d+(?:_\d+)*)(?:\.(\d+))?([kKMG]?)", text.strip(), re.ASCII)
    scale = SCALE[match[4]] if match else 1
    fraction = (match[3] or "").rstrip("0") if match else ""
    if match is None or scale % 10 ** len(fraction):
        raise ValueError(f"'{text}' is not a whole number; write it like 60000, 60k or 3M")
    value = int(match[2]) * scale + int(fraction or 0) * (scale // 10 ** len(fraction))
    return -value if match[1] == "-" else value


def number(text: str) -> float:
    """A decimal number.

    >>> number("1e-4")
    0.0001
    """
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a number; write it like 0.5 or 1e-4") from None


def pair(text: str) -> tuple[float, float]:
    """Two decimal numbers with a comma between them.

    >>> pair("40,400")
    (40.0, 400.0)
    """
    try:
        first, second = map(float, text.split(","))
    except ValueError:
        raise ValueError(f"'{text}' is not a pair of numbers; write it like 40,400") from None
    return first, second


def one_of(values: tuple[Any, ...]) -> Reader:
    """A reader of one of these values; a slip gets the nearest.

    >>> one_of(("vae", "gvae"))("gvea")
    Traceback (most recent call last):
    ValueError: there is no value 'gvea'; did you mean 'gvae'? Known: gvae, vae
    """
    names = {str(value): value for value in values}

    def read(text: str) -> Any:
        try:
            return names[choose("value", text, names)]
        except GvaeError as error:
            raise ValueError(str(error)) from None

    return read


def reader(kind: Any) -> tuple[str, Reader]:
    """How --help calls a value of that type, and what reads it.

    >>> reader(int)[0], reader(float | None)[0], reader(Literal["a", "b"])[0]
    ('COUNT', 'NUMBER', 'a|b')
    """
    kind = kind_of(kind).type
    if typing.get_origin(kind) is Literal:
        names = typing.get_args(kind)
        return "|".join(map(str, names)), one_of(names)
    if kind is Path:
        return "PATH", lambda text: Path(text).expanduser()
    if typing.get_origin(kind) is tuple:
        return "NUMBER,NUMBER", pair
    return {int: ("COUNT", count), float: ("NUMBER", number)}.get(kind, ("NAME", str))
