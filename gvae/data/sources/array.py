"""Images that are in memory already, as a NumPy array, become a data set like any other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from gvae.data.dataset import Dataset
from gvae.data.files.checksums import of_arrays
from gvae.data.splits import by_group
from gvae.errors import GvaeError
from gvae.types import DataSpec

LAYOUT = "(N, H, W), (N, H, W, C) with 1 or 3 channels, or (N, D, H, W, 1)"


def open_array(images: np.ndarray, labels: Sequence[int] | np.ndarray | None = None, name: str = "array") -> Dataset:
    """A data set of an array, split about 80/10/10 by a hash of each image: equal images share a split.

    Args:
        images: uint8 (N, H, W), (N, H, W, C) with 1 or 3 channels, or volumes (N, D, H, W, 1); 0 is black, 255 white.
        labels: class of each image, (N,) integers from 0 on; or None.
        name: what the data set is called.

    Raises:
        GvaeError: another type or shape, too few images, or labels that are no classes of these images.

    >>> data = open_array(np.arange(40 * 64, dtype=np.uint8).reshape(40, 8, 8) // 2, labels=np.arange(40) % 2)
    >>> data.spec.shape, data.spec.classes, sum(map(len, data.splits.values()))
    ((8, 8), ('0', '1'), 40)
    """
    pixels = checked_images(np.asarray(images))
    digests = np.array([hashlib.sha256(image.tobytes()).hexdigest() for image in pixels])
    y = None if labels is None else checked_labels(np.asarray(labels), len(pixels))
    classes = () if y is None else tuple(map(str, range(int(y.max()) + 1)))
    facts = {
        "source": "an array given from Python",
        "checksum": of_arrays(pixels, *([] if y is None else [y])),
        "notes": ["split about 80/10/10 by a hash of each image"],
    }
    spec = DataSpec(name, pixels.shape[-1], pixels.shape[1:-1], classes)
    return Dataset(spec, pixels, y, by_group(digests), facts)


def checked_images(images: np.ndarray) -> np.ndarray:
    """The images (N, *S, C) uint8."""
    if images.dtype != np.uint8:
        raise GvaeError(
            f"images are {images.dtype}; give uint8 from 0 to 255, for values in [0, 1] "
            "(255 * images).round().astype('uint8')"
        )
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim not in (4, 5) or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise GvaeError(f"images have shape {images.shape}; give {LAYOUT}")
    return np.ascontiguousarray(images)


def checked_labels(labels: np.ndarray, count: int) -> np.ndarray:
    """The labels (N,) int64."""
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer) or (labels < 0).any():
        raise GvaeError(
            f"labels are {labels.dtype} of shape {labels.shape}; give {count} integers from 0 on, one for each image"
        )
    return labels.astype(np.int64)
