"""Train a model, and resume where it stopped."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import platform
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from gvae import __version__
from gvae.config import TrainConfig
from gvae.config import check as check_ranges
from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.models import resolve
from gvae.runs import Run, refuse_run
from gvae.types import DataSpec

PACKAGES = ("torch", "numpy", "accelerate", "safetensors", "scikit-learn", "pillow")


ONE_WAY = ("digits", "mnist", "char74k", "toy4")
"""beginnings of the names of data sets whose mirror images are no members of them"""
SIDE = 8
"""pixels of the shortest side below which an eighth is none"""


def train(model: str, model_config: Any, train: TrainConfig, dataset: Dataset, data: str, out: Path) -> Run:
    """Train a model and write its run folder.

    Args:
        model: name in MODELS, or package.module:Class.
        model_config: the model's Config.
        train: budget and other options; without a budget, 10 minutes.
        dataset: what to learn.
        data: how the command line named it.
        out: new run folder.

    Raises:
        GvaeError: options that do not fit together, an existing run, divergence, a full disk.
        gvae.training.signals.Interrupted: stopped by a signal, after a checkpoint.
    """
    check(model_config, train, dataset)
    from gvae.training.engine import Engine

    resolve(model)
    train = train if train.images or train.minutes else dataclasses.replace(train, minutes=10.0)
    first = int(os.environ.get("RANK", "0")) == 0
    if first:
        refuse_run(out)
    run = Run.create(out, model, model_config, train, data, dataset.spec, about(dataset), write=False)
    engine = Engine(run, dataset)  # builds the model: what fails here leaves no folder
    if first:
        run.save()
    engine.train()
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
    from gvae.training.engine import Engine

    if dataset.spec != run.spec:
        raise GvaeError(
            f"{run.path} was trained on {run.spec.name} {run.spec.channels}x{'x'.join(map(str, run.spec.shape))}; "
            f"the data given is {dataset.spec.name} {dataset.spec.channels}x{'x'.join(map(str, dataset.spec.shape))}"
        )
    old, new = run.about.get("data", {}).get("checksum"), dataset.facts.get("checksum")
    if old and new and old != new:
        raise GvaeError(
            f"the data set {dataset.spec.name} has changed since {run.path} was trained; start a new run"
        )
    if images is not None or minutes is not None:
        run = dataclasses.replace(run, train=dataclasses.replace(run.train, images=images, minutes=minutes))
        check(None, run.train, dataset)
    # a run stopped before its first checkpoint starts again: the seed makes the same start
    state = checkpoint.load_state(run) if run.state.exists() else None
    engine = Engine(run, dataset)
    if state is not None:
        engine.restore(state)
    if engine.fraction >= 1 and (images is not None or minutes is not None):
        raise GvaeError(f"{run.path} has already seen {engine.seen} images; give a larger total budget")
    if engine.main:
        run.save()
    engine.train()
    return run


def check(model_config: Any, train: TrainConfig, dataset: Dataset) -> None:
    """Refuse options that cannot work.

    Raises:
        GvaeError: what is wrong and what to type.
    """
    for options in (train, *([] if model_config is None else [model_config])):
        check_ranges(options)
    if train.images is not None and train.minutes is not None:
        raise GvaeError("both --images and --minutes were given; give one budget")
    if getattr(model_config, "conditional", False) and not dataset.spec.conditions:
        raise GvaeError(
            f"--conditional needs classes or attributes, and {dataset.spec.name} has none; put each class in a sub-folder"
        )
    check_augmentation(model_config, train, dataset.spec)
    if train.tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise GvaeError("--tensorboard needs the extra `track`; type: pip install 'gvae[track]'")


def check_augmentation(model_config: Any, train: TrainConfig, spec: DataSpec) -> None:
    """Refuse changes of images after which they are no images of this kind.

    Raises:
        GvaeError: which, and what is possible.
    """
    if train.flip and spec.name.startswith(ONE_WAY):
        raise GvaeError(
            f"--flip mirrors images, and a mirrored image is none of {spec.name}: characters have a left and a right; "
            "leave --flip out"
        )
    augment, side = getattr(model_config, "augment", "none"), min(spec.shape)
    if augment in ("none", "shift"):
        return
    if side < SIDE:
        raise GvaeError(
            f"--augment {augment} shifts images by an eighth of a side, and {spec.name} has a side of {side}; it needs "
            f"{SIDE} or more: leave --augment out"
        )
    if spec.binary:
        raise GvaeError(
            f"--augment {augment} changes brightness and contrast, and {spec.name} is black and white; train on gray "
            "values, as mnist, or leave --augment out"
        )


def about(dataset: Dataset) -> dict[str, Any]:
    """What a number from this run should carry with it: versions, hardware, data facts, date."""
    return {
        "command": shlex.join(["gvae", *sys.argv[1:]]),
        "date": time.strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "versions": {"gvae": __version__, **{name: version(name) for name in PACKAGES}},
        "processor": processor(),
        "data": json.loads(json.dumps(dataset.facts, default=str)),
        "splits": {name: len(indices) for name, indices in dataset.splits.items()},
    }


def version(package: str) -> str:
    """Installed version of a package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """Name of the GPU, or of the CPU with its number of cores in use."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    name = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="ignore") as file:
            name = next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"
