"""Lists of millions of encoded images in some ten bytes each: what names and opens one is made when it is asked for."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from typing import Any, BinaryIO, overload

import numpy as np

from gvae.data.arrays.pixels import Header

Item = tuple[str, Callable[[], BinaryIO]]
"""an image's name, unique below the place it is read from, and what opens its bytes"""
HEX = 32
"""bytes of a SHA-256"""


class Packed(Sequence[bytes]):
    """Byte strings end to end, which only grows.

    >>> keys = Packed()
    >>> keys.append(b"cat"), keys.append(b"ox"), keys[1], len(keys)
    (None, None, b'ox', 2)
    """

    def __init__(self) -> None:
        self._data, self._ends = bytearray(), array("q", [0])

    def append(self, value: bytes) -> None:
        """Add one at the end."""
        self._data += value
        self._ends.append(len(self._data))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, i: Any) -> Any:
        return bytes(self._data[self._ends[i] : self._ends[i + 1]])


class Lazy(Sequence[Item]):
    """Items of which a slice is lazy as well."""

    def item(self, i: int) -> Item:
        """Item number i, from 0 on."""
        raise NotImplementedError

    @overload
    def __getitem__(self, i: int) -> Item: ...
    @overload
    def __getitem__(self, i: slice) -> Chosen: ...
    def __getitem__(self, i: int | slice) -> Item | Chosen:
        if isinstance(i, slice):
            return Chosen(self, range(len(self))[i])
        return self.item(range(len(self))[i])


@dataclass(frozen=True)
class Entries(Lazy):
    """Entries of a database.

    Args:
        keys: (N,) key of each.
        read: what opens the value of a key.
        prefix: what stands before a key in the item's name.

    >>> entries = Entries([b"a", b"b", b"c"], print, "x/")
    >>> entries[1:][0][0], len(entries[::2])
    ('x/b', 2)
    """

    keys: Sequence[bytes]
    read: Callable[[bytes], BinaryIO]
    prefix: str = ""

    def __len__(self) -> int:
        return len(self.keys)

    def item(self, i: int) -> Item:
        """Name and opener."""
        key = self.keys[i]
        return self.prefix + key.decode("ascii", "backslashreplace"), partial(self.read, key)


@dataclass(frozen=True)
class Chosen(Lazy):
    """Some items of others, by position."""

    base: Sequence[Item]
    chosen: Sequence[int] | np.ndarray

    def __len__(self) -> int:
        return len(self.chosen)

    def item(self, i: int) -> Item:
        """The item at the chosen position."""
        return self.base[int(self.chosen[i])]


class Joined(Lazy):
    """Items of several lists, one after the other."""

    def __init__(self, parts: Sequence[Sequence[Item]]) -> None:
        self.parts, self._ends = parts, list(accumulate(map(len, parts), initial=0))

    def __len__(self) -> int:
        return self._ends[-1]

    def item(self, i: int) -> Item:
        """The item of the part that position i falls into."""
        part = bisect_right(self._ends, i) - 1
        return self.parts[part][i - self._ends[part]]


class Headers(Mapping[int, Header]):
    """Headers by position: few files differ in more than their checksum, so only that is kept for each."""

    def __init__(self) -> None:
        self._kinds: list[Header] = []
        self._known: dict[Header, int] = {}
        self._place, self._kind, self._digests = array("q"), array("i"), bytearray()

    def add(self, place: int, header: Header) -> None:
        """Add a header; positions only rise."""
        kind = replace(header, digest="")
        if kind not in self._known:
            self._known[kind] = len(self._kinds)
            self._kinds.append(kind)
        self._place.append(place)
        self._kind.append(self._known[kind])
        self._digests += bytes.fromhex(header.digest)

    def __len__(self) -> int:
        return len(self._place)

    def __iter__(self) -> Iterator[int]:
        return iter(self._place)

    def __getitem__(self, place: int) -> Header:
        slot = bisect_left(self._place, place)
        if slot == len(self) or self._place[slot] != place:
            raise KeyError(place)
        return replace(self._kinds[self._kind[slot]], digest=self.digest(slot))

    def digest(self, slot: int) -> str:
        """SHA-256 of the slot-th of the files with a header."""
        return self._digests[HEX * slot : HEX * (slot + 1)].hex()

    def digests(self) -> np.ndarray:
        """(n, 32) uint8: all of them."""
        return np.frombuffer(bytes(self._digests), np.uint8).reshape(-1, HEX)

    def places(self) -> np.ndarray:
        """(n,) int64: positions of the files with a header."""
        return np.array(self._place, np.int64)

    def counts(self) -> Counter[Header]:
        """How many files have each kind of header, without checksums."""
        counted = np.bincount(np.frombuffer(self._kind, np.int32), minlength=len(self._kinds))
        total: Counter[Header] = Counter()
        for kind, count in zip(self._kinds, counted.tolist(), strict=True):
            total[kind] += count
        return total

    def cut(self, size: tuple[int, int]) -> Counter[Header]:
        """The counts once all are cut to one size in pixels."""
        total: Counter[Header] = Counter()
        for kind, count in self.counts().items():
            total[replace(kind, size=size)] += count
        return total
