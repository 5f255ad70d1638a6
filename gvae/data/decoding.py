"""Many encoded images to one array, on all cores; those that cannot be read are named.

Threads, not processes: Pillow lets other threads run while it decodes and scales, nothing has to be copied between
processes, and a database is opened once. Results are taken in the order of the items, so that the array does not
depend on the number of cores.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import PIL

from gvae.data.items import Headers, Item
from gvae.data.pixels import decode, read_header
from gvae.data.progress import progress
from gvae.data.rows import FileRows, MemoryRows
from gvae.errors import GvaeError

T = TypeVar("T")

AHEAD, TOGETHER = 32, 4
"""items per core whose results may wait to be taken, and how many of them a core is handed at a time"""


def file_items(root: Path, paths: Iterable[Path]) -> list[Item]:
    """Items for image files.

    Args:
        root: the folder.
        paths: their paths below it.
    """
    return [(str(path), partial(open, os.path.join(root, path), "rb")) for path in paths]


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
    found: Headers = field(default_factory=Headers)
    """headers of the items that `headers` could read, by position"""

    def headers(self, items: Sequence[Item], crop: int | None = None) -> Headers:
        """Headers by position in `items`.

        Args:
            crop: side in pixels of the square that will be cut out.

        Raises:
            GvaeError: unreadable items, unless those are skipped; an image smaller than the crop.
        """
        found = self.found = Headers()
        with progress("reading headers", len(items)) as show:
            for i, (header, reason) in enumerate(in_order(read_header, items)):
                if header is None:
                    self.broken[items[i][0]] = reason
                else:
                    found.add(i, header)
                show(i + 1)
        self._refuse()
        small = any(min(header.size) < (crop or 0) for header in found.counts())
        for i, header in found.items() if small else ():
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
    ) -> tuple[np.ndarray, np.ndarray]:
        """Decode items: those of which `headers` read the headers, if it was called.

        Args:
            size, fit, channels, crop: as in `gvae.data.pixels.decode`.
            scratch: an .npy file to decode into, in place of memory; work that was killed goes on there.

        Returns:
            (n, size, size, channels) uint8 and the n positions in `items` that could be read.

        Raises:
            GvaeError: an unreadable item, unless those are skipped; not enough memory or disk; a scratch file
                that was begun with other items or options.
        """
        rows = self._rows((len(items), size, size, channels), items, scratch, {"fit": fit, "crop": crop})
        self._note(items, rows.broken)
        function = partial(decode, size=size, fit=fit, channels=channels, crop=crop)
        with progress("decoding", len(items), rows.read) as show:
            for pixels, reason in in_order(function, items[rows.read :]):
                if pixels is None:
                    self._note(items, {rows.read: reason})
                rows.add(pixels, reason)
                show(rows.read)
        kept = np.delete(np.arange(len(items)), list(rows.broken))
        if not len(kept):
            raise GvaeError(f"none of the images below {self.root} can be read, as {self._first()}")
        return rows.finish(), kept

    def _rows(
        self, shape: tuple[int, ...], items: Sequence[Item], scratch: Path | None, form: dict
    ) -> MemoryRows | FileRows:
        """Where the images go."""
        if scratch is None:
            return MemoryRows(shape)
        return FileRows(scratch, shape, Names(items, self.found), {**form, "pillow": PIL.__version__})

    def _note(self, items: Sequence[Item], reasons: dict[int, str]) -> None:
        """Remember unreadable items, and refuse them unless they are to be skipped."""
        self.broken |= {items[i][0]: reason for i, reason in reasons.items()}
        self._refuse()

    def _refuse(self) -> None:
        """Raise for unreadable items, unless they are to be skipped."""
        if self.broken and not self.skip_broken:
            others = list(self.broken)[1:]
            more = f" ({len(others)} more are broken: {', '.join(others[:4])})" if others else ""
            way = "Repair or delete it, or leave such files out with --skip-broken"
            raise GvaeError(f"{self._first()}{more}. {way}")

    def _first(self) -> str:
        """The first unreadable item and the reason."""
        name, reason = next(iter(self.broken.items()), ("", "there are none"))
        return f"{self.root / name} cannot be read: {reason}"


@dataclass(frozen=True)
class Names(Sequence[str]):
    """Checksum and name of each item, made when they are asked for."""

    items: Sequence[Item]
    headers: Headers

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return (self[k] for k in range(len(self))[i])
        known = len(self.headers) == len(self.items)
        return f"{self.headers.digest(i) if known else ''} {self.items[i][0]}"


def in_order(function: Callable[[BinaryIO], T], items: Sequence[Item]) -> Iterator[tuple[T | None, str]]:
    """For each item the result of a function of its bytes, or why there is none; computed on all cores."""
    waiting: deque[Future[list[tuple[T | None, str]]]] = deque()
    pool = ThreadPoolExecutor(cores())
    try:
        for start in range(0, len(items), TOGETHER):
            waiting.append(pool.submit(_attempts, function, items[start : start + TOGETHER]))
            if len(waiting) * TOGETHER >= AHEAD * cores():
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _attempts(function: Callable[[BinaryIO], T], items: Sequence[Item]) -> list[tuple[T | None, str]]:
    """The function's results, or why there are none."""
    return [_attempt(function, item) for item in items]


def _attempt(function: Callable[[BinaryIO], T], item: Item) -> tuple[T | None, str]:
    """The function's result, or why there is none."""
    try:
        with item[1]() as stream:
            return function(stream), ""
    except Exception as error:  # Pillow raises errors of every kind on damaged files
        # a stream's address would differ from run to run
        return None, re.sub(r"<_io\.[^>]*>", "it", f"{type(error).__name__}, {error}")
