"""Fill one of the papers' tables: train what is missing, measure what is missing, write "paper" beside "ours".

Everything is kept in run folders below `out`, so a second call continues where the first one stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from gvae.atomic import write_text
from gvae.config import TrainConfig, with_changes
from gvae.data import open_data
from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.evaluation.evaluate import evaluate
from gvae.evaluation.numbers import read_numbers
from gvae.models import resolve
from gvae.presets import preset
from gvae.reproduce.quality import Curves, curve, quality
from gvae.reproduce.quality import to_csv as curves_csv
from gvae.reproduce.recipe import Budget, Experiment, Recipe
from gvae.reproduce.table import markdown, measured, pipes, to_csv
from gvae.runs import Run
from gvae.training import resume, train

Runs = dict[str, list[Run]]
"""label of a recipe -> its runs, one per seed"""


def reproduce(
    experiment: Experiment, budget: Budget, out: Path, root: Path | None = None, say: Callable[[str], None] = print
) -> Path:
    """Train, measure, and write table.md, table.csv, figure.png and report.html into `out`; curves.* where asked for.

    Args:
        experiment: rows and columns.
        budget: training images, seeds, and how much is measured.
        out: folder of the runs and tables.
        root: where named data sets are looked for; None: GVAE_DATA.
        say: called with lines on what is going on.

    Returns:
        the path of table.md.

    Raises:
        GvaeError: missing data, or a run that cannot be trained or measured.
    """
    from gvae.reproduce.page import write_reproduced

    dataset, runs, rows = open_data(experiment.data, root), {}, {}
    for seed in budget.seeds:
        for recipe in experiment.recipes:
            place = out / folder(recipe.label, seed)
            say(f"{recipe.label}, seed {seed}: {place}")
            run = trained(recipe, budget, seed, dataset, experiment.data, place)
            if missing := unmeasured(run, experiment.metrics):
                evaluate(run, missing, samples=budget.samples, root=root, weighed=budget.bound_images)
            runs.setdefault(recipe.label, []).append(run)
            rows = {label: [measured(each) for each in group] for label, group in runs.items()}
            write_text(out / "table.md", markdown(experiment, rows))  # what there is so far
            write_text(out / "table.csv", to_csv(experiment, rows))
    draw(dataset, runs, out)
    if experiment.curves:
        curves = {label: [curve(run) for run in group] for label, group in runs.items()}
        write_text(out / "table.md", f"{markdown(experiment, rows)}\n{pipes(quality(curves))}\n")
        write_text(out / "curves.csv", curves_csv(curves))
        draw_curves(curves, out / "curves.png", say)
    write_reproduced(experiment, runs, out)
    return out / "table.md"


def draw_curves(curves: Curves, path: Path, say: Callable[[str], None]) -> None:
    """The figure of quality over training; trainings too short for a score have none."""
    from gvae.reproduce.quality_page import draw_quality

    try:
        draw_quality(curves, path)
    except GvaeError as error:
        say(f"no curves: {error}")


def draw(dataset: Dataset, runs: Runs, out: Path) -> None:
    """real.png, and figure.png: those images, then the samples of every row's first run, each under its name."""
    from gvae.plots.grids import grid, save
    from gvae.plots.panels import panels

    real = grid(dataset.batch(dataset.split("test")[:64]).x)
    save(real, out / "real.png")
    samples = {label: Image.open(group[0].final) for label, group in runs.items()}
    save(panels({"real images": real, **samples}), out / "figure.png")


def folder(label: str, seed: int) -> str:
    """Name of a run folder.

    >>> folder("vae + RealNVP prior, joint", 2)
    'vae-realnvp-prior-joint-2'
    """
    words = "".join(c if c.isalnum() else " " for c in label.lower()).split()
    return "-".join([*words, str(seed)])


def trained(recipe: Recipe, budget: Budget, seed: int, dataset: Dataset, data: str, place: Path) -> Run:
    """The run of one recipe and seed: trained now, continued, or there already."""
    if not (place / "run.json").exists():
        sizes = preset(recipe.model, recipe.preset if budget.presets else None)
        changes = {**sizes, **recipe.changes, **amount(budget, recipe), "seed": seed}
        if budget.presets and recipe.preset:  # what the preset says of sizes stays
            changes |= {name: sizes[name] for name in ("latent", "glimpses", "steps", "hidden") if name in sizes}
        config, settings = options(recipe.model, changes)
        return train(recipe.model, config, settings, dataset, data, place)
    run = Run.open(place)
    return run if run.final.exists() else resume(run, dataset)


def amount(budget: Budget, recipe: Recipe) -> dict[str, Any]:
    """The budget's options, with as many images or minutes as the recipe takes of it."""
    scaled = {name: value * recipe.times for name, value in budget.changes.items() if name in ("images", "minutes")}
    return {**budget.changes, **{name: type(budget.changes[name])(value) for name, value in scaled.items()}}


def options(model: str, changes: dict) -> tuple[object, TrainConfig]:
    """The model's and the training's options, by their names on the command line (`net.family`)."""
    return with_changes(resolve(model).Config, changes)


def unmeasured(run: Run, metrics: Sequence[str]) -> tuple[str, ...]:
    """Metrics that metrics.json does not hold yet."""
    held = {number.protocol.get("metric") for number in read_numbers(run)}
    return tuple(name for name in metrics if name not in held)
