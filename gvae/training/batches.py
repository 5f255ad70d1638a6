"""Training data for one process: batches in a seeded order, and passes over everything for what is fitted in between."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from gvae.config import TrainConfig
from gvae.data.dataset import Dataset, Order
from gvae.errors import GvaeError
from gvae.types import Batch

BLOCK = 500
"""images per batch of a pass, at most"""
PASSES = 5
"""passes over the training data that a turn may read before its first step, at most"""
ENOUGH = 60_000
"""images that all passes together come to, at most, but for the first, which is whole"""


class Batches:
    """An endless stream of batches of the training split; its position is all that a resume needs.

    Args:
        dataset: what to learn.
        config: batch size over all processes, seed, mirroring.
        device: where batches are made.
        index, processes: which of how many parts of every batch this process takes.

    Raises:
        GvaeError: a batch that does not divide over the processes.
    """

    def __init__(
        self, dataset: Dataset, config: TrainConfig, device: torch.device, index: int = 0, processes: int = 1
    ) -> None:
        if config.batch % processes:
            raise GvaeError(f"--batch {config.batch} does not divide over {processes} processes")
        self.dataset, self.config, self.device = dataset, config, device
        self.index, self.processes = index, processes
        self.indices = dataset.split("train")
        self.order = dataset.order(self.indices, config.batch, config.seed)

    def next(self) -> Batch:
        """This process's part of the next batch."""
        batch = self.dataset.batch(self._part(self.order.next()), self.device)
        self.dataset.ahead(self._part(self.order.at(self.order.position)))
        if self.config.flip:
            mirrored = torch.rand(len(batch.x), *[1] * (batch.x.dim() - 1), device=self.device) < 0.5
            batch = batch._replace(x=torch.where(mirrored, batch.x.flip(-1), batch.x))
        return batch

    def _part(self, chosen: np.ndarray) -> np.ndarray:
        """This process's images of a batch."""
        return self.indices[chosen[self.index :: self.processes]]

    def examples(self, n: int) -> Tensor:
        """What n training images, drawn under the seed, have as conditions."""
        order = Order(len(self.indices), n, self.config.seed)
        found = self.dataset.conditions(self.indices[order.next()])
        assert found is not None
        return torch.from_numpy(found)

    def passes(self) -> Iterator[Batch]:
        """Whole passes over the training data in an order of their own, as many as `ENOUGH` allows; all see everything."""
        n, block = len(self.indices), self.dataset.spec.together(BLOCK)
        order = self.dataset.order(self.indices, block, self.config.seed + 1)
        passes = max(1, min(PASSES, ENOUGH // n))
        for _ in range(-(-passes * n // block)):
            yield self.dataset.batch(self.indices[order.next()], self.device)
