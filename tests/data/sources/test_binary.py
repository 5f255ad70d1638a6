"""Black-and-white data: what is drawn when, and what the fixed files must look like."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gvae.data import open_data
from gvae.data.dataset import Dataset
from gvae.data.sources import binary
from gvae.errors import GvaeError
from gvae.types import DataSpec


def test_dynamic_draws_anew_with_the_gray_value_as_probability():
    spec = DataSpec("made", 1, (2, 2), binary="dynamic")
    data = Dataset(spec, np.full((4000, 2, 2, 1), 51, np.uint8), splits={"train": np.arange(4000)})
    torch.manual_seed(0)
    first, second = data.batch(np.arange(4000)).x, data.batch(np.arange(4000)).x
    assert set(first.unique().tolist()) == {-1.0, 1.0}
    assert not torch.equal(first, second)
    assert (first == 1).float().mean().item() == pytest.approx(0.2, abs=0.015)
    torch.manual_seed(0)
    assert torch.equal(first, data.batch(np.arange(4000)).x)


def test_dynamic_black_and_white_stay_as_they_are():
    spec = DataSpec("made", 1, (1, 2), binary="dynamic")
    pixels = np.tile(np.array([0, 255], np.uint8).reshape(1, 1, 2, 1), (500, 1, 1, 1))
    x = Dataset(spec, pixels).batch(np.arange(500)).x
    assert (x[..., 0] == -1).all()
    assert (x[..., 1] == 1).all()


def test_toy4_holds_each_point_as_often():
    data = open_data("toy4")
    for split in ("train", "val", "test"):
        x = data.batch(data.split(split)).x
        points, counts = x.flatten(1).unique(dim=0, return_counts=True)
        assert counts.tolist() == [1000] * 4
        assert ((points == 1).sum(1) == 1).all()
    assert data.spec.binary == "static"


def amat(folder, name, images):
    text = "\n".join(" ".join(map(str, row)) for row in images.reshape(len(images), -1))
    (folder / f"binarized_mnist_{name}.amat").write_text(text + "\n")


def test_published_files_are_read_checked_and_named(tmp_path, monkeypatch):
    monkeypatch.setattr(binary, "AMAT", {"train": 3, "valid": 2, "test": 2})
    images = np.random.default_rng(0).integers(0, 2, (7, 28, 28))
    for name, part in (("train", images[:3]), ("valid", images[3:5]), ("test", images[5:])):
        amat(tmp_path, name, part)
    data = open_data("mnist-static", tmp_path)
    assert data.spec.name == "mnist-static"
    assert {name: len(part) for name, part in data.splits.items()} == {"train": 3, "val": 2, "test": 2}
    assert np.array_equal(data.images[..., 0], 255 * images)
    (tmp_path / "binarized_mnist_valid.amat").write_text("0 1 0")
    with pytest.raises(GvaeError, match=r"valid\.amat holds 3 pixels in place of 2 x 784"):
        open_data("mnist-static", tmp_path)
    (tmp_path / "binarized_mnist_valid.amat").unlink()
    with pytest.raises(GvaeError, match=r"valid\.amat is missing beside"):
        open_data("mnist-static", tmp_path)


def test_without_them_our_own_draw_is_fixed_and_says_so(data_root):
    first, second = open_data("mnist-static", data_root), open_data("mnist-static", data_root)
    gray = open_data("mnist", data_root)
    assert first.spec.name == "mnist-static-seed0"
    assert np.array_equal(first.images, second.images)
    assert set(np.unique(first.images)) == {0, 255}
    assert first.images.mean() == pytest.approx(gray.images.mean(), rel=0.002)
    assert math.isclose(first.images[gray.images == 0].max(), 0)
