"""Many image files to one array, in several threads; unreadable files are named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from gvae.data.pixels import Header, decode, read_header
from gvae.errors import GvaeError

T = TypeVar("T")

AHEAD = 256
"""files that are decoded ahead of being stored"""


@dataclass
class Reader:
    """Reads the image files below a folder.

    Args:
        root: the folder.
        skip_broken: go on after an unreadable file; without it, it is an error.
    """

    root: Path
    skip_broken: bool = False
    broken: dict[str, str] = field(default_factory=dict)
    """unreadable files met so far, and why"""

    def headers(self, files: Sequence[Path]) -> dict[int, Header]:
        """Headers by position in `files`.

        Raises:
            GvaeError: an unreadable file, unless those are skipped.
        """
        found = dict(self._each(read_header, files))
        self._refuse()
        return found

    def images(
        self, files: Sequence[Path], size: int, fit: str, channels: int, scratch: Path | None
    ) -> tuple[np.ndarray, list[int]]:
        """Decode files.

        Args:
            size, fit, channels: as in `gvae.data.pixels.decode`.
            scratch: an .npy file to decode into, in place of memory.

        Returns:
            (n, size, size, channels) uint8 and the n positions in `files` that could be read.

        Raises:
            GvaeError: an unreadable file, unless those are skipped; not enough memory or disk.
        """
        function, kept = partial(decode, size=size, fit=fit, channels=channels), []
        images = room((len(files), size, size, channels), scratch)
        for start in range(0, len(files), AHEAD):
            for i, pixels in self._each(function, files[start : start + AHEAD]):
                images[len(kept)] = pixels
                kept.append(start + i)
            self._refuse()
        if not kept:
            raise GvaeError(f"none of the images below {self.root} can be read, as {self._first()}")
        return images[: len(kept)], kept

    def _each(self, function: Callable[[Path], T], files: Sequence[Path]) -> Iterator[tuple[int, T]]:
        """Results of a function with positions, in order; what cannot be read goes to `broken`."""

        def attempt(file: Path) -> tuple[T | None, str]:
            try:
                return function(self.root / file), ""
            except Exception as error:  # Pillow raises errors of every kind on damaged files
                return None, f"{type(error).__name__}, {error}".replace(str(self.root / file), file.name)

        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for i, (result, reason) in enumerate(pool.map(attempt, files)):
                if result is None:
                    self.broken[str(files[i])] = reason
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
