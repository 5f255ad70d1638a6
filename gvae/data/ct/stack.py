"""An array of images that grows scan by scan in an .npy file, so that it may be larger than memory."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path

import numpy as np

from gvae.data.files.checksums import npy_header
from gvae.errors import GvaeError

IN_MEMORY = 2**30
"""bytes up to which the finished array is read into memory; above, it stays on the disk and is mapped"""


class Stack:
    """Gathers int16 images (n, *S) of one shape S.

    Args:
        scratch: an .npy file to gather them in; default: one of the system's temporary files, which is gone at the end.
        count, shape: how many images of which shape an earlier call left in `scratch`; what lies behind them is cut off.

    >>> stack = Stack()
    >>> stack.add(np.ones((2, 3, 3), np.int16), "a.nii")
    >>> stack.array().shape
    (2, 3, 3, 1)
    """

    def __init__(self, scratch: Path | None = None, count: int = 0, shape: tuple[int, ...] = ()) -> None:
        self.scratch, self.shape, self.count = scratch, shape, count
        self.first = "those before"
        if scratch is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
            return
        self._file = scratch.open("r+b" if count else "w+b")
        if count:
            self._header()
            self._file.seek(2 * count * math.prod(shape), os.SEEK_CUR)
            self._file.truncate()

    def add(self, images: np.ndarray, name: str) -> None:
        """Append the images of a scan.

        Raises:
            GvaeError: they have another shape than those before, or the disk is full.
        """
        if not len(images):
            return
        shape = images.shape[1:]
        if self.count and shape != self.shape:
            one, other = (" x ".join(map(str, s)) for s in (shape, self.shape))
            raise GvaeError(
                f"{name} has slices of {one} pixels, {self.first} of {other}; give one size, as in --size 128"
            )
        self.shape, self.first = shape, self.first if self.count else name
        try:
            if not self.count:
                self._header()
            self._file.write(np.ascontiguousarray(images, np.int16).tobytes())
            self._file.flush()
            if self.scratch:
                os.fsync(self._file.fileno())
        except OSError as error:
            place = self.scratch or tempfile.gettempdir()
            raise GvaeError(
                f"could not write the images of {name} to {place} ({error}); free some space, give a smaller --size, or "
                "set TMPDIR to a folder on another disk"
            ) from error
        self.count += len(images)

    def array(self) -> np.ndarray:
        """All images (N, *S, 1)."""
        shape = (self.count, *self.shape, 1)
        if not self.count:
            return np.empty(shape, np.int16)
        self._header()
        start = self._file.tell()
        self._file.flush()
        if self.scratch is not None:
            return np.load(self.scratch, mmap_mode="r")
        if 2 * np.prod(shape, dtype=np.int64) <= IN_MEMORY:
            return np.frombuffer(self._file.read(), np.int16).reshape(shape)
        return np.memmap(self._file, np.int16, "r", start, shape)

    def _header(self) -> None:
        """Write the first bytes of the file, of which there are as many for any number of images."""
        self._file.seek(0)
        self._file.write(npy_header((self.count, *self.shape, 1), np.dtype("<i2")))
