"""A folder of image files as a data set; whatever is done to the images is said in the facts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gvae.data.arrays.decoding import Reader, file_items
from gvae.data.arrays.pixels import FITS
from gvae.data.dataset import SPLITS, Dataset
from gvae.data.files.paths import existing
from gvae.data.images.layout import order, read_layout
from gvae.data.images.plan import checksum, plan
from gvae.data.splits import PARTS, by_group
from gvae.errors import GvaeError, choose
from gvae.types import DataSpec


def open_folder(
    root: Path | None,
    size: int | None = None,
    fit: str = "crop",
    channels: int | None = None,
    skip_broken: bool = False,
    scratch: Path | None = None,
) -> Dataset:
    """Read every image below a folder.

    Sub-folders `train` with `val` or `test` are splits, others are classes. Without split folders: 80/10/10,
    seed 0, byte-identical files together.

    Args:
        root: the folder.
        size: side of the square images in pixels; default: the images' own if all are alike, else 64.
        fit: crop to the middle, pad with black, or stretch.
        channels: 1 or 3; default: 3 if any image has colours.
        skip_broken: leave unreadable images out and list them in facts["skipped"].
        scratch: an .npy file to decode into, in place of memory.

    Raises:
        GvaeError: no such folder (with the nearest name), no images, an unreadable image, more images than
            memory or disk can hold, or options out of range.
    """
    root = checked(root, fit)
    layout, reader = read_layout(root), Reader(root, skip_broken)
    items = file_items(root, layout.files)
    headers = reader.headers(items)
    size, channels, done = plan(headers.counts(), size, fit, channels)
    readable = list(headers)
    images, kept = reader.images([items[i] for i in readable], size, fit, channels, scratch)
    chosen = [readable[i] for i in kept]
    digests = np.array([headers[i].digest for i in chosen])
    splits, divided = _splits([layout.splits[i] for i in chosen], digests)
    classes, labels = _labels([layout.classes[i] for i in chosen])
    skipped = [f"{name}: {reason}" for name, reason in reader.broken.items()]
    facts = {
        "source": f"images of the folder {root}",
        "checksum": checksum([layout.files[i] for i in chosen], digests),
        "skipped": skipped,
        "notes": [*layout.notes, *done, *divided, *[f"skipped {line}" for line in skipped]],
    }
    return Dataset(DataSpec(root.name, channels, (size, size), classes), images, labels, splits, facts)


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


def _splits(given: list[str], digests: np.ndarray) -> tuple[dict[str, np.ndarray], list[str]]:
    """Splits as the folders say; what they leave open, by seeded chance; and notes."""
    if not any(given):
        same = len(digests) - len(np.unique(digests))
        notes = [f"{same} files are byte-identical copies; copies share a split"] if same else []
        return by_group(digests), [*notes, "split 80/10/10, seed 0"]
    splits = {name: np.flatnonzero(np.array(given) == name) for name in SPLITS}
    missing = {name: part for name, part in PARTS.items() if not len(splits[name])}
    if missing:
        train = splits["train"]
        splits |= {name: train[part] for name, part in by_group(digests[train], missing).items()}
    notes = ["the splits are the folder's own", *[f"{name} is a tenth of train, seed 0" for name in missing]]
    for name in PARTS:
        leaked = int(np.isin(digests[splits[name]], digests[splits["train"]]).sum())
        notes += [f"warning: {leaked} {name} images are byte-identical to training images"] if leaked else []
    return splits, notes
