"""Train a model, and resume where it stopped."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

from gvae.config import TrainConfig
from gvae.data.dataset import Dataset
from gvae.data.identity import refuse_changed
from gvae.errors import GvaeError
from gvae.models import resolve
from gvae.models.base import Model
from gvae.runs import Run, refuse_run
from gvae.training.checks import check
from gvae.training.provenance import about


def train(
    model: str,
    model_config: Any,
    train: TrainConfig,
    dataset: Dataset,
    data: str,
    out: Path,
    built: Model | None = None,
) -> Run:
    """Train a model and write its run folder.

    Args:
        model: name in MODELS, or package.module:Class.
        model_config: the model's Config.
        train: budget and other options; without a budget, 10 minutes.
        dataset: what to learn.
        data: how the command line named it.
        out: new run folder.
        built: the model itself, with weights and networks of its own; None: what the options describe.

    Raises:
        GvaeError: options that do not fit together, an existing run, divergence, a full disk.
        gvae.training.signals.Interrupted: stopped by a signal, after a checkpoint.
    """
    check(model_config, train, dataset)
    from gvae.training.trainer import Trainer

    if built is None:
        resolve(model)
    train = train if train.images or train.minutes else dataclasses.replace(train, minutes=10.0)
    first = int(os.environ.get("RANK", "0")) == 0
    if first:
        refuse_run(out)
    run = Run.create(out, model, model_config, train, data, dataset.spec, about(dataset, built), write=False)
    trainer = Trainer(run, dataset, built)  # builds the model: what fails here leaves no folder
    if first:
        run.save()
    trainer.train()
    return run


def resume(run: Run, dataset: Dataset, images: int | None = None, minutes: float | None = None) -> Run:
    """Continue a training exactly where its last checkpoint left it.

    Args:
        run: the run.
        dataset: the data it was trained on.
        images: new total budget in images seen; None keeps the old budget.
        minutes: new total budget in minutes.

    Raises:
        GvaeError: other data than the run's, or nothing left to do.
    """
    from gvae.training import checkpoint
    from gvae.training.trainer import Trainer

    if dataset.spec != run.spec:
        raise GvaeError(
            f"{run.path} was trained on {run.spec.name} {run.spec.channels}x{'x'.join(map(str, run.spec.shape))}; "
            f"the data given is {dataset.spec.name} {dataset.spec.channels}x{'x'.join(map(str, dataset.spec.shape))}"
        )
    refuse_changed(run, dataset, "restore the data, or start a new run with `gvae train`")
    if images is not None or minutes is not None:
        run = dataclasses.replace(run, train=dataclasses.replace(run.train, images=images, minutes=minutes))
        check(None, run.train, dataset)
    # a run stopped before its first checkpoint starts again: the seed makes the same start
    state = checkpoint.load_state(run) if run.state.exists() else None
    trainer = Trainer(run, dataset)
    if state is not None:
        trainer.restore(state)
    if trainer.fraction >= 1 and (images is not None or minutes is not None):
        raise GvaeError(f"{run.path} has already seen {trainer.seen} images; give a larger total budget")
    if trainer.main:
        run.save()
    trainer.train()
    return run
