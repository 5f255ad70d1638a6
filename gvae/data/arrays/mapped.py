"""Random rows of an array that is mapped from a file larger than memory: the disk reads these rows and no others.

Left alone, a system takes the touch of one page for the start of a sequence and reads on; random batches of small
images then read the whole file. So sequences are called off, and the rows of a batch are asked for together, before
the first of them is waited for.
"""

from __future__ import annotations

import contextlib
import mmap

import numpy as np

from gvae.data.arrays.on_demand import OnDemand

Pixels = np.ndarray | OnDemand
"""images (N, *S, C): in memory, mapped from a file, or decoded when they are asked for"""


def at_random(images: np.ndarray) -> np.ndarray:
    """The same array; if it is mapped, the system is told that it will be read here and there."""
    _advise(_mapping(images), "MADV_RANDOM")
    return images


def take(images: Pixels, indices: np.ndarray) -> np.ndarray:
    """A copy of some rows, `images[indices]`; if they are mapped, all of them are asked for first.

    >>> take(np.arange(5) * 10, np.array([3, 1])).tolist()
    [30, 10]
    """
    if isinstance(images, OnDemand):
        return images[indices]
    mapping = _mapping(images)
    if mapping is not None and images.flags.c_contiguous:
        start = images.ctypes.data - np.frombuffer(mapping, np.uint8).ctypes.data
        row = images[:1].nbytes
        for i in indices:
            place = start + int(i) % len(images) * row
            page = place - place % mmap.PAGESIZE
            _advise(mapping, "MADV_WILLNEED", page, place + row - page)
    return np.asarray(images[indices])


def _mapping(images: np.ndarray) -> mmap.mmap | None:
    """The file that an array is mapped from, if it is."""
    return getattr(images, "_mmap", None)


def _advise(mapping: mmap.mmap | None, advice: str, *place: int) -> None:
    """Give the system a hint, where there is a mapping and the system takes hints."""
    if mapping is not None and hasattr(mmap, advice):
        with contextlib.suppress(OSError):
            mapping.madvise(getattr(mmap, advice), *place)
