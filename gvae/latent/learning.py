"""Learn directions from the images of a data set: read codes, choose attributes, judge on held-out images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gvae.data.dataset import Dataset, permutation
from gvae.errors import GvaeError, choose
from gvae.latent.components import rank
from gvae.latent.directions import LEAST, Direction, MeanDifference, check_counts, judge, learn
from gvae.latent.space import Space

BLOCK = 250
"""images encoded together"""
HELD_OUT = 2_000
"""images of the test split on which a direction is judged, at most"""


@dataclass(frozen=True)
class DirectionConfig:
    """How directions are learned from images."""

    method: str = "mean"
    """mean, logistic or regression; see `gvae.latent.directions`"""
    images: int = 10_000
    """training images to read, at most, in each data set"""
    seed: int = 0
    """which images, in which order; and noise of encoders that are fed some"""
    blocks: Callable[[range], Iterable[int]] = iter
    """passes on the blocks of images, and may show how far they have come"""


def from_labels(
    space: Space, dataset: Dataset, names: Sequence[str], config: DirectionConfig
) -> tuple[list[Direction], list[str]]:
    """Directions of the attributes and classes of a data set.

    Args:
        names: which of them; all that enough images have and lack if empty.

    Returns:
        the directions, and the names of those left out for want of images.

    Raises:
        GvaeError: data without labels, no such attribute, one that too few images have or lack, or no encoder.
    """
    known = [*dataset.spec.attributes, *dataset.spec.classes]
    indices = shuffled(dataset, "train", config.seed)[: config.images]
    y = labels(dataset, known, indices)
    chosen, left = choice(dataset, known, names, y)
    until = y[:, [known.index(name) for name in chosen]] if config.method == "mean" else None
    z = read_codes(space, dataset, indices, config, until)
    test = held_out(dataset, config.seed)
    held = read_codes(space, dataset, test, config), labels(dataset, known, test)
    columns = {name: known.index(name) for name in chosen}
    return make(config, dataset.spec.name, columns, (z, y[: len(z)]), held), left


def from_sets(
    space: Space, name: str, data: str, with_: Dataset, without: Dataset, config: DirectionConfig
) -> list[Direction]:
    """The direction from the images of one data set, which lack something, to those of another, which have it.

    Args:
        name: what to call it.
        data: where the images are from.

    Raises:
        GvaeError: too few images of either kind, or no encoder.
    """
    parts = []
    for pick in (lambda d: shuffled(d, "train", config.seed)[: config.images], lambda d: held_out(d, config.seed)):
        up, down = (read_codes(space, d, pick(d), config) for d in (with_, without))
        y = torch.cat([torch.ones(len(up), 1), torch.zeros(len(down), 1)]).long()
        parts.append((torch.cat([up, down]), y))
    return make(config, data, {name: 0}, *parts)


def from_components(space: Space, dataset: Dataset, count: int, config: DirectionConfig) -> list[Direction]:
    """The principal components that change the picture most, as pc1, pc2, ...; labels are not needed.

    Raises:
        GvaeError: more components than there are, or no encoder.
    """
    indices = shuffled(dataset, "train", config.seed)[: config.images]
    z = read_codes(space, dataset, indices, config)
    y = space.model.in_turn(1)  # a conditional model: as its first class shows it
    options = {"images": len(z), "seed": config.seed}
    return [
        Direction(f"pc{k}", part.vector, "component", dataset.spec.name, share=part.share, options=options)
        for k, part in enumerate(rank(z, lambda codes: space.decode(codes, y), count), 1)
    ]


def make(
    config: DirectionConfig,
    data: str,
    columns: dict[str, int],
    known: tuple[Tensor, Tensor],
    held: tuple[Tensor, Tensor],
) -> list[Direction]:
    """Directions of some attributes from codes (N, Z) and labels (N, A), judged on others.

    Args:
        data: where the images are from.
        columns: name of each attribute, and its column of the labels.
        known: codes and labels to learn from.
        held: codes and labels to judge on.
    """
    (z, y), (held_z, held_y) = known, held
    counts = {name: count(y[:, k]) for name, k in columns.items()}
    for name, pair in counts.items():
        check_counts(name, *pair)
    vectors = learn(config.method, z, y, list(columns.values()))
    options = {"images": len(z), "seed": config.seed}
    found = []
    for (name, k), vector in zip(columns.items(), vectors, strict=True):
        verdict = judge(vector, z, y[:, k], held_z, held_y[:, k])
        found.append(Direction(name, vector, config.method, data, *counts[name], **verdict, options=options))
    return found


def choice(dataset: Dataset, known: Sequence[str], names: Sequence[str], y: Tensor) -> tuple[list[str], list[str]]:
    """Attributes to learn, and those left out, of the known ones that images have (1) or lack (0), y (n, A).

    Raises:
        GvaeError: nothing is known, no such attribute, or too few images have or lack one that was named.
    """
    if not known:
        raise GvaeError(
            f"{dataset.spec.name} has neither attributes nor classes; give two folders with --with and --without, or "
            "--components 10 for directions without labels"
        )
    asked = [choose("attribute", name, known) for name in names] or list(known)
    counts = {name: count(y[:, known.index(name)]) for name in asked}
    left = [name for name, pair in counts.items() if min(pair) < LEAST]
    for name in left:
        if names or len(left) == len(counts):  # what was asked for by name is not left out silently
            check_counts(name, *counts[name])
    return [name for name in counts if name not in left], left


def count(y: Tensor) -> tuple[int, int]:
    """How many of the labels y (N,) are 1, and how many 0.

    >>> count(torch.tensor([1, 0, 1]))
    (2, 1)
    """
    positive = int(y.sum())
    return positive, len(y) - positive


def shuffled(dataset: Dataset, split: str, seed: int) -> np.ndarray:
    """Positions of the images of a split in a random order: files are often sorted."""
    indices = dataset.split(split)
    return indices[permutation(len(indices), seed)]


def held_out(dataset: Dataset, seed: int) -> np.ndarray:
    """Positions of images to judge a direction on: of the test split, else of val, else none."""
    for split in ("test", "val"):
        if len(dataset.splits.get(split, ())):
            return shuffled(dataset, split, seed)[:HELD_OUT]
    return np.empty(0, np.int64)


def labels(dataset: Dataset, names: Sequence[str], indices: np.ndarray) -> Tensor:
    """1 where an image has the attribute or is of the class, else 0, (n, A)."""
    spec = dataset.spec
    rows = np.zeros((len(indices), len(names)), np.int64)
    for k, name in enumerate(names):
        if name in spec.attributes:
            rows[:, k] = np.asarray(dataset.attributes)[indices, spec.attributes.index(name)]
        else:
            rows[:, k] = np.asarray(dataset.labels)[indices] == spec.classes.index(name)
    return torch.from_numpy(rows)


def read_codes(
    space: Space, dataset: Dataset, indices: np.ndarray, config: DirectionConfig, until: Tensor | None = None
) -> Tensor:
    """Codes (n, Z) of images; with labels `until` (n, A) only until their mean differences have settled."""
    running = None if until is None else MeanDifference(until.shape[1], space.size)
    codes = [torch.zeros(0, space.size)]
    for start in config.blocks(range(0, len(indices), BLOCK)):
        codes.append(space.codes(dataset, indices[start : start + BLOCK], config.seed))
        if running and until is not None and running.settled(running.add(codes[-1], until[start : start + BLOCK])):
            break
    return torch.cat(codes)
