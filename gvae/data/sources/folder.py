"""A folder of image files as a data set; whatever is done to the images is said in the facts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gvae.data.arrays.decoding import file_items
from gvae.data.arrays.pixels import FITS
from gvae.data.dataset import Dataset
from gvae.data.files.paths import existing
from gvae.data.images.layout import order, read_layout
from gvae.data.images.lists import divide
from gvae.data.images.reading import read_images
from gvae.data.options import PLAIN, ReadOptions
from gvae.errors import GvaeError, choose
from gvae.types import DataSpec


def open_folder(root: Path | None, options: ReadOptions = PLAIN, scratch: Path | None = None) -> Dataset:
    """Read every image below a folder.

    Sub-folders `train` with `val` or `test` are splits, others are classes. Without split folders: about 80/10/10, by a
    hash of each file's content.

    Args:
        root: the folder.
        options: size, fit, channels and skip_broken, as in `gvae.data.images.reading.read_images`; skipped images are
            listed in facts["skipped"].
        scratch: an .npy file to decode into, in place of memory.

    Raises:
        GvaeError: no such folder (with the nearest name), no images, an unreadable image, more images than
            memory or disk can hold, or options out of range.
    """
    root = checked(root, options.fit or "crop")
    layout = read_layout(root)
    images = read_images(root, file_items(root, layout.files), options, scratch)
    kept = images.kept.tolist()
    splits, divided = divide([layout.splits[i] for i in kept], images.keys, "file content", "the folder's own")
    classes, labels = _labels([layout.classes[i] for i in kept])
    facts = images.facts | {
        "source": f"images of the folder {root}",
        "notes": [*layout.notes, *divided, *images.facts["notes"]],
    }
    spec = DataSpec(root.name, images.pixels.shape[-1], images.size, classes)
    return Dataset(spec, images.pixels, labels, splits, facts)


def checked(root: Path | None, fit: str) -> Path:
    """The folder, if it and the way of making images square exist."""
    choose("fit", fit, FITS)
    if root is None:
        raise GvaeError("which folder? Give its path, as in --data photos or --data folder:photos")
    return existing(Path(root)).absolute()


def _labels(classes: list[str]) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Names of the classes, and the label of each image."""
    names = order(set(classes) - {""})
    if not names:
        return (), None
    return tuple(names), np.array([names.index(name) for name in classes], np.int64)
