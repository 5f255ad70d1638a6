"""The Python interface: open data, train, load, measure, compare. All of it is offered by `import gvae`.

    data = gvae.open_data("mnist")
    model = gvae.VAE(data.spec, latent=48, prior="mixture")
    run = gvae.train(model, data, minutes=10, out="runs/a")
    x = run.sample(64, seed=0)                      # (64, 1, 28, 28) in [-1, 1]
    numbers = run.evaluate(metrics=["fd", "coverage"])

A slip raises a `GvaeError` that says what was given and what is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from gvae import data as data_sets
from gvae.atomic import write_text
from gvae.config import TrainConfig, with_changes
from gvae.data.dataset import Dataset
from gvae.data.sources.array import open_array
from gvae.errors import GvaeError
from gvae.evaluation.compare import Comparison
from gvae.evaluation.compare import compare as compare_runs
from gvae.evaluation.evaluate import measure_run
from gvae.evaluation.numbers import Number, write_numbers
from gvae.loaded import Loaded, pick_device
from gvae.loaded import load as load_run
from gvae.models import MODELS, resolve
from gvae.models.base import Model
from gvae.presets import preset as changes
from gvae.report import tables
from gvae.runs import Run, free_folder
from gvae.training import train as train_run

TRAINING = tuple(field.name for field in fields(TrainConfig))
"""options of a training, as opposed to those of a model"""
Runs = "Run | Loaded | Path | str"
"""a run: its folder, opened or not"""


def open_data(
    source: str | Path | np.ndarray,
    labels: Sequence[int] | np.ndarray | None = None,
    root: Path | str | None = None,
    **options: Any,
) -> Dataset:
    """Open a data set: by name, from a folder, or of an array.

    Args:
        source: a name such as "mnist" (`gvae data list`), a folder of images or a prepared folder,
            `package.module:function`, or uint8 images (N, H, W), (N, H, W, C) or (N, D, H, W, C).
        labels: of an array: the class of each image, (N,) integers from 0 on.
        root: where named data sets are looked for; default: GVAE_DATA, else the user's cache.
        options: how files are read, such as size=64, see `gvae.data.ReadOptions`; of an array only name="...".

    Raises:
        GvaeError: no such data or option, missing or damaged files, an array of another type or shape.

    >>> data = open_data("digits")
    >>> len(data), data.spec.shape, data.batch([0, 1]).x.shape
    (1797, (8, 8), torch.Size([2, 1, 8, 8]))
    """
    if isinstance(source, np.ndarray | Tensor):
        return open_array(np.asarray(source), labels, **options)
    if labels is not None:
        raise GvaeError(f"labels= belong to an array; {source} has its own: a sub-folder for each class")
    return data_sets.open_data(str(source), root, **options)


def train(
    model: str | Model,
    data: Dataset | str | Path | np.ndarray,
    out: Path | str | None = None,
    *,
    preset: str | None = None,
    **options: Any,
) -> TrainedRun:
    """Train a model and write its run folder.

    Args:
        model: a model, as `gvae.VAE(data.spec, latent=48)`, or its name, as "gvae" (see `gvae.MODELS`).
        data: what to learn: of `open_data`, or what `open_data` takes.
        out: new run folder; runs/DATA-MODEL-SEED if not given.
        preset: named options of a model given by name, as "paper".
        options: of the training, as minutes=10, images=60_000, seed=0, batch=64; of a model given by name also those of the
            model, as latent=48; nested ones as net={"width": 32}.

    Returns:
        the run, opened.

    Raises:
        GvaeError: options that do not exist, are out of range or do not go together; an existing run; divergence.

    >>> from tempfile import mkdtemp
    >>> run = train("vae", "digits", f"{mkdtemp()}/run", images=256, latent=4, net={"width": 8}, seed=0)
    >>> run.sample(2, seed=1).shape
    torch.Size([2, 1, 8, 8])
    """
    dataset = data if isinstance(data, Dataset) else open_data(data)
    if isinstance(model, str):
        named = {**changes(model, preset), **options}
        config, training = with_changes(resolve(model).Config, named)
        name, built = model, None
    else:
        if wrong := [option for option in [*options, *(["preset"] if preset else [])] if option not in TRAINING]:
            raise GvaeError(f"{wrong[0]}= is no option of a training: give it where the model is made")
        training = with_changes(type(model).Config, options)[1]
        config, name, built = model.config, name_of(type(model)), model
    source = dataset.opened_as
    place = Path(out) if out is not None else free_folder(source or dataset.spec.name, name, training.seed)
    run = train_run(name, config, training, dataset, source, place, built)
    found = load_run(run, pick_device("auto"), networks=None if built is None else built.own)
    opened = TrainedRun(found.run, found.model)
    opened.dataset = dataset
    return opened


def name_of(kind: type[Model]) -> str:
    """How a model's class is found again: its name in `MODELS`, else module:Class.

    >>> from gvae.models.vae_gan import VAEGAN
    >>> name_of(VAEGAN)
    'vae-gan'
    """
    place = f"{kind.__module__}:{kind.__qualname__}"
    return next((name for name, where in MODELS.items() if where == place), place)


def load(run: Any, device: str = "auto", weights: str | None = None, **networks: nn.Module) -> TrainedRun:
    """Open a trained run; no data set is needed.

    Args:
        run: its folder, or a `Run`, or an opened run.
        device: "auto" (a GPU if there is one), "cpu", "cuda", "cuda:1", "mps".
        weights: "last", those at the end of training, or "best", those with the best score on validation images.
        networks: `encoder=`, `generator=` or `critic=` of a run that was trained with a network of your own.

    Raises:
        GvaeError: not a run, damaged weights, no best ones, a device that is not there, or a network that is missing.
    """
    folder = run.run if isinstance(run, Loaded) else run
    found = load_run(folder, pick_device(device), weights, networks)
    return TrainedRun(found.run, found.model)


class TrainedRun(Loaded):
    """A trained model with its run folder: samples, codes, reconstructions, bounds and numbers."""

    dataset: Dataset | None = None
    """the data that it was trained on, if that happened just now"""

    def evaluate(
        self, metrics: Sequence[str] | None = None, data: Any = None, samples: int = 10_000, **options: Any
    ) -> list[Number]:
        """Measure, and keep the numbers in the run's metrics.json.

        Args:
            metrics: names of metrics or of the rows that tables print, as ["fd", "coverage"]; None: all but the costly.
            data: what to compare with: of `open_data` or what it takes; None: what the run was trained on.
            samples: images to draw and to compare with, at most.
            options: as of `gvae evaluate`: split="val", seed=0, prior="normal", ...

        Returns:
            the numbers asked for, each with value, error, floor and protocol.

        Raises:
            GvaeError: no such metric or data, other image shapes, too few images.
        """
        given = self.dataset if data is None else data if isinstance(data, Dataset) else open_data(data)
        if given is None and not self.run.data:
            raise GvaeError(f"{self.run.path} was trained on an array; give it again: evaluate(data=images)")
        numbers = measure_run(self, metrics, given, samples, **options)
        write_numbers(self.run, numbers)
        return numbers


def evaluate(run: Any, metrics: Sequence[str] | None = None, **options: Any) -> list[Number]:
    """Measure a run; arguments and errors as for `TrainedRun.evaluate`.

    Args:
        run: a folder, a `Run` or an opened run.
        metrics: names of metrics or of the rows that tables print; None: all but the costly.
        options: as for `TrainedRun.evaluate`.
    """
    return (run if isinstance(run, TrainedRun) else load(run)).evaluate(metrics, **options)


def compare(runs: Sequence[Any], metrics: Sequence[str] | None = None) -> ComparisonTable:
    """Put evaluated runs side by side; runs that differ in their seed alone share a row.

    Args:
        runs: folders, runs or opened runs, each evaluated before.
        metrics: metrics or rows to show, as ["fd", "coverage"]; None: all.

    Raises:
        GvaeError: no runs, one run twice, or a run that was not evaluated.
    """
    opened = [run.run if isinstance(run, Loaded) else run if isinstance(run, Run) else Run.open(run) for run in runs]
    return ComparisonTable(compare_runs(opened, metrics))


@dataclass(frozen=True)
class ComparisonTable:
    """Several runs, a row each, and a column for each number under one protocol."""

    table: Comparison

    def __str__(self) -> str:
        return self.to_markdown()

    def to_markdown(self, path: Path | str | None = None) -> str:
        """The table as Markdown, written to a file if one is named."""
        return self._written(tables.markdown(self.table), path)

    def to_csv(self, path: Path | str | None = None) -> str:
        """The table as comma-separated values at full precision, written to a file if one is named."""
        return self._written(tables.csv(self.table), path)

    def to_latex(self, path: Path | str | None = None) -> str:
        """The table as a LaTeX tabular, written to a file if one is named."""
        return self._written(tables.latex(self.table), path)

    @staticmethod
    def _written(text: str, path: Path | str | None) -> str:
        """The text, which is written to a file first if one is named."""
        if path is not None:
            write_text(Path(path), text)
        return text
