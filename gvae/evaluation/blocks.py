"""Long measurements image by image: in blocks of bounded memory, with progress, and continued after a kill.

Every block has a random state of its own, so that a measurement which was interrupted gives what it would have given.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gvae.atomic import write_atomic

Progress = Callable[[int, int], None]
"""(images done, images in all) -> None"""


def key(protocol: dict[str, Any]) -> str:
    """A short name of a protocol: partial results are used again only under the same one.

    >>> key({"k": 5}) == key({"k": 5}), key({"k": 5}) == key({"k": 6})
    (True, False)
    """
    return hashlib.sha256(json.dumps(protocol, sort_keys=True, default=str).encode()).hexdigest()[:16]


def per_image(
    n: int, block: int, compute: Callable[[int, int], np.ndarray], partial: Path, progress: Progress
) -> np.ndarray:
    """Results of n images, side by side.

    Args:
        n: number of images.
        block: images at a time.
        compute: (first, end) -> results (R, end - first), the same at every call.
        partial: where finished blocks are kept until all are; its name tells the protocol.
        progress: called after each block.

    Returns:
        (R, n)
    """
    done = read(partial)
    start = sum(part.shape[1] for part in done)
    progress(start, n)
    while start < n:
        end = min(start + block, n)
        done.append(compute(start, end))
        start = end
        if start < n:
            merged = np.concatenate(done, 1)
            partial.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(partial, lambda name, merged=merged: save(name, merged))
        progress(start, n)
    partial.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not there, or another measurement's part lies in it
        partial.parent.rmdir()
    return np.concatenate(done, 1)


def save(name: str | Path, array: np.ndarray) -> None:
    """Write an array under exactly that name (numpy would append a suffix)."""
    with open(name, "wb") as file:
        np.save(file, array)


def read(partial: Path) -> list[np.ndarray]:
    """Results kept so far, as one piece; a damaged file counts as none."""
    try:
        return [np.load(partial)]
    except (OSError, ValueError, EOFError):
        return []
