"""Directions in the run's folder: what was kept comes back, and what no longer fits is refused."""

from __future__ import annotations

import json

import pytest
import torch

from gvae.errors import GvaeError
from gvae.latent.directions import Direction
from gvae.latent.store import find, keep, kept
from gvae.runs import Run

SMILE = Direction("Smiling", torch.tensor([1.0, 2, 3, 4]), "mean", "celeba", 20, 30, 0.8, 0.9, options={"seed": 1})
HAT = Direction("Hat", torch.ones(4), "component", "celeba", share=0.25)


@pytest.fixture
def run(saved) -> Run:
    return Run.open(saved("vae"))


def test_what_was_kept_comes_back(run):
    assert kept(run) == {}
    assert keep(run, [SMILE]) == []
    keep(run, [HAT])
    found = kept(run)
    assert list(found) == ["Smiling", "Hat"]
    for given in (SMILE, HAT):
        again = found[given.name]
        assert torch.equal(again.vector, given.vector)
        for name in ("method", "data", "positive", "negative", "accuracy", "auc", "share", "options"):
            assert getattr(again, name) == getattr(given, name)


def test_one_of_the_same_name_is_replaced(run):
    keep(run, [SMILE, HAT])
    keep(run, [Direction("Hat", torch.zeros(4), "mean", "other")])
    assert kept(run)["Hat"].data == "other"
    assert kept(run)["Smiling"].data == "celeba"


def test_weights_that_have_changed_make_directions_void(run):
    keep(run, [SMILE, HAT])
    data = bytearray(run.weights.read_bytes())
    data[-1] ^= 1
    run.weights.write_bytes(data)
    with pytest.raises(GvaeError, match=r"weights of .* have changed since .* anew with `gvae attributes"):
        find(run, "Smiling", 4)
    assert keep(run, [SMILE]) == ["Hat"]
    assert list(kept(run)) == ["Smiling"]


def test_single_components_of_the_code(run):
    assert find(run, "z2", 4).tolist() == [0, 0, 1, 0]
    with pytest.raises(GvaeError, match=r"no component z4; the code of .* has z0 to z3"):
        find(run, "z4", 4)
    keep(run, [Direction("z2", torch.full((4,), 5.0), "mean", "made")])
    assert find(run, "z2", 4).tolist() == [5, 5, 5, 5]  # a name that was given comes first


def test_unknown_names(run):
    with pytest.raises(GvaeError, match=r"keeps no directions yet.*'Smiling'; learn some with `gvae attributes .*z0=2"):
        find(run, "Smiling", 4)
    keep(run, [SMILE, HAT])
    assert torch.equal(find(run, "Smiling", 4), SMILE.vector)
    with pytest.raises(GvaeError, match="no direction 'Smilin'; did you mean 'Smiling'"):
        find(run, "Smilin", 4)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": 9, "weights": "", "directions": {}}'])
def test_a_damaged_description_is_named(run, text):
    run.directions_about.write_text(text)
    with pytest.raises(GvaeError, match=r"directions of .* are damaged .* learn them anew"):
        kept(run)


def test_a_description_without_its_vectors_is_named(run):
    keep(run, [SMILE])
    about = json.loads(run.directions_about.read_text())
    about["directions"]["Hat"] = about["directions"]["Smiling"]
    run.directions_about.write_text(json.dumps(about))
    with pytest.raises(GvaeError, match="are damaged"):
        kept(run)
    run.directions.unlink()
    with pytest.raises(GvaeError, match="are damaged"):
        kept(run)
