"""Pancreas-CT as 8-bit crops of slices: crops/PANCREAS_0001_slice_113.png ... and index.csv; see `pancreas_ct`."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from gvae.data.arrays.decoding import file_items
from gvae.data.ct.patients import by_patient
from gvae.data.dataset import Dataset
from gvae.data.images.reading import read_images
from gvae.data.options import ReadOptions
from gvae.errors import GvaeError
from gvae.types import DataSpec

NAME = "pancreas-ct"
CROP_NAME = re.compile(r"PANCREAS_(\d{4})_slice_(\d+)\.png")
COPIES = {"0025": "0002", "0070": "0002"}
"""patients who are another one"""
LOW, HIGH = -150, 250
"""HU of gray levels 0 and 255"""
CROP = 64
"""side in pixels, if none is given"""


def open_crops(place: Path, options: ReadOptions, scratch: Path | None) -> Dataset:
    """The crops as 8-bit images, padded to squares and scaled.

    Args:
        place: the folder with index.csv.
        options, scratch: as in `gvae.data.sources.pancreas_ct.open_pancreas_ct`.

    Returns:
        (N, size, size, 1) uint8, split by patient.

    Raises:
        GvaeError: a list that is not of these crops, or a broken image.
    """
    files = _listed(place)
    options = options.otherwise(size=CROP, fit="pad", channels=1)
    images = read_images(place, file_items(place, files), options, scratch)
    owners = np.array([_owner(files[i]) for i in images.kept])
    splits, divided = by_patient(owners)
    facts = images.facts | {
        "form": "crops",
        "window": [(LOW + HIGH) / 2, HIGH - LOW],
        "patients": len(np.unique(owners)),
        "notes": [
            f"crops of slices to the bounding box of the pancreas, {LOW} to {HIGH} HU as gray levels 0 to 255: "
            f"HU = {LOW} + {HIGH - LOW} g / 255, to about 1 HU; what lay outside is gone",
            "crops differ in scale, spacing unknown",
            divided,
            *images.facts["notes"],
        ],
    }
    unit = f"gray level ({LOW} to {HIGH} HU)"
    return Dataset(DataSpec(f"{NAME}-crops", 1, images.size, unit=unit), images.pixels, None, splits, facts)


def _listed(place: Path) -> list[Path]:
    """The crops that index.csv lists, below the folder.

    Raises:
        GvaeError: it has no column "file", or names a file that is no crop.
    """
    with (place / "index.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    names = [row.get("file") or "" for row in rows]
    if wrong := [name for name in names if not CROP_NAME.fullmatch(name)] or (not rows and [""]):
        raise GvaeError(
            f"{place / 'index.csv'} lists {wrong[0]!r}, which is no crop (PANCREAS_0001_slice_113.png); get it anew"
        )
    return [Path("crops") / name for name in sorted(names)]


def _owner(name: Path) -> str:
    """Patient of a crop."""
    number = name.name.split("_")[1]
    return COPIES.get(number, number)
