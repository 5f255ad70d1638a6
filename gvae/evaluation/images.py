"""The images that metrics compare: real ones, as many of another split, samples, and the features of each.

Real images are those of one split, in a fixed random order; `other` are real images of another split, for the floor,
and there are as many samples as other images, so that the floor is at the same n.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gvae.data.identity import identity, membership, official
from gvae.errors import GvaeError
from gvae.evaluation.numbers import WIDE
from gvae.metrics.base import Unavailable
from gvae.metrics.features import Extractor, extract, extractor

if TYPE_CHECKING:
    from torch import Tensor

    from gvae.data.dataset import Dataset
    from gvae.loaded import Loaded

BLOCK = 250
"""images per forward pass, at most"""


class Images:
    """Real images, samples and their features, of one model on one data set, each made at its first use.

    Args:
        loaded: the run, see `gvae.load`.
        dataset: the data to compare with.
        samples: images to draw and to compare with, at most; fewer where the data has fewer.
        split: the reference: "test" for reporting, "val" for selection; `WIDE` where test is too small.
        seed: seed of samples and codes.
        prior: where samples come from; None: the run's own.

    Raises:
        GvaeError: images of another shape than the model's, an empty split, or samples below 1.
    """

    def __init__(
        self, loaded: Loaded, dataset: Dataset, samples: int, split: str, seed: int, prior: str | None
    ) -> None:
        drawn, held = ((spec.channels, *spec.shape) for spec in (loaded.spec, dataset.spec))
        if drawn != held:
            raise GvaeError(
                f"the model draws images of shape {drawn}, those of {dataset.spec.name} have shape {held}; "
                "evaluate on the data it was trained on"
            )
        if samples < 1:
            raise GvaeError(f"--samples is {samples}; it must be at least 1")
        self.loaded, self.dataset, self.split, self.seed, self.prior = loaded, dataset, split, seed, prior
        self.block = dataset.spec.together(BLOCK)
        self.asked = samples
        others = [s for s in ("train", "val", "test") if s not in split and len(dataset.splits.get(s, ()))]
        others = [] if split == WIDE else others  # what is left is too small
        self.other_split = others[0] if others else None
        self._members = members(dataset, split)
        self._real = _shuffled(self._members)[:samples]
        self._other = _shuffled(dataset.splits[others[0]])[:samples] if others else np.empty(0, np.int64)
        self._samples = min(samples, len(self._real) if split == WIDE else len(self._other)) or samples
        self._features: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Name, checksum, shape and values of the data."""
        return identity(self.dataset)

    @cached_property
    def membership(self) -> str:
        """A checksum of which images the reference is taken from."""
        return membership(self._members)

    @cached_property
    def extractor(self) -> Extractor:
        """The feature network of the data."""
        spec = self.dataset.spec
        return extractor(official(spec.name, self.dataset.facts), (spec.channels, *spec.shape))

    @cached_property
    def real(self) -> np.ndarray:
        """Reference images (N, C, *S) in [-1, 1]."""
        return self._images(self._real)

    @cached_property
    def other(self) -> np.ndarray:
        """Real images of another split."""
        if not len(self._other):
            raise Unavailable(f"n/a ({self.dataset.spec.name} has no second split)")
        return self._images(self._other)

    @cached_property
    def fake(self) -> np.ndarray:
        """Samples of the model."""
        import torch

        y = None if self.fake_labels is None else torch.from_numpy(self.fake_labels)
        x = self.loaded.sample(self._samples, y=y, prior=self.prior, seed=self.seed)
        if not bool(torch.isfinite(x).all()):
            raise GvaeError(f"{self.loaded.run.path} draws values that are not finite; its training diverged")
        return x.float().numpy()

    @cached_property
    def real_labels(self) -> np.ndarray | None:
        """Classes of `real`, if known."""
        return self._labels(self._real)

    @cached_property
    def other_labels(self) -> np.ndarray | None:
        """Classes of `other`, if known."""
        return self._labels(self._other)

    @cached_property
    def fake_labels(self) -> np.ndarray | None:
        """Classes that a conditional model is asked for: drawn as often as in the reference."""
        if not self.loaded.model.condition or self.real_labels is None:
            return None
        return np.random.default_rng(self.seed).choice(self.real_labels, self._samples)

    def _images(self, indices: np.ndarray) -> np.ndarray:
        """Images (N, C, *S) in [-1, 1] of the data set; a dynamic binarisation is drawn under the seed."""
        from gvae.seeding import seeded

        with seeded(self.seed):
            return np.ascontiguousarray(self.dataset.batch(indices).x.numpy())

    def _labels(self, indices: np.ndarray) -> np.ndarray | None:
        """Classes (N,) of images of the data set, or their attributes (N, A)."""
        return self.dataset.conditions(indices)

    def blocks(self, end: int | None = None, first: int = 0) -> list[tuple[Tensor, Tensor | None]]:
        """Reference images and, for a conditional model, their classes, block by block."""
        import torch

        device, labels = self.loaded.model.device, self.real_labels
        x = torch.from_numpy(self.real[first:end]).to(device).split(self.block)
        if labels is None or not self.loaded.model.condition:
            return [(part, None) for part in x]
        return list(zip(x, torch.from_numpy(labels[first:end]).to(device).split(self.block), strict=True))

    def extracted(self, kind: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Features and class probabilities of real, other or fake images."""
        import torch

        if kind not in self._features:
            known = official(self.dataset.spec.name, self.dataset.facts)
            self._features[kind] = extract(torch.from_numpy(getattr(self, kind)), known)
        return self._features[kind]

    def probabilities(self, kind: str) -> np.ndarray:
        """Class probabilities, if there is a classifier."""
        found = self.extracted(kind)[1]
        if found is None:
            raise Unavailable(f"n/a (no classifier for {self.dataset.spec.name})")
        return found

    def require(self, method: str, what: str) -> None:
        """Raise `Unavailable` unless the model has a method."""
        if not self.loaded.can(method):
            raise Unavailable(f"n/a (no {what})")


def members(dataset: Dataset, split: str) -> np.ndarray:
    """Indices of the images of a split, or of training and validation images together.

    Raises:
        GvaeError: there are none.
    """
    if split != WIDE:
        return dataset.split(split)
    return np.concatenate([dataset.splits.get(name, np.empty(0, np.int64)) for name in split.split("+")])


def _shuffled(indices: np.ndarray) -> np.ndarray:
    """Indices in a fixed random order: folders list one class after the other."""
    return np.random.default_rng(0).permutation(np.asarray(indices))
