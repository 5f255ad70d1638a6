"""Encoded images with what a table or an archive says about each: the common end of the sources `hub` and `wds`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gvae.data.arrays.items import Item
from gvae.data.arrays.on_demand import OnDemand
from gvae.data.dataset import Dataset
from gvae.data.images.layout import SPLIT_FOLDERS, order
from gvae.data.images.lists import divide
from gvae.data.images.reading import read_images
from gvae.data.options import ReadOptions
from gvae.types import DataSpec


@dataclass(frozen=True)
class Samples:
    """N encoded images.

    Args:
        name: of the data set.
        place: what stands before an image's name in messages.
        items: name of each and what opens it.
        splits: (N,) train, val, test, or "" where nothing is known.
        classes: names of the classes.
        labels: (N,) class of each, or None.
        notes: what was understood and what was left out.
        facts: source, licence, citation.
        parts: (N,) the part of the source that each lies in, if only a few parts can be at hand.
    """

    name: str
    place: str
    items: Sequence[Item]
    splits: Sequence[str]
    classes: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    notes: Sequence[str] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    parts: np.ndarray | None = None

    def dataset(self, options: ReadOptions, scratch: Path | None) -> Dataset:
        """Decode; splits that are not given, a hash of each file decides.

        Args:
            options, scratch: as in `gvae.data.images.reading.read_images`.

        Raises:
            GvaeError: an unreadable image, options out of range, not enough disk.
        """
        images = read_images(Path(self.place), self.items, options, scratch)
        kept = images.kept
        splits, divided = divide([self.splits[i] for i in map(int, kept)], images.keys, "file content")
        facts = images.facts | self.facts
        facts["notes"] = [*self.notes, *divided, *images.facts["notes"]]
        spec = DataSpec(self.name, images.pixels.shape[-1], images.size, self.classes)
        labels = None if self.labels is None else self.labels[kept]
        # decoded images are all at hand
        parts = self.parts[kept] if self.parts is not None and isinstance(images.pixels, OnDemand) else None
        return Dataset(spec, images.pixels, labels, splits, facts, parts=parts)


def classes_of(values: Sequence[object]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the classes, numbers by value, and the class of each value.

    >>> names, labels = classes_of([10, 9, 10])
    >>> names, labels.tolist()
    (('9', '10'), [1, 0, 1])
    """
    names = order({str(value) for value in values})
    place = {name: i for i, name in enumerate(names)}
    return tuple(names), np.array([place[str(value)] for value in values], np.int64)


def split_of(name: str) -> str:
    """The split that a name tells, by its words; "" if none or several do.

    >>> split_of("imagenet-train-000012.tar"), split_of("validation"), split_of("shard-7.tar")
    ('train', 'val', '')
    """
    found = {SPLIT_FOLDERS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in SPLIT_FOLDERS}
    return found.pop() if len(found) == 1 else ""
