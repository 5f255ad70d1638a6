"""What the verbs say when data have changed, a prior is not fitted yet, or runs were measured in unlike ways."""

from __future__ import annotations

import shlex

import numpy as np
import pytest
from PIL import Image

from gvae.runs import Run
from gvae.training.checkpoint import build, load_weights, read_weights, save_weights

WORDS = [
    "--images",
    "120",
    "--batch",
    "40",
    "--latent",
    "2",
    "--net.width",
    "8",
    "--prior",
    "mixture",
    "--components",
    "2",
]


@pytest.fixture
def folder(tmp_path):
    """120 gray images in a folder whose name has a blank."""
    where = tmp_path / "my blobs"
    where.mkdir()
    for k, image in enumerate(np.random.default_rng(0).integers(0, 255, (120, 8, 8), np.uint8)):
        Image.fromarray(image).save(where / f"{k:03d}.png")
    return where


@pytest.fixture
def run(gvae, folder, tmp_path):
    out = tmp_path / "my run"
    assert gvae("train", "vae", "--data", str(folder), *WORDS, "--out", str(out)).code == 0
    return out


def test_changed_data_are_refused_until_they_are_accepted(gvae, run, folder, tmp_path):
    picture = str(tmp_path / "p.png")
    assert gvae("reconstruct", str(run), "--out", picture).code == 0
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "new.png")
    for words in (["reconstruct", str(run), "--out", picture], ["evaluate", str(run), "--metrics", "mse"]):
        refused = gvae(*words)
        assert refused.code == 2
        assert "their files have changed" in refused.error
        assert "--changed-data" in refused.error
        assert gvae(*words, "--changed-data").code == 0
    assert gvae("evaluate", str(run), "--metrics", "mse", "--data", "digits").code == 0  # on purpose: nothing to refuse


def test_samples_of_a_prior_that_is_not_fitted_yet_say_that_they_are_of_the_normal_one(gvae, run, tmp_path):
    words = ["sample", str(run), "-n", "4", "--out", str(tmp_path / "s.png")]
    assert "not fitted" not in gvae(*words).out
    opened = Run.open(run)
    weights = {k: v for k, v in read_weights(opened).items() if not k.startswith("prior.")}
    fresh = build(opened)
    load_weights(opened, fresh)
    fresh.prior.mark_fitted(False)  # pyright: ignore[reportAttributeAccessIssue, reportCallIssue]
    save_weights(opened, fresh.state_dict() | weights)
    told = gvae(*words).out
    assert "the mixture prior is not fitted yet" in told
    assert f"gvae resume {shlex.quote(str(run))}" in told
    assert "not fitted" not in gvae(*words, "--prior", "normal").out


def test_compare_names_what_it_leaves_out_and_the_command_works_as_it_stands(gvae, run, folder, tmp_path):
    other = tmp_path / "other run"
    gvae("train", "vae", "--data", str(folder), *WORDS, "--seed", "1", "--out", str(other))
    for place, seed in ((run, "0"), (other, "7")):
        assert gvae("evaluate", str(place), "--metrics", "coverage,mse", "--seed", seed).code == 0
    shown = gvae("compare", str(run), str(other), "--metrics", "coverage")
    assert shown.code == 0
    text = " ".join(shown.out.split())
    assert "left out (seed 7, not seed 0)" in text
    assert "recall" not in text
    typed = text[text.index("`gvae evaluate") + 1 :].partition("`")[0]
    assert gvae(*shlex.split(typed)[1:]).code == 0
    assert "left out" not in gvae("compare", str(run), str(other), "--metrics", "coverage").out


def test_a_slip_in_a_row_is_told(gvae, run):
    for verb in ("evaluate", "compare"):
        assert "did you mean 'coverage'" in gvae(verb, str(run), "--metrics", "coverge").error
