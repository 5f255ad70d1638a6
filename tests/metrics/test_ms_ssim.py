"""MS-SSIM in both conventions: against torchmetrics' scales, and the values of real MNIST."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d

from gvae.data import open_data
from gvae.errors import GvaeError
from gvae.metrics.base import Unavailable
from gvae.metrics.ms_ssim import STANDARD, WEIGHTS, blur, draw_pairs, mean_similarity, similarity, variety
from gvae.metrics.ms_ssim_256 import mean_similarity_256


def smooth(n: int, size: int, channels: int = 1, seed: int = 0) -> torch.Tensor:
    """Random blobs in [0, 1]."""
    noise = torch.rand(n, channels, size // 4, size // 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, size=(size, size), mode="bilinear")


def test_identical_images_have_similarity_1_and_inverted_ones_0():
    x = smooth(3, 28)
    assert similarity(x, x) == pytest.approx(torch.ones(3), abs=1e-5)
    assert similarity(x, 1 - x) == pytest.approx(torch.zeros(3), abs=1e-6)


def test_two_constant_images_by_hand():
    a, b = torch.full((1, 1, 28, 28), 0.2), torch.full((1, 1, 28, 28), 0.6)
    luminance = (2 * 0.12 + 1e-4) / (0.04 + 0.36 + 1e-4)
    assert float(similarity(a, b)) == pytest.approx(luminance ** WEIGHTS[-1], rel=1e-3)
    assert sum(WEIGHTS) == pytest.approx(1)


def test_the_window_is_a_gaussian_that_fits_inside_the_image():
    x = torch.zeros(1, 1, 9, 9)
    x[0, 0, 4, 4] = 1
    response = blur(x, 7)
    taps = np.exp(-(np.arange(-3, 4) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()
    assert response.shape == (1, 1, 3, 3)
    assert response[0, 0].numpy() == pytest.approx(np.outer(taps[2:5], taps[2:5]), rel=1e-5)
    assert float(blur(torch.ones(1, 2, 8, 9, 10), 7).min()) == pytest.approx(1, rel=1e-6)


def test_the_scales_agree_with_torchmetrics():
    """torchmetrics averages the last scale over reflected borders too; here every scale leaves them out."""
    from torchmetrics.functional.image import structural_similarity_index_measure as ssim

    a, b = smooth(1, 176, 2), smooth(1, 176, 2, seed=1)
    mine = similarity(a, b, 11, STANDARD)
    expected = torch.ones(1, 2)
    for scale, weight in enumerate(STANDARD):
        for c in range(2):
            x, y = a[:, c : c + 1], b[:, c : c + 1]
            _, cs = ssim(x, y, data_range=1.0, reduction="none", return_contrast_sensitivity=True)
            _, full = ssim(x, y, data_range=1.0, reduction="none", return_full_image=True)
            value = full[..., 5:-5, 5:-5].flatten(1).mean(1) if scale == 4 else cs
            expected[:, c] *= value.clamp(min=0) ** weight
        a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
    assert mine == pytest.approx(expected.mean(1), rel=1e-3)


def test_variety_tells_collapse_from_the_data_and_noise():
    real = (smooth(40, 28) * 2 - 1).numpy()
    collapsed = np.repeat(real[:1], 30, 0)
    noise = np.random.default_rng(0).uniform(-1, 1, (30, 1, 28, 28)).astype(np.float32)
    result = {name: variety(real, fake, pairs=100) for name, fake in (("collapsed", collapsed), ("noise", noise))}
    assert result["collapsed"]["ms_ssim"] == pytest.approx(1, abs=1e-5)
    assert result["collapsed"]["gap"] > 0.5
    assert result["noise"]["ms_ssim"] < result["noise"]["real"]
    assert variety(real, real, pairs=100)["gap"] == 0
    assert "within" not in result["noise"]


def test_pairs_within_a_class_are_more_alike():
    bases = smooth(2, 28, seed=3).numpy()
    labels = np.arange(30) % 2
    images = (bases[labels] + np.random.default_rng(0).normal(0, 0.05, (30, 1, 28, 28))).astype(np.float32)
    result = variety(images, images, labels, labels, pairs=100)
    assert result["within"] > result["ms_ssim"] + 0.05
    assert result["gap_within"] == 0


def test_pairs_are_different_images_of_one_class_and_no_class_of_one_image_is_drawn():
    labels = np.array([0, 0, 0, 1, 2, 2])
    first, second = draw_pairs(6, labels, 500, seed=0)
    assert (first != second).all()
    assert (labels[first] == labels[second]).all()
    assert set(first) == {0, 1, 2, 4, 5}
    assert {(a, b) for a, b in zip(first, second, strict=True)} >= {(0, 1), (0, 2), (1, 0), (4, 5)}


def test_the_block_does_not_matter_and_volumes_are_measured():
    images = (smooth(10, 28) * 2 - 1).numpy()
    assert mean_similarity(images, None, 30, 0, block=7)[0] == pytest.approx(mean_similarity(images, None, 30, 0)[0])
    volumes = np.random.default_rng(0).uniform(-1, 1, (2, 1, 28, 28, 28)).astype(np.float32)
    assert 0 <= mean_similarity(volumes, None, 1, 0)[0] < 0.2
    with pytest.raises(Unavailable, match="not volumes"):
        mean_similarity_256(volumes, None, 4, 0)


def test_images_that_are_too_small_are_named():
    with pytest.raises(Unavailable, match="28 pixels, images have 8"):
        mean_similarity(np.zeros((4, 1, 8, 8), np.float32), None, 4, 0)
    with pytest.raises(GvaeError, match="at least 28 pixels"):
        similarity(torch.zeros(1, 1, 27, 27), torch.zeros(1, 1, 27, 27))
    with pytest.raises(GvaeError, match="one shape"):
        similarity(torch.zeros(1, 1, 28, 28), torch.zeros(2, 1, 28, 28))


def test_real_mnist_has_its_known_values(data_root):
    data = open_data("mnist", data_root)
    indices = data.split("test")
    images, labels = data.batch(indices).x.numpy(), np.asarray(data.labels)[indices]
    value, error = mean_similarity(images, None, 800, 0)
    assert value == pytest.approx(0.238, abs=2 * error)
    assert mean_similarity(images, labels, 800, 0)[0] == pytest.approx(0.452, abs=2 * error)
    value, error = mean_similarity_256(images, None, 32, 0)
    assert value == pytest.approx(0.258, abs=2 * error)
