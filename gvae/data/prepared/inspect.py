"""What a data set holds, as numbers and as the picture that the network will see."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gvae.data.arrays.mapped import Pixels, take
from gvae.data.dataset import SPLITS, Dataset, permutation
from gvae.data.prepared.duplicates import copies
from gvae.errors import GvaeError

CHUNK = 16 * 2**20
"""values that are averaged at a time, so that data larger than memory can be looked at"""


def inspect(dataset: Dataset) -> dict[str, Any]:
    """Counts, sizes, value range, moments, labels, attributes, and copies of 2-D images.

    Mean and standard deviation are of the training images as networks see them: `low` is 0, `high` is 1, and what lies
    beyond is clipped (of CT that is most of a scan, air and bone).

    Returns:
        a dict that fits in JSON: name, images, splits, channels, shape, stored, mean, std, classes, attributes, copies,
        facts.

    >>> from gvae.data import open_data
    >>> about = inspect(open_data("digits"))
    >>> about["splits"], about["stored"]["min"], about["stored"]["max"], round(about["mean"], 3)
    ({'train': 1439, 'val': 179, 'test': 179}, 0, 16, 0.305)
    """
    spec, train = dataset.spec, dataset.splits.get("train", np.arange(len(dataset)))
    low, high, mean, std = _moments(dataset.images, train, spec.low, spec.high)
    return {
        "name": spec.name,
        "images": len(dataset),
        "splits": {name: len(dataset.splits.get(name, ())) for name in SPLITS},
        "channels": spec.channels,
        "shape": list(spec.shape),
        "stored": {"type": str(dataset.images.dtype), "min": low, "max": high, "unit": spec.unit},
        "network": {"-1": spec.low, "+1": spec.high},
        "mean": mean,
        "std": std,
        "classes": _classes(dataset),
        "attributes": _attributes(dataset),
        "copies": copies(dataset) if spec.spatial == 2 else None,
        "facts": dataset.facts,
    }


def describe(about: dict[str, Any]) -> str:
    """The result of `inspect` as lines of text."""
    stored, facts = about["stored"], about["facts"]
    size = " x ".join(map(str, about["shape"]))
    lines = [
        f"{about['name']}: {about['images']} images, {size} pixels, {about['channels']} channel(s)",
        "splits    " + ", ".join(f"{name} {count}" for name, count in about["splits"].items()),
        f"stored    {stored['type']}, {stored['min']} to {stored['max']} ({stored['unit']})",
        f"network   {about['network']['-1']:g} becomes -1, {about['network']['+1']:g} becomes +1",
        f"train     mean {about['mean']:.4f}, standard deviation {about['std']:.4f} on [0, 1]",
    ]
    for split, counts in about["classes"].items():
        lines.append(f"labels    {split}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    for split, counts in about["attributes"].items():
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        lines.append(f"attributes  {split}: {listed}")
    lines += _about_copies(about["copies"]) if about["copies"] else []
    lines += [f"{key:<9} {facts[key]}" for key in ("source", "licence", "citation") if facts.get(key)]
    lines += [f"note      {note}" for note in facts.get("notes", ())]
    return "\n".join(lines)


def contact_sheet(dataset: Dataset, out: Path | str, n: int = 64, split: str = "train", seed: int = 0) -> Path:
    """Write a PNG of n images exactly as the network sees them, values and cropping included.

    Of a single volume (n = 1) the sheet shows slices in all three directions.

    Args:
        out: file to write.
        n: number of images, drawn with `seed` from `split`.

    Raises:
        GvaeError: an empty split, n below 1, or a file that cannot be written.
    """
    from gvae.atomic import write_atomic
    from gvae.plots.grids import grid
    from gvae.plots.sheets import sheet

    if n < 1:
        raise GvaeError(f"a contact sheet of {n} images is empty; give a number from 1 on")
    indices = dataset.split(split)
    x = dataset.batch(indices[permutation(len(indices), seed)[:n]]).x
    picture = sheet(x) if x.ndim == 5 and len(x) == 1 else grid(x)
    write_atomic(Path(out), lambda name: picture.save(name, "PNG"))
    return Path(out)


def _about_copies(found: dict[str, Any]) -> list[str]:
    """Lines on exact and near copies; nothing where there are none."""
    if not found["examples"]:
        return []
    lines = [f"copies    {found['exact']} images repeat another, {found['near']} pairs look alike"]
    if found["seen"]:
        lines.append(f"warning   {found['seen']} images of val or test were seen in training: they are in train, too")
    if found["alike"]:
        lines.append(
            f"warning   {found['alike']} pairs of an image of train and one of val or test look alike: these may be copies "
            "that were seen in training"
        )
    return [*lines, f"          such as {', '.join(found['examples'])}"]


def _moments(images: Pixels, indices: np.ndarray, low: float, high: float) -> tuple[int, int, float, float]:
    """Smallest and largest stored value; mean and standard deviation of (value - low) / (high - low), clipped to [0, 1].

    Stored values are counted, chunk by chunk: there are at most 65,536 different ones, so memory is bounded, and the sums
    over the counts are as exact as floats are.
    """
    if not len(indices):
        return 0, 0, math.nan, math.nan
    rows, least = max(1, CHUNK // max(1, images[0].size)), np.iinfo(images.dtype).min
    counts = np.zeros(np.iinfo(images.dtype).max - least + 1, np.int64)
    for start in range(0, len(indices), rows):
        values = take(images, indices[start : start + rows]).ravel()
        # 8 and 16 bits as unsigned numbers from the smallest on: a copy of int64 would take eight times the memory
        shifted = values if least == 0 else (values.view(np.uint16) ^ np.uint16(2**15))
        counts += _count(shifted, len(counts))
    stored = np.flatnonzero(counts)
    number, seen = counts[stored], np.clip((stored + least - low) / (high - low), 0, 1)
    mean = float(number @ seen / number.sum())
    variance = float(number @ (seen - mean) ** 2 / number.sum())
    return int(stored[0]) + least, int(stored[-1]) + least, mean, math.sqrt(variance)


def _count(values: np.ndarray, kinds: int, piece: int = 2**20) -> np.ndarray:
    """How often each of the numbers 0..kinds-1 occurs; in pieces, because numpy copies them to eight bytes each."""
    parts = (values[i : i + piece] for i in range(0, len(values), piece))
    return sum((np.bincount(part, minlength=kinds) for part in parts), np.zeros(kinds, np.int64))


def _attributes(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Images that have each attribute, in every split."""
    attributes = dataset.attributes
    if attributes is None:
        return {}
    return _counts(dataset, dataset.spec.attributes, lambda part: attributes[part].sum(0, dtype=np.int64))


def _classes(dataset: Dataset) -> dict[str, dict[str, int]]:
    """Images per class in every split."""
    names, labels = dataset.spec.classes, dataset.labels
    if labels is None:
        return {}
    return _counts(dataset, names, lambda part: np.bincount(labels[part], minlength=len(names)))


def _counts(
    dataset: Dataset, names: tuple[str, ...], count: Callable[[np.ndarray], np.ndarray]
) -> dict[str, dict[str, int]]:
    """What is counted in every split, by name."""
    return {split: dict(zip(names, count(part).tolist(), strict=True)) for split, part in dataset.splits.items()}
