"""gvae show RUN lists the directions that the run keeps."""

from __future__ import annotations

import re
import shutil

import pytest
import torch

from gvae.latent.directions import Direction
from gvae.latent.store import keep
from gvae.runs import Run


@pytest.fixture
def run(tiny_run, tmp_path) -> Run:
    return Run.open(shutil.copytree(tiny_run, tmp_path / "run"))


def test_a_run_without_directions_says_nothing_of_them(gvae, run):
    assert "Directions" not in gvae("show", str(run.path)).out


def test_learned_directions_and_components_are_listed_with_their_scores(gvae, run):
    seven = Direction("7", torch.ones(4), "logistic", "digits", 129, 1308, accuracy=0.8125, auc=0.9)
    unjudged = Direction("odd", torch.ones(4), "mean", "digits", 700, 737)
    keep(run, [seven, unjudged, Direction("pc1", torch.ones(4), "component", "digits", share=0.25)])
    answer = gvae("show", str(run.path))
    assert answer.code == 0
    assert re.search(r"^  7 +logistic +129 +1308 +0\.812 +0\.900 +2\.00$", answer.out, re.M)
    assert re.search(r"^  odd +mean +700 +737 +n/a +n/a +2\.00$", answer.out, re.M)
    assert re.search(r"^  pc1 +25\.0%$", answer.out, re.M)


def test_directions_of_other_weights_are_no_failure(gvae, run):
    keep(run, [Direction("odd", torch.ones(4), "mean", "digits", 30, 40)])
    run.weights.write_bytes(run.weights.read_bytes() + b" ")
    answer = gvae("show", str(run.path))
    assert answer.code == 0
    assert "have changed since its directions were learned" in answer.out
