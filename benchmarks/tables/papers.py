"""The papers' tables and the likelihood headline: what was measured, beside what the papers print."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from benchmarks.rows import RESULTS, Row, read
from benchmarks.tables.studies import of_a_class
from benchmarks.tables.text import dates, machines, notes, origin
from gvae.evaluation.numbers import Number
from gvae.reproduce.experiments import EXPERIMENTS
from gvae.reproduce.quality import Point, quality
from gvae.reproduce.recipe import Experiment
from gvae.reproduce.table import Measured, cells, markdown, pipes, table

HEADLINE = ("vae, fitted prior", "alpha-gan", "gvae")
"""rows of the README"""
FIRST = ("table3", "gans-vs-vaes")
"""tables that a reader sees first; the others follow in the order of `gvae reproduce`"""
NUMBERS = ("fd", "coverage", "mse")
"""columns of the README"""
PICTURES = {
    "table3-small": {"table3.png": "Real MNIST digits beside 64 samples of each model after three minutes, seed 2"},
    "table3-small-fashion-mnist": {
        "table3-fashion-mnist.png": "Real Fashion-MNIST images beside 64 samples of each model after three minutes, seed 2"
    },
    "gans-vs-vaes-small": {
        "gans-vs-vaes-curves.png": "The score of each model against images seen and against seconds",
        "gans-vs-vaes.png": "Real MNIST digits beside 64 samples of each model after six minutes",
    },
}
"""pictures of docs/images below a table, and what they show"""


class Table(NamedTuple):
    """A table of the papers that has rows."""

    name: str
    """of its file"""
    experiment: Experiment
    measured: dict[str, list[Measured]]
    """by label, a run for each seed"""
    rows: list[Row]


def tables() -> list[Table]:
    """All that have rows, in the order of the results page."""
    found = []
    for name in sorted(EXPERIMENTS, key=lambda name: name not in FIRST):
        files = sorted(file.stem for file in RESULTS.glob(f"{name}-*.json"))
        found += [reproduced(name, file) for file in files]
    return found


def reproduced(name: str, file: str) -> Table:
    """The table that one file of rows fills.

    Raises:
        SystemExit: a row that `gvae reproduce` has no recipe for.
    """
    experiment = EXPERIMENTS[name]
    order = [recipe.label for recipe in experiment.recipes]
    rows = list(read(file).values())
    if strange := sorted({row["label"] for row in rows} - set(order)):
        raise SystemExit(
            f"{file}.json has rows of '{strange[0]}', but `gvae reproduce {name}` knows {', '.join(order)}"
        )
    rows.sort(key=lambda row: order.index(row["label"]))
    measured: dict[str, list[Measured]] = {}
    for row in rows:
        numbers = tuple(Number(**number) for number in row["numbers"])
        measured.setdefault(row["label"], []).append(Measured(row["seed"], row["images"], numbers))
    return Table(file, experiment.on(rows[0]["data"]), measured, rows)


def headline() -> str:
    """The README's table: real images and three models on MNIST."""
    found = next(each for each in tables() if each.name == "table3-small")
    chosen = {recipe.label: recipe for recipe in found.experiment.recipes if recipe.label in HEADLINE}
    recipes = tuple(replace(chosen[label], paper={}, note="", paper_note="") for label in HEADLINE)
    columns = tuple(column for column in found.experiment.columns if column.number in NUMBERS)
    lines = cells(replace(found.experiment, columns=columns, recipes=recipes), found.measured)
    rows = [row for row in found.rows if row["label"] in HEADLINE]
    seeds, minutes = len({row["seed"] for row in rows}), max(row["minutes"] for row in rows)
    about = (
        f"MNIST, {minutes:g} minutes of training each ({machines(rows, 'label')}), 10,000 samples against the test split, "
        f"mean ± standard deviation over {seeds} seeds. Frechet distance and coverage use the features of a small MNIST "
        f"classifier. `{general(rows[0])}` repeats it. [All results](docs/results.md)."
    )
    return f"{pipes([line[: 1 + len(columns)] for line in lines])}\n\n{about}"


def sections() -> list[str]:
    """All tables for docs/results.md."""
    return [section(found) for found in tables()]


