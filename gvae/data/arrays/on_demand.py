"""Images that stay encoded, because decoded they would not fit into memory: rows are decoded when they are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gvae.data.arrays.items import Item
from gvae.data.arrays.parallel import in_order
from gvae.data.arrays.rows import too_large
from gvae.data.files.checksums import gib
from gvae.errors import GvaeError

BATCH = 64
"""images that must fit into memory at once"""


def check_batch(shape: tuple[int, ...]) -> None:
    """Make sure that some of the images (N, *S, C) fit into memory.

    Raises:
        GvaeError: not even a batch does.
    """
    some = min(BATCH, shape[0]), *shape[1:]
    if too_large(some):
        raise GvaeError(
            f"{some[0]} images of {shape[1]} pixels need {gib(math.prod(some))}, more than half of this machine's memory; "
            "give a smaller --size"
        )


class OnDemand:
    """What an array (N, *S, C) uint8 is to its readers, at no more memory than the rows in use.

    Args:
        root: where the items are, for messages.
        items: N encoded images.
        shape: (N, *S, C).
        decode: what makes a row (*S, C) of an item's bytes.

    >>> from io import BytesIO
    >>> items = [(str(i), lambda i=i: BytesIO(bytes([i] * 4))) for i in range(9)]
    >>> images = OnDemand(Path(), items, (9, 2, 2, 1), lambda file: np.frombuffer(file.read(), np.uint8).reshape(2, 2, 1))
    >>> images.ahead(np.array([7, 2]))
    >>> images[np.array([7, 2])][:, 0, 0, 0].tolist(), images[-1].ravel().tolist(), len(images[3:6])
    ([7, 2], [8, 8, 8, 8], 3)
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self, root: Path, items: Sequence[Item], shape: tuple[int, ...], decode: Callable[[BinaryIO], np.ndarray]
    ) -> None:
        self.root, self.items, self.shape, self.decode = root, items, shape, decode
        self._pool = ThreadPoolExecutor(1)
        self._expected: tuple[bytes, Future[np.ndarray] | None] = (b"", None)

    @property
    def nbytes(self) -> int:
        """Bytes of all images, decoded."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def ahead(self, indices: np.ndarray) -> None:
        """Begin to decode the rows that will be asked for next."""
        indices = np.asarray(indices, np.int64)
        self._expected = indices.tobytes(), self._pool.submit(self._rows, indices)

    def __getitem__(self, which: Any) -> np.ndarray:
        """Rows by number, slice or array of numbers.

        Raises:
            GvaeError: an image that cannot be read.
        """
        indices = np.arange(*which.indices(len(self))) if isinstance(which, slice) else np.asarray(which)
        if indices.ndim == 0:
            return self._rows(indices[None])[0]
        key, rows = self._expected
        return rows.result() if rows is not None and key == indices.tobytes() else self._rows(indices)

    def _rows(self, indices: np.ndarray) -> np.ndarray:
        """Decode."""
        out = np.empty((len(indices), *self.shape[1:]), np.uint8)
        for slot, (row, reason) in enumerate(in_order(self.decode, [self.items[i] for i in indices.tolist()])):
            if row is None:
                file = self.root / self.items[indices[slot]][0]
                raise GvaeError(
                    f"{file} cannot be read: {reason}. Its header was in order; repair it, or run "
                    "`gvae data prepare --skip-broken` and train on what it makes"
                )
            out[slot] = row
        return out
