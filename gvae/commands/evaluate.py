"""gvae evaluate RUN: numbers with their protocol, from a run folder and the data it is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Interval

from gvae.commands.parsing import REQUIRED, WORD, parse
from gvae.errors import GvaeError
from gvae.evaluation.numbers import Number
from gvae.evaluation.rows import wanted
from gvae.metrics import METRICS
from gvae.ranges import Drawn, Seed
from gvae.runs import Run

ABOUT = f"""Measure a run and write metrics.json into it.

Metrics: {", ".join(METRICS)}; iwae-500 for 500 importance samples; ais-1000x32 for
1,000 temperatures and 32 chains (ais is measured only if named); package.module:NAME for one of your own.
docs/metrics explains each."""


@dataclass(frozen=True)
class Evaluate:
    """Measure a run and write metrics.json into it."""

    run: Annotated[Path, WORD] = REQUIRED
    """run folder"""
    data: str | None = None
    """data set to measure against; what the run was trained on if not given"""
    metrics: str | None = None
    """names of metrics, or of rows that tables print, separated by commas; all that apply but ais if not given"""
    samples: Annotated[int, Interval(ge=2, le=10_000_000)] = 10_000
    """images to draw and to compare with; fewer where the split has fewer"""
    split: Literal["test", "val", "train"] = "test"
    """part of the data to compare with: val to choose between models, test to report"""
    seed: Seed = 0
    """seed of the samples"""
    prior: str | None = None
    """prior to sample from, such as normal; the run's own if not given"""
    weights: Literal["last", "best"] = "last"
    """last: those at the end of training; best: those with the best score on validation images while it lasted"""
    bound_images: Drawn | None = None
    """images of iwae-K and ais; by default as many as 50,000 codes allow, 100 for ais"""
    precision: Literal["fp32", "bf16"] = "fp32"
    """of the networks for elbo, iwae and ais; bf16 is several times faster where the processor has it: compare first"""
    changed_data: bool = False
    """measure on the run's own data although they have changed since it was trained"""
    data_root: Path | None = None
    """folder with data sets; without it the environment variable GVAE_DATA"""


def run(words: list[str]) -> None:
    """Evaluate as the command line says."""
    args = parse(Evaluate(), words, "gvae evaluate", about=ABOUT)
    opened = Run.open(args.run).using(args.weights)
    from gvae.evaluation import evaluate

    names = split_names(args.metrics)
    held = evaluate(
        opened,
        names,
        data=args.data,
        samples=args.samples,
        split=args.split,
        seed=args.seed,
        prior=args.prior,
        root=args.data_root,
        weighed=args.bound_images,
        precision=args.precision,
        changed=args.changed_data,
    )
    refuse_nothing(opened, names, held["numbers"])
    show_numbers(opened)


def refuse_nothing(opened: Run, names: tuple[str, ...] | None, numbers: list[dict]) -> None:
    """Say so if none of the metrics that were named applies to the model.

    Raises:
        GvaeError: none does, and why.
    """
    asked = [number for number in numbers if names and wanted(Number(**number), names)]
    if asked and all(number["value"] is None for number in asked):
        reasons = "; ".join(dict.fromkeys(f"{number['name']}: {number['reason']}" for number in asked))
        others = ", ".join(number["name"] for number in numbers if number["value"] is not None)
        known = f"it has {others}" if others else f"`gvae evaluate {opened.path}` measures what applies"
        raise GvaeError(f"{opened.path} is a {opened.model}, which cannot be measured so ({reasons}); {known}")


def split_names(text: str | None) -> tuple[str, ...] | None:
    """Names between commas.

    >>> split_names("fd, kd"), split_names(None)
    (('fd', 'kd'), None)
    """
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise GvaeError(f"--metrics is empty; name some of {', '.join(METRICS)}, or leave it out for all")
    return names


def show_numbers(opened: Run) -> None:
    """Print the table of a run's numbers."""
    from rich.console import Console

    from gvae.report.tables import table_for_console

    Console(highlight=False).print(table_for_console(opened))
    print(f"Written to {opened.metrics}")