def section(found: Table) -> str:
    """Heading, table, curves, pictures and origin."""
    pictures = [f"![{text}](images/{file})" for file, text in PICTURES.get(found.name, {}).items()]
    text = f"#{markdown(found.experiment, found.measured)}".rstrip()
    return "\n\n".join(part for part in (text, curves(found.rows), *pictures, made(found)) if part)


def curves(rows: list[Row]) -> str:
    """Quality over training, of rows that have curves."""
    found: dict[str, list[list[Point]]] = {}
    for row in rows:
        if "curve" in row:
            found.setdefault(row["label"], []).append([Point(*point) for point in row["curve"]])
    return pipes(quality(found)) if found else ""


def general(row: Row) -> str:
    """The command of a row, for all rows and seeds of its table.

    >>> general({"commands": ["gvae reproduce table4 --budget small --only 'z 100' --seed 0"]})
    'gvae reproduce table4 --budget small'
    """
    return re.sub(r" --(only|seed) ('[^']*'|\S+)", "", row["commands"][0])


def made(found: Table) -> str:
    """Under a table: command, data, machines, dates, memory, notes."""
    rows = found.rows
    torch = f"torch {rows[0]['versions']['torch']}"
    where = f"{rows[0]['data']}, {machines(rows, 'label')}, {dates(rows)}, {torch}"
    sentences = [f"`{general(rows[0])}` on {where}."]
    if peaks := [row["peak_mb"] for row in rows if row.get("peak_mb")]:
        sentences.append(f"A training took at most {max(peaks):,.0f} MB of memory.")
    if fits := [row["closing"] for row in rows if (row.get("closing") or 0) > 1]:
        sentences.append(f"Fitting a prior after training took up to {max(fits):.0f} seconds more.")
    if rows[0]["minutes"] and len({row["processor"] for row in rows}) > 1:
        sentences.append("Rows of different machines had equal minutes, but not equal compute.")
    return " ".join([*sentences, notes(rows)]).strip()


def results_of(model: str) -> str:
    """What a model's page says: its rows of the papers' tables."""
    parts = []
    for found in tables():
        mine = {recipe.label for recipe in found.experiment.recipes if recipe.model == model}
        if chosen := {label: runs for label, runs in found.measured.items() if label in mine}:
            text = re.sub(r" \[\d+\]", "", table(found.experiment, chosen))
            parts.append(f"**{found.experiment.title}**, `{general(found.rows[0])}`\n\n{text}")
    asked = [row for row in read("conditional").values() if row["model"] == model]
    if text := of_a_class(asked, "../images"):
        parts.append(f"**Samples of a class**\n\n{text}")
    if not parts:
        return "Results are not measured yet."
    return "\n\n".join([*parts, "Other models, machines, dates and notes: [results](../results.md)."])


def likelihood() -> str:
    """The importance-weighted bound of the small VAE with a learned prior."""
    rows = list(read("likelihood").values())
    if not rows:
        return ""
    titles = ["machine", "importance-weighted bound", "ELBO", "KL(q(z given x), N(0, I))", "parameters", "training"]
    about = "`vae --preset likelihood` on dynamically binarised MNIST, test split, nats per image ± 95 % interval."
    papers = (
        "The papers report -80.8 (ELBO) and -79.1 (importance-weighted, k = 128) for IAF of depth 8 on the same "
        "binarisation. The best bound in the GVAE papers' table is -79.9, on static binarisation."
    )
    table = pipes([titles, *map(bound, rows)])
    return "\n\n".join(["## The highest log-likelihood", about, table, papers, *map(origin, rows)])


def bound(row: Row) -> list[str]:
    """A line of `likelihood`."""
    numbers = row["numbers"]
    name = next(name for name in numbers if name.startswith("iwae"))
    cells = [f"{numbers[n]['value']:.2f} ± {numbers[n]['error']:.2f}" for n in (name, "elbo", "kl")]
    cells[0] += f" (k = {name.removeprefix('iwae-')}, {numbers[name]['n']:,} images)"
    spent = f"{row['minutes']:g} minutes, {row['images'] / 1e6:.2f} M images"
    return [row["processor"], *cells, f"{row['parameters'] / 1e6:.1f} M", spent]
