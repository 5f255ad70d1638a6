"""The papers' tables: every recipe can be built, a table is filled once, and a second call continues."""

from __future__ import annotations

import csv
import dataclasses
import re

import pytest
from PIL import Image

from gvae.data import open_data
from gvae.evaluation.numbers import read_numbers
from gvae.metrics import get
from gvae.models import resolve
from gvae.plots.panels import MARGIN, SIDE
from gvae.reproduce.experiments import EXPERIMENTS, TOY
from gvae.reproduce.recipe import Budget, Column, Experiment, Recipe
from gvae.reproduce.run import amount, folder, options, reproduce
from gvae.reproduce.table import cell, markdown, measured
from gvae.runs import Run
from gvae.types import DataSpec

SMALL = Experiment(
    "Two rows",
    "For a test",
    "toy4",
    ("exact", "elbo"),
    (Column("exact", "log-likelihood", 3), Column("elbo", "ELBO", 3)),
    (
        Recipe("plain", "vae", {**TOY, "prior": "normal", "batch": 100}, {"exact": "-1.568"}, "as printed"),
        Recipe("silent", "vae", {**TOY, "prior": "normal", "batch": 100, "beta": 100.0}),
    ),
    {"small": Budget({"images": 20_000, "lr": 3e-3}, (0, 1), samples=4000)},
)


def numbers(run: Run) -> dict[str, float]:
    return {number.name: number.value for number in read_numbers(run)}


def test_a_table_is_filled_once_and_its_numbers_obey_the_theory(tmp_path):
    said: list[str] = []
    table = reproduce(SMALL, SMALL.budgets["small"], tmp_path, say=said.append)
    runs = {(label, s): Run.open(tmp_path / folder(label, s)) for label in ("plain", "silent") for s in (0, 1)}
    for run in runs.values():
        n = numbers(run)
        assert n["elbo"] <= n["exact"] + 0.01
        assert n["exact"] <= n["limit"] == pytest.approx(-1.386294, abs=1e-5)
    assert numbers(runs["plain", 0])["exact"] > numbers(runs["silent", 0])["exact"]
    row = next(line for line in table.read_text().splitlines() if line.startswith("| plain"))
    assert row.startswith("| plain [1] | ")
    assert " ± " in row
    assert "-1.568" in row
    assert "1. plain: as printed." in table.read_text()
    lines = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert len([line for line in lines if line["number"] == "exact"]) == 4
    page = (tmp_path / "report.html").read_text()
    assert "<h1>Two rows, toy4</h1>" in page
    shown = [text.replace(" ± ", "\u00a0±\u00a0") for text in row.strip("| ").split(" | ")]
    assert "-1.568" in shown
    assert all(f">{text}</t" in page for text in shown)
    assert "1. plain: as printed." in page
    assert re.findall("<figcaption>(.*?)</figcaption>", page)[:3] == ["real images", "plain", "silent"]
    assert [f"{name}: seed {s}" in page for name in ("plain", "silent") for s in (0, 1)] == [True] * 4
    assert Image.open(tmp_path / "figure.png").width == 3 * SIDE + 4 * MARGIN  # real images and two rows

    before = {key: run.weights.stat().st_mtime_ns for key, run in runs.items()}
    text = table.read_text()
    assert reproduce(SMALL, SMALL.budgets["small"], tmp_path, say=said.append).read_text() == text
    assert before == {key: run.weights.stat().st_mtime_ns for key, run in runs.items()}
    assert len(said) == 8


def test_one_seed_shows_the_interval_over_images_and_no_value_says_why(tmp_path):
    one = Budget({"images": 2000}, (0,), samples=100)
    reproduce(SMALL, one, tmp_path, say=lambda text: None)
    run = Run.open(tmp_path / "plain-0")
    elbo = next(number for number in read_numbers(run) if number.name == "elbo")
    assert cell([measured(run)], Column("elbo", "ELBO", 3)) == f"{elbo.value:.3f} ± {elbo.error:.3f}"
    assert cell([measured(run)], Column("fd", "Frechet distance")) == "n/a"


