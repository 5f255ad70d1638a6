"""A cheap score of the averaged weights while they are trained, and which weights had the best.

    score = Frechet distance between 500 samples and 500 validation images, lower is better

in the features of `gvae evaluate`, always with the same noise: a number to watch one run by, too small and too biased to
compare models with. A prior that is not fitted yet is stood in for by a small mixture, fitted to the codes of 1,000
training images on the spot: else the score would be that of N(0, I), from which nobody will sample.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gvae.config import TrainConfig
from gvae.data.dataset import Dataset
from gvae.data.identity import official
from gvae.metrics.features import extract
from gvae.metrics.frechet import frechet
from gvae.models.base import Model
from gvae.models.latent import LatentModel, has_parameters
from gvae.priors import Mixture
from gvae.runs import Run
from gvae.seeding import seeded
from gvae.training import checkpoint
from gvae.training.log_lines import count

SAMPLES, FEWEST = 500, 64
"""samples of one score, as many as validation images; and how many images there must be"""
CODES, COMPONENTS = 1000, 20
"""codes and Gaussians of the mixture that stands in for a prior which is not fitted yet"""
SPACING = 25_000
"""images seen between two scores at least: a score costs about as much as training on 140 to 440 images"""
POINTS = 40
"""scores of one training at most"""
BLOCK = 250
"""images per forward pass, at most"""


class Scorer:
    """Scores a run now and then, and keeps its best weights.

    Args:
        run: where the best weights go.
        dataset: its validation split is what samples are compared with; the training split where that is too small.
        model: a model to load weights into; left in any state.
    """

    def __init__(self, run: Run, dataset: Dataset, model: Model) -> None:
        self.kept, self.dataset, self.model = replace(run, chosen="best"), dataset, model
        splits = [np.asarray(dataset.splits.get(name, ())) for name in ("val", "train")]
        large = [indices for indices in splits if len(indices) >= FEWEST]
        self.real = large[0][:SAMPLES] if large else np.empty(0, np.int64)
        self.known = official(dataset.spec.name, dataset.facts)
        self.features: np.ndarray | None = None
        self.seen, self.seconds = 0, 0.0
        self.latest, self.best, self.best_seen = math.inf, math.inf, 0

    def due(self, seen: int, seconds: float, config: TrainConfig) -> bool:
        """Whether to score: after a fortieth of the budget, but not too often, and at its end.

        Args:
            seen, seconds: of the training so far; of a budget in images only the first counts, so that the log is the
                same for the same seed.
        """
        if not len(self.real) or seen < SPACING or seen == self.seen:
            return False
        total, done, since = (
            (60 * config.minutes, seconds, seconds - self.seconds)
            if config.minutes is not None
            else (config.images or seen, seen, seen - self.seen)
        )
        return done >= total or (since >= total / POINTS and seen - self.seen >= SPACING)

    def judge(self, weights: dict[str, Tensor], seen: int, seconds: float) -> dict[str, float]:
        """Score weights, and keep them if they are the best; the entry of log.jsonl, none if samples are not finite."""
        self.seen, self.seconds = seen, seconds
        self.latest = self.score(weights)
        if self.latest < self.best:
            self.best, self.best_seen = self.latest, seen
            checkpoint.save_weights(self.kept, weights)
        return {"score": self.latest} if math.isfinite(self.latest) else {}

    @torch.no_grad()
    def score(self, weights: dict[str, Tensor]) -> float:
        """Frechet distance of samples of these weights; infinite if they are not finite."""
        if not all(torch.isfinite(v).all() for v in weights.values() if v.is_floating_point()):
            return math.inf
        self.model.load_state_dict(weights)
        with seeded(0):
            if self.features is None:
                self.features = self.extract(self.dataset.batch(part).x for part in self.parts(self.real))
            try:
                fakes = self.extract(self.samples())
            except torch.linalg.LinAlgError:  # no mixture fits codes that overflow  # pyright: ignore
                return math.inf
        return frechet(self.features, fakes)["fd"] if np.isfinite(fakes).all() else math.inf

    def samples(self) -> Iterator[Tensor]:
        """Samples in blocks, with the classes or attributes of the validation images."""
        model, prior = self.model, self.stand_in()
        for part in self.parts(self.real):
            y = self.dataset.conditions(part) if model.condition else None
            y = None if y is None else torch.from_numpy(y).to(model.device)
            if prior is None:
                yield model.sample(len(part), y)
            else:
                z = prior.sample(len(part), y if prior.condition else None)
                yield model.decode(z, y).mean  # pyright: ignore[reportCallIssue]

    def stand_in(self) -> Mixture | None:
        """A small mixture fitted to codes of training images, for a prior that is not fitted yet."""
        model = self.model
        if not isinstance(model, LatentModel) or not has_parameters(model.prior):
            return None
        if model.prior_fitted:
            return None
        batches = [self.dataset.batch(p, model.device) for p in self.parts(self.dataset.split("train")[:CODES])]
        conditions = [batch.y if model.condition else None for batch in batches]
        z = torch.cat([model.encode(batch.x, y).sample() for batch, y in zip(batches, conditions, strict=True)])
        attributes = model.condition != model.classes
        prior = Mixture(model.latent_dim, model.condition, COMPONENTS, attributes=attributes).to(model.device)
        prior.fit(z, torch.cat([y for y in conditions if y is not None]) if model.condition else None)
        return prior

    def extract(self, images: Iterable[Tensor]) -> np.ndarray:
        """Features (N, F) of images that come in blocks."""
        return np.concatenate([extract(x.cpu(), self.known)[0] for x in images])

    def parts(self, indices: np.ndarray) -> list[np.ndarray]:
        """Indices in as many pieces as forward passes are needed."""
        block = self.dataset.spec.together(BLOCK)
        return [indices[first : first + block] for first in range(0, len(indices), block)]

    def summary(self) -> str:
        """What to say at the end: nothing unless earlier weights scored better than the last."""
        if self.best >= self.latest:
            return ""
        return (
            f"score {self.latest:.3g}; it was best, {self.best:.3g}, at {count(self.best_seen)} images: "
            f"--weights best takes those"
        )

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {name: getattr(self, name) for name in ("seen", "seconds", "latest", "best", "best_seen")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From the checkpoint."""
        for name, value in state.items():
            setattr(self, name, value)
