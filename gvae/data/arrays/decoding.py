"""Many encoded images to one array, on all cores; those that cannot be read are named.

Results are taken in the order of the items, so that the array does not depend on the number of cores.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from gvae.data.arrays.items import Headers, Item
from gvae.data.arrays.mapped import Pixels
from gvae.data.arrays.on_demand import OnDemand, check_batch
from gvae.data.arrays.parallel import in_order
from gvae.data.arrays.pixels import decode, read_header
from gvae.data.arrays.rows import FileRows, MemoryRows, too_large
from gvae.data.files.progress import progress
from gvae.errors import GvaeError


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

    def headers(self, items: Sequence[Item]) -> Headers:
        """Headers by position in `items`.

        Raises:
            GvaeError: unreadable items, unless those are skipped.
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
        return found

    def images(
        self,
        items: Sequence[Item],
        size: int,
        fit: str,
        channels: int,
        scratch: Path | None = None,
        crop: int | None = None,
    ) -> tuple[Pixels, np.ndarray]:
        """Decode items: those of which `headers` read the headers, if it was called.

        Where they would fill more than half of the memory and there is no scratch file, each is decoded when it is
        asked for.

        Args:
            size, fit, channels, crop: as in `gvae.data.arrays.pixels.decode`.
            scratch: an .npy file to decode into, in place of memory; work that was killed goes on there.

        Returns:
            (n, size, size, channels) uint8 and the n positions in `items` that could be read.

        Raises:
            GvaeError: an unreadable item, unless those are skipped; not enough disk; a scratch file that was begun
                with other items or options; images of which not even a batch fits into memory.
        """
        shape = (len(items), size, size, channels)
        function = partial(decode, size=size, fit=fit, channels=channels, crop=crop)
        if scratch is None and too_large(shape):
            check_batch(shape)
            return OnDemand(self.root, items, shape, function), np.arange(len(items))
        rows = self._rows(shape, items, scratch, {"fit": fit, "crop": crop})
        self._note(items, rows.broken)
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