@pytest.mark.parametrize(
    ("name", "recipe"),
    [(n, r) for n, e in EXPERIMENTS.items() for r in e.recipes],
    ids=lambda v: getattr(v, "label", v),
)
def test_every_recipe_of_the_papers_tables_can_be_built(name, recipe):
    experiment = EXPERIMENTS[name]
    known = {column.number for column in experiment.columns}
    assert set(recipe.paper) <= known
    spec = (
        open_data("toy4").spec
        if experiment.data == "toy4"
        else DataSpec("m", 1, (8, 8), tuple("ab"), binary="dynamic" * ("dynamic" in experiment.data))
    )
    for budget in experiment.budgets.values():
        config, train = options(recipe.model, {**recipe.changes, **budget.changes})
        assert train.images or train.minutes
    model = resolve(recipe.model)(spec, config)
    assert set(model.players())


def test_floors_scales_and_images_seen_stand_in_the_table(tmp_path):
    columns = (Column("mmd", "MMD x 1000", 1, 1000), Column("exact", "log-likelihood", 3))
    table = dataclasses.replace(SMALL, metrics=("mmd", "exact"), columns=columns, recipes=SMALL.recipes[:1])
    one = Budget({"images": 5000}, (0,), samples=100)
    lines = reproduce(table, one, tmp_path, say=lambda text: None).read_text().splitlines()
    number = next(n for n in read_numbers(Run.open(tmp_path / "plain-0")) if n.name == "mmd")
    assert f"| real against real | {1000 * number.floor:.1f} |  |  |  |  |" in lines
    row = next(line for line in lines if line.startswith("| plain"))
    assert f"| {1000 * number.value:.1f} ± {1000 * number.error:.1f} |" in row
    assert row.endswith("| 1 | 5k |")


def test_a_table_for_other_data_has_its_name_and_none_of_the_papers_figures():
    table3 = EXPERIMENTS["table3"]
    other = table3.on("fashion-mnist")
    assert (other.data, other.title) == ("fashion-mnist", f"{table3.title}, fashion-mnist")
    assert any(recipe.paper for recipe in table3.recipes)
    assert not any(recipe.paper or recipe.paper_note for recipe in other.recipes)
    assert [recipe.note for recipe in other.recipes] == [recipe.note for recipe in table3.recipes]
    assert table3.on("mnist") is table3
    both = next(recipe for recipe in table3.recipes if recipe.note and recipe.paper_note)
    assert both.remarks == f"{both.note}; {both.paper_note}"


def test_a_recipe_may_take_a_multiple_of_the_budget():
    assert amount(Budget({"images": 1000, "lr": 1.0}, (0,)), Recipe("a", "vae", times=2.5)) == {
        "images": 2500,
        "lr": 1.0,
    }
    assert amount(Budget({"minutes": 3.0}, (0,)), Recipe("a", "vae", times=2.0)) == {"minutes": 6.0}


def test_rows_that_are_measured_elsewhere_make_the_same_table(tmp_path):
    one = Budget({"images": 2000}, (0,), samples=100)
    text = reproduce(SMALL, one, tmp_path, say=lambda text: None).read_text()
    rows = {r.label: [measured(Run.open(tmp_path / folder(r.label, 0)))] for r in SMALL.recipes}
    assert markdown(SMALL, rows) == text
    few = dataclasses.replace(SMALL, recipes=SMALL.recipes[1:])
    again = reproduce(few, one, tmp_path, say=lambda text: None).read_text()
    assert "| silent |" in again
    assert "| plain" not in again


def test_every_column_of_the_papers_tables_is_measured():
    for experiment in EXPERIMENTS.values():
        for name in experiment.metrics:
            assert get(name).name == name
        labels = [recipe.label for recipe in experiment.recipes]
        assert len({folder(label, 0) for label in labels}) == len(labels)
