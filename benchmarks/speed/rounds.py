"""What both sides of a comparison run: a round of gvae's training loop, and the data of a loop written by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from gvae.config import TrainConfig
from gvae.data.dataset import Dataset
from gvae.runs import Run
from gvae.training.log_lines import ProgressLine
from gvae.training.trainer import Trainer

Step = Callable[[], object]
Draw = Callable[[], Tensor]
START = 1e-9
"""`start` of a gvae whose first round is all of its first stage, a learning-rate warm-up; the adversarial stage follows"""


def trainer_round(name: str, config, dataset: Dataset, batch: int, folder: Path) -> tuple[Step, Trainer]:
    """One round of gvae's training loop, everything included but files."""
    options = TrainConfig(images=10**9, batch=batch)
    run = Run.create(folder / name, name, config, options, dataset.spec.name, dataset.spec, {})
    trainer = Trainer(run, dataset)
    trainer.log.progress = ProgressLine(quiet=True)
    return trainer.round, trainer


def batches(dataset: Dataset, batch: int) -> Draw:
    """A minimal loop's data: float images in memory, shuffled indices."""
    x = dataset.batch(dataset.split("train")[:20_000]).x.contiguous()
    return lambda: x[torch.randint(len(x), (batch,))]
