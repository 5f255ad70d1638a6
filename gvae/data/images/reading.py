"""Reads encoded images: what is cut from them, what they become, and what is to be said about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gvae.data.arrays.decoding import Reader
from gvae.data.arrays.items import Chosen, Headers, Item
from gvae.data.arrays.mapped import Pixels
from gvae.data.arrays.pixels import ENDINGS, FITS, Header
from gvae.data.dataset import Dataset
from gvae.data.files.checksums import of_files
from gvae.data.images.layout import Layout, read_layout
from gvae.data.images.lists import divide
from gvae.data.images.plan import plan
from gvae.data.options import ReadOptions
from gvae.errors import GvaeError, choose
from gvae.types import DataSpec

COLOUR = 3
"""channels of photographs; gray ones among them are given three equal channels"""


class Known(NamedTuple):
    """What lists and folders say about N images before these are read."""

    splits: Sequence[str]
    """(N,) train, val, test, or "" """
    people: np.ndarray | None = None
    """(N,) the person on each, if known: all images of one person stay in one split"""
    columns: tuple[str, ...] = ()
    """names of the attributes"""
    attributes: np.ndarray | None = None
    """(N, A) uint8 of 0 and 1"""
    notes: Sequence[str] = ()


class Images(NamedTuple):
    """The images that could be read."""

    pixels: Pixels
    """(n, size, size, C) uint8"""
    kept: np.ndarray
    """(n,) int64 position of each in the list of files"""
    digests: np.ndarray
    """(n, 32) uint8 SHA-256 of each file"""
    facts: dict[str, Any]
    """checksum, skipped and notes"""

    @property
    def keys(self) -> np.ndarray:
        """(n,) the first eight bytes of each checksum, in whose order the checksums are: equal for equal files."""
        return np.ascontiguousarray(self.digests[:, :8]).view(">u8")[:, 0].astype(np.uint64)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[1], self.pixels.shape[2]


def read_images(
    folder: Path, items: Sequence[Item], options: ReadOptions, scratch: Path | None = None, alike: bool = False
) -> Images:
    """Decode encoded images.

    Args:
        folder: where they are, for messages.
        items: name of each and what opens it; see `gvae.data.arrays.decoding.file_items`.
        options: size (default: the images' own if all are alike, else 64), fit (default: crop), channels (default: 3 if
            any image has colours), crop (default: the shorter side), skip_broken.
        scratch: an .npy file to decode into, in place of memory.
        alike: refuse images of different sizes; always so if a crop is given, which counts their pixels.

    Raises:
        GvaeError: an unreadable image, different sizes, options out of range, not enough memory or disk.
    """
    fit, crop = options.fit or "crop", options.crop
    choose("fit", fit, FITS)
    reader = Reader(folder, options.skip_broken)
    headers = reader.headers(items)
    notes: list[str] = []
    kinds = headers.counts()
    if headers and (alike or crop is not None):
        crop, kinds, notes = _cut(folder, items, headers, crop)
    side, depth, done = plan(kinds, options.size, fit, options.channels)
    readable = headers.places()
    pixels, places = reader.images(Chosen(items, readable), side, fit, depth, scratch, crop)
    kept, digests = readable[places], headers.digests()[places]
    found = Images(pixels, kept, digests, {})
    again = len(kept) - len(np.unique(found.keys))
    skipped = [f"{name}: {reason}" for name, reason in reader.broken.items()]
    named = (Path(items[i][0]).as_posix() for i in kept)
    form = {"row": pixels.shape[1:], "fit": fit, "crop": crop}
    notes += done
    notes += [f"files that are byte-identical copies of others: {again}"] if again else []
    found.facts.update(
        checksum=of_files(named, (digest.tobytes().hex() for digest in digests), form),
        skipped=skipped,
        notes=[*notes, *[f"skipped {line}" for line in skipped]],
    )
    return found


def as_dataset(name: str, whole: int, known: Known, images: Images) -> Dataset:
    """Images with what is known about them; what the splits leave open, a hash decides.

    Args:
        name: name of the data set, which becomes NAME-subset if images are missing.
        whole: number of images of the whole data set.
    """
    kept = images.kept
    if known.people is None:
        keys, key = images.keys, "file content"
    else:
        keys, key = known.people[kept], "person"
    splits, divided = divide([known.splits[i] for i in map(int, kept)], keys, key)
    subset = [f"subset: {len(kept)} of the {whole} images"] if len(kept) != whole else []
    notes = [*subset, *known.notes, *divided, *images.facts["notes"]]
    spec = DataSpec(f"{name}-subset" if subset else name, COLOUR, images.size, attributes=known.columns)
    attributes = None if known.attributes is None else known.attributes[kept]
    return Dataset(spec, images.pixels, None, splits, images.facts | {"notes": notes}, attributes)


def listed(folder: Path) -> Layout:
    """The images below a folder, sorted, with their split where folders say it; notes on what was left out.

    Raises:
        GvaeError: there is none.
    """
    layout = read_layout(folder)
    return replace(layout, notes=[note for note in layout.notes if "left out" in note])


def has_images(folder: Path) -> bool:
    """Whether images lie in a folder itself."""
    return any(path.suffix.lower() in ENDINGS for path in folder.iterdir())


def _cut(
    folder: Path, items: Sequence[Item], headers: Headers, crop: int | None
) -> tuple[int, Counter[Header], list[str]]:
    """Side of the square to cut in pixels, the kinds of headers as they are after it, and a note."""
    first = next(iter(headers))
    size = headers[first].size
    mixed = any(header.size != size for header in headers.counts())
    for other in headers if mixed else ():
        if headers[other].size != size:
            raise GvaeError(
                f"{folder / items[other][0]} has {_pixels(headers[other].size)} pixels, "
                f"{items[first][0]} has {_pixels(size)}: a cut needs images of one size; keep copies of "
                "different sizes in folders of their own"
            )
    side = min(size) if crop is None else crop
    if not 4 <= side <= min(size):
        raise GvaeError(
            f"a square of {side} pixels cannot be cut from the images of {folder}, which have {_pixels(size)}; "
            f"give --crop from 4 to {min(size)}"
        )
    return (side, headers.cut((side, side)), [f"cut: the centre {_pixels((side, side))} of {_pixels(size)} pixels"])


def _pixels(size: tuple[int, int]) -> str:
    """Width and height as text.

    >>> _pixels((178, 218))
    '178x218'
    """
    return "x".join(map(str, size))
