"""Models that are told attributes: from a prepared data set to samples that have what was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gvae.data.dataset import Dataset
from gvae.data.prepared.store import write_prepared
from gvae.errors import GvaeError
from gvae.evaluation.inputs import Inputs
from gvae.loaded import load


@pytest.fixture
def odd(digits) -> Dataset:
    """Digits without classes, but with what can be said of their number."""
    number = np.asarray(digits.labels)
    attributes = np.stack([number % 2, number > 4], 1).astype(np.uint8)
    spec = replace(digits.spec, name="odd", classes=(), attributes=("odd", "large"))
    return replace(digits, spec=spec, labels=None, attributes=attributes)


def test_batches_carry_attributes_where_there_are_no_classes(odd, digits):
    y = odd.batch([3, 7]).y
    assert y.dtype == torch.float32
    number = np.asarray(digits.labels)[[3, 7]]
    assert y.tolist() == [[n % 2, float(n > 4)] for n in number]
    assert odd.spec.conditions == ("odd", "large")
    assert digits.batch([3]).y.dtype == torch.int64


@pytest.mark.parametrize("model", ["cvae", "ac-gan"])
def test_train_sample_and_measure_with_attributes(gvae, odd, tmp_path, model):
    place, run = write_prepared(odd, tmp_path / "odd"), str(tmp_path / "run")
    words = ["--images", "600", "--batch", "60", "--net.width", "8", "--conditional"]
    assert gvae("train", model, "--data", str(place), *words, "--out", run).code == 0
    loaded = load(run)
    rows = {tuple(row) for row in loaded.model.examples.int().tolist()}
    assert rows == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert torch.equal(loaded.labels(5, None), loaded.model.examples[:5])
    x = loaded.sample(4, torch.tensor([[1.0, 0.0]]).expand(4, 2))
    assert not torch.equal(x, loaded.sample(4, torch.zeros(4, 2)))
    picture = str(tmp_path / "s.png")
    assert gvae("sample", run, "-n", "4", "--attributes", "odd,large", "--out", picture).code == 0
    needs = Inputs(loaded, odd, samples=100)
    assert needs.fake_labels.shape == (100, 2)
    for words, message in (
        (["--attributes", "od"], "no attribute 'od'; did you mean 'odd'"),
        (["--label", "3"], "knows attributes, not classes; type --attributes odd"),
    ):
        answer = gvae("sample", run, *words)
        assert answer.code == 2
        assert message in answer.error
    with pytest.raises(GvaeError, match="4 rows of 2 numbers"):
        loaded.sample(4, torch.zeros(4, 3))


def test_attributes_are_refused_where_nothing_is_known_of_them(gvae, digits, tmp_path):
    run = str(tmp_path / "plain")
    words = ["--images", "120", "--batch", "60", "--net.width", "8"]
    assert gvae("train", "gan", "--data", "digits", *words, "--out", run).code == 0
    answer = gvae("sample", run, "--attributes", "odd")
    assert (answer.code, "was not trained on attributes" in answer.error) == (2, True)
