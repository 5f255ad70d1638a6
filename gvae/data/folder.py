"""A folder of image files as a data set; whatever is done to the images is said in the facts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from gvae.data.dataset import SPLITS, Dataset
from gvae.data.decoding import Reader, file_items
from gvae.data.layout import order, read_layout
from gvae.data.paths import existing
from gvae.data.pixels import FITS, Header
from gvae.data.splits import PARTS, by_group
from gvae.errors import GvaeError, choose
from gvae.types import DataSpec

MIXED = 64
"""side in pixels that images of mixed sizes are brought to if none is given"""
LARGE = 256
"""side in pixels above which a note says that training will be slow"""


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


def plan(
    headers: Mapping[Header, int], size: int | None, fit: str, channels: int | None
) -> tuple[int, int, list[str]]:
    """Side and channels of the result, and notes on everything that changes the images.

    Args:
        headers: how many images have each kind of header.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    for header, count in headers.items():
        sizes[header.size] += count
    side, notes = _side(sizes, size, fit)
    depth = channels or (3 if any(header.colour for header in headers) else 1)

    def total(changed: Callable[[Header], object]) -> int:
        return sum(count for header, count in headers.items() if changed(header))

    counts = {
        f"images of another size, brought to {side}x{side} ({fit})": total(lambda h: h.size != (side, side)),
        f"images with a side below {side} pixels, enlarged": total(lambda h: min(h.size) < side),
        "images with colours, turned gray": total(lambda h: depth == 1 and h.colour),
        "images without colours, given three equal channels": total(lambda h: depth == 3 and not h.colour),
        "images of 16 bits, scaled to 8 bits (65535 becomes 255)": total(lambda h: h.deep),
        "images in the colours of a print (CMYK), turned into RGB without a profile": total(lambda h: h.inks),
        "images with transparency, laid on white": total(lambda h: h.alpha),
        "files of several pictures, of which the first was taken": total(lambda h: h.frames > 1),
    }
    return side, depth, [*notes, *[f"{what}: {count}" for what, count in counts.items() if count]]


def _side(sizes: Counter[tuple[int, int]], size: int | None, fit: str) -> tuple[int, list[str]]:
    """Side of the result in pixels, with a note where it was chosen for the user."""
    if size is not None or not sizes:
        return size or MIXED, []
    if len(sizes) > 1:
        common = ", ".join(f"{count} of {w}x{h}" for (w, h), count in sizes.most_common(3))
        return MIXED, [
            f"the images have {len(sizes)} sizes ({common}{', ...' if len(sizes) > 3 else ''}) "
            f"and no --size was given: chose {MIXED}x{MIXED}"
        ]
    (alike,) = sizes
    side = max(alike) if fit == "pad" else min(alike)
    slow = f"images of {side}x{side} pixels train slowly; --size 64 or --size 128 gives a result sooner"
    return side, [slow] if side > LARGE else []


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


def checksum(files: Iterable[Path], digests: Iterable[str]) -> str:
    """One checksum over the names and contents of the files."""
    content = hashlib.sha256()
    for i, (digest, file) in enumerate(zip(digests, files, strict=True)):
        content.update(f"{chr(10) if i else ''}{digest} {file.as_posix()}".encode())
    return f"sha256:{content.hexdigest()}"
