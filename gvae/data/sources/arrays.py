"""Images that a program has already as an array."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from gvae.data.dataset import Dataset
from gvae.data.files.checksums import of_arrays
from gvae.data.images.lists import divide
from gvae.data.images.samples import classes_of
from gvae.errors import GvaeError
from gvae.types import DataSpec


def open_arrays(images: Any, labels: Any = None, name: str = "arrays") -> Dataset:
    """A data set of images in memory, split about 80/10/10 by a hash of each image: adding some moves no other.

    Args:
        images: (N, H, W) gray, (N, H, W, C) or (N, D, H, W, C), C of 1 or 3, uint8 with 0 for black and 255 for white.
        labels: (N,) numbers or words, one class for each that occurs.
        name: of the data set.

    Raises:
        GvaeError: another type or shape, or not one label for each image.

    >>> data = open_arrays(np.zeros((4, 8, 8), np.uint8), labels=[7, 7, 9, 7])
    >>> data.spec.shape, data.spec.classes, data.labels.tolist()
    ((8, 8), ('7', '9'), [0, 0, 1, 0])
    """
    stored = np.asarray(images)
    stored = stored[..., None] if stored.ndim == 3 else stored
    if (
        stored.dtype != np.uint8
        or stored.ndim not in (4, 5)
        or stored.shape[-1] not in (1, 3)
        or not len(stored)
    ):
        raise GvaeError(
            f"images are {stored.dtype} {np.shape(images)}; give uint8 of shape (N, H, W), (N, H, W, C) or (N, D, H, W, C) "
            "with 1 or 3 channels C, as (255 * x).round().astype(np.uint8) of x in [0, 1]"
        )
    classes, indices = ((), None) if labels is None else classes_of(np.asarray(labels).tolist())
    if indices is not None and indices.shape != (len(stored),):
        raise GvaeError(f"there are {len(indices)} labels for {len(stored)} images; give one for each")
    keys = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in stored])
    splits, notes = divide([""] * len(stored), keys, "image")
    facts = {"checksum": of_arrays(stored, *([] if indices is None else [indices])), "notes": notes}
    spec = DataSpec(name, stored.shape[-1], stored.shape[1:-1], classes)
    return Dataset(spec, np.ascontiguousarray(stored), indices, splits, facts)
