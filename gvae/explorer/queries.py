"""What a page asks for: the words of a request, each read with its limits, and every mistake a sentence."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence

import numpy as np

from gvae.errors import GvaeError, choose

LONGEST = 65_536
"""characters that a request may be long"""


class Query:
    """The words of a request by name.

    >>> query = Query({"steps": "7", "t": "0.5"})
    >>> query.whole("steps", 9, 2, 60), query.real("t", 0.0, 0.0, 1.0), query.whole("columns", 3, 1, 9)
    (7, 0.5, 3)
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        self.words = words

    def text(self, name: str, default: str = "", allowed: Sequence[str] = ()) -> str:
        """A word; one of `allowed` if there are any.

        Raises:
            GvaeError: another one.
        """
        found = self.words.get(name, default)
        return choose(name, found[:80], allowed) if allowed else found

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number from low to high.

        Raises:
            GvaeError: anything else.
        """
        value = self.real(name, default, low, high)
        if value != int(value):
            raise GvaeError(f"{name} is {value:g}; it must be a whole number from {low} to {high}")
        return int(value)

    def real(self, name: str, default: float, low: float, high: float) -> float:
        """A number from low to high.

        Raises:
            GvaeError: anything else.
        """
        return number(name, self.words.get(name, str(default)), low, high)

    def pairs(self, name: str, low: float, high: float) -> list[tuple[str, float]]:
        """Names and numbers, as 3:1.5,7:-2; none if the word is not there.

        Raises:
            GvaeError: not of that form, or a number out of range.

        >>> Query({"set": "3:1.5,7:-2"}).pairs("set", -9, 9)
        [('3', 1.5), ('7', -2.0)]
        """
        parts = [part.rpartition(":") for part in self.words.get(name, "").split(",") if part]
        return [(key, number(f"{name} {key[:80]}", value, low, high)) for key, _, value in parts]


def number(name: str, text: str, low: float, high: float) -> float:
    """A finite number from low to high.

    Raises:
        GvaeError: anything else.

    >>> number("t", "nan", 0, 1)
    Traceback (most recent call last):
    gvae.errors.GvaeError: t is 'nan'; it must be a number from 0 to 1
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not low <= value <= high:  # false for nan
        raise GvaeError(f"{name} is '{text[:80]}'; it must be a number from {low:g} to {high:g}")
    return value


def packed(values: np.ndarray) -> str:
    """Numbers (Z,) as text that an address can hold: little-endian float32 in URL-safe base64.

    >>> packed(np.array([1.0, -2.0]))
    'AACAPwAAAMA'
    """
    return base64.urlsafe_b64encode(values.astype("<f4").tobytes()).decode().rstrip("=")


def unpacked(text: str, count: int) -> np.ndarray:
    """Inverse of `packed`, (count,) float32.

    Raises:
        GvaeError: not that, another count, or numbers that are not finite.

    >>> unpacked("AACAPwAAAMA", 2).tolist()
    [1.0, -2.0]
    """
    try:
        values = np.frombuffer(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "<f4")
    except (ValueError, binascii.Error):
        values = np.empty(0, np.float32)
    if len(values) != count or not np.isfinite(values).all():
        raise GvaeError(
            f"the code in the address is not {count} finite numbers, as this run's codes are; "
            "copy the whole address, and open it with the run it was made with"
        )
    return values.astype(np.float32)
