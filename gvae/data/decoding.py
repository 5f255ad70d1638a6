"""Many encoded images to one array, in several threads; those that cannot be read are named."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from gvae.data.pixels import Header, decode, read_header
from gvae.errors import GvaeError

T = TypeVar("T")

AHEAD = 256
"""files that are decoded ahead of being stored"""


Item = tuple[str, Callable[[], BinaryIO]]
"""an image's name, unique below the place it is read from, and what opens its bytes"""


def file_items(root: Path, paths: Iterable[Path]) -> list[Item]:
    """Items for image files.

    Args:
        root: the folder.
        paths: their paths below it.
    """
    return [(str(path), partial(open, root / path, "rb")) for path in paths]


@dataclass
class Reader:
    """Reads encoded images: the files of a folder, or the values of a database.

    Args:
        root: where they are, for messages.
        skip_broken: go on after an unreadable one; without it, it is an error.
    """

    root: Path
    skip_broken: bool = False
    broken: dict[str, str] = field(default_factory=dict)
    """unreadable items met so far, and why"""

    def headers(self, items: Sequence[Item], crop: int | None = None) -> dict[int, Header]:
        """Headers by position in `items`.

        Args:
            crop: side in pixels of the square that will be cut out.

        Raises:
            GvaeError: an unreadable item, unless those are skipped; an image smaller than the crop.
        """
        found = dict(self._each(read_header, items))
        self._refuse()
        for i, header in found.items():
            if min(header.size) < (crop or 0):
                width, height = header.size
                raise GvaeError(
                    f"{self.root / items[i][0]} has {width}x{height} pixels, too few for --crop {crop}; "
                    f"give --crop {min(width, height)} or less, or leave it out"
                )
        return found

    def images(
        self,
        items: Sequence[Item],
        size: int,
        fit: str,
        channels: int,
        scratch: Path | None = None,
        crop: int | None = None,
    ) -> tuple[np.ndarray, list[int]]:
        """Decode items.

        Args:
            size, fit, channels, crop: as in `gvae.data.pixels.decode`.
            scratch: an .npy file to decode into, in place of memory.

        Returns:
            (n, size, size, channels) uint8 and the n positions in `items` that could be read.

        Raises:
            GvaeError: an unreadable item, unless those are skipped; not enough memory or disk.
        """
        function = partial(decode, size=size, fit=fit, channels=channels, crop=crop)
        kept: list[int] = []
        images = room((len(items), size, size, channels), scratch)
        for start in range(0, len(items), AHEAD):
            for i, pixels in self._each(function, items[start : start + AHEAD]):
                images[len(kept)] = pixels
                kept.append(start + i)
            self._refuse()
        if not kept:
            raise GvaeError(f"none of the images below {self.root} can be read, as {self._first()}")
        return images[: len(kept)], kept

    def _each(self, function: Callable[[BinaryIO], T], items: Sequence[Item]) -> Iterator[tuple[int, T]]:
        """Results of a function with positions, in order; what cannot be read goes to `broken`."""

        def attempt(item: Item) -> tuple[T | None, str]:
            try:
                with item[1]() as stream:
                    return function(stream), ""
            except Exception as error:  # Pillow raises errors of every kind on damaged files
                # a stream's address would differ from run to run
                return None, re.sub(r"<_io\.[^>]*>", "it", f"{type(error).__name__}, {error}")

        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for i, (result, reason) in enumerate(pool.map(attempt, items)):
                if result is None:
                    self.broken[items[i][0]] = reason
                else:
                    yield i, result

    def _refuse(self) -> None:
        """Raise for unreadable files, unless they are to be skipped."""
        if self.broken and not self.skip_broken:
            more = f" ({len(self.broken) - 1} more are broken)" if len(self.broken) > 1 else ""
            way = "Repair or delete it, or leave such files out with --skip-broken"
            raise GvaeError(f"{self._first()}{more}. {way}")

    def _first(self) -> str:
        """The first unreadable file and the reason."""
        name, reason = next(iter(self.broken.items()), ("", "there are none"))
        return f"{self.root / name} cannot be read: {reason}"


def room(shape: tuple[int, ...], scratch: Path | None) -> np.ndarray:
    """A uint8 array to decode into: in memory, or in a new .npy file.

    Raises:
        GvaeError: it would take more than half of the memory, or of the free disk (a copy is to follow).
    """
    needed = int(np.prod(shape, dtype=np.int64))
    if scratch is None:
        free, place = _memory() // 2, "half of this machine's memory"
        way = "give a smaller --size, or run `gvae data prepare` and train on what it makes"
    else:
        free, place = shutil.disk_usage(scratch.parent).free // 2, "half of the free disk"
        way = "give a smaller --size, or an --out on another disk"
    if needed > free:
        sizes = f"{needed / 2**30:.1f} GiB, more than {place} ({free / 2**30:.1f} GiB)"
        raise GvaeError(f"{shape[0]} images of {shape[1]} pixels need {sizes}; {way}")
    if scratch is None or not needed:
        return np.empty(shape, np.uint8)
    return np.lib.format.open_memmap(scratch, mode="w+", dtype=np.uint8, shape=shape)


def _memory() -> int:
    """Bytes of memory; where the system does not tell, more than anyone has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**62
