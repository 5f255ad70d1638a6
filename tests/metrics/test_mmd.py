"""Pixel MMD, unbiased and with an interval; and the papers' batch MMD, which rewards collapse."""

import tracemalloc

import numpy as np
import pytest

from gvae.errors import GvaeError
from gvae.metrics.mmd import median_distance, mmd, sums
from gvae.metrics.mmd_linear import mmd_linear


def gauss(n: int, d: int = 5, mean: float = 0.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, (n, d)).astype(np.float32)


def direct(x: np.ndarray, y: np.ndarray, bandwidth: float) -> float:
    """The definition, in double precision and without blocks."""

    def kernel(a, b):
        return np.exp(-((a[:, None].astype(float) - b) ** 2).sum(-1) / (2 * bandwidth**2))

    n, m = len(x), len(y)
    xx, yy = (kernel(a, a).sum() - len(a) for a in (x, y))
    return xx / (n * (n - 1)) + yy / (m * (m - 1)) - 2 * kernel(x, y).mean()


def test_the_value_equals_the_definition_for_any_block():
    x, y = gauss(60), gauss(45, mean=0.5, seed=1)
    result = mmd(x, y)
    assert result["mmd"] == pytest.approx(direct(x, y, result["bandwidth"]), abs=1e-7)
    for block in (7, 45, 60):
        other = mmd(x, y, block=block)
        assert other["mmd"] == pytest.approx(result["mmd"], abs=1e-7)
        assert other["error"] == pytest.approx(result["error"], rel=1e-3)


def test_sums_of_blocks_equal_sums_of_the_whole_matrix():
    x, y = gauss(23), gauss(31, seed=1)
    kernel = np.exp(-((x[:, None] - y) ** 2).sum(-1) / 8)
    blocked = sums(x, y, 2.0, block=8)
    assert blocked.rows == pytest.approx(kernel.sum(1), rel=1e-5)
    assert blocked.columns == pytest.approx(kernel.sum(0), rel=1e-5)
    assert blocked.squares == pytest.approx((kernel**2).sum(), rel=1e-5)
    symmetric = sums(x, x, 2.0, block=8)
    assert symmetric.rows == pytest.approx(symmetric.columns, rel=1e-6)
    assert symmetric.squares == pytest.approx(sums(x, x, 2.0, block=23).squares, rel=1e-6)


def test_the_value_is_unbiased_and_the_interval_covers_zero_on_equal_distributions():
    results = [mmd(gauss(50, seed=2 * i), gauss(40, seed=2 * i + 1)) for i in range(300)]
    values, errors = (np.array([r[key] for r in results]) for key in ("mmd", "error"))
    assert abs(values.mean()) < 3.5 * values.std() / 300**0.5
    assert 0.90 < (np.abs(values) <= errors).mean() <= 1


def test_the_interval_covers_the_truth_on_unlike_distributions():
    results = [mmd(gauss(60, seed=2 * i), gauss(80, mean=0.4, seed=2 * i + 1)) for i in range(300)]
    values, errors = (np.array([r[key] for r in results]) for key in ("mmd", "error"))
    covered = (np.abs(values - values.mean()) <= errors).mean()
    assert 0.90 < covered < 0.99
    assert errors.mean() / 1.96 == pytest.approx(values.std(), rel=0.2)


def test_the_range_of_the_pixels_does_not_matter_but_the_bandwidth_is_that_of_the_real_images():
    x, y = gauss(50), gauss(50, mean=1, seed=1)
    assert mmd(x / 2 + 0.5, y / 2 + 0.5)["mmd"] == pytest.approx(mmd(x, y)["mmd"], abs=1e-6)
    assert mmd(x, 9 * y)["bandwidth"] == mmd(x, y)["bandwidth"]
    assert median_distance(np.array([[0.0], [1.0], [4.0]])) == 3.0


def test_good_bad_and_collapsed_rank_right_and_the_linear_batch_mmd_rewards_collapse():
    real, good = gauss(640, 20), gauss(640, 20, seed=1)
    bad = gauss(640, 20, mean=0.5, seed=2)
    collapsed = np.zeros_like(real)  # the mean image, always
    assert mmd(real, good)["mmd"] < mmd(real, bad)["mmd"] / 10
    assert mmd(real, good)["mmd"] < mmd(real, collapsed)["mmd"] / 10
    linear_good, linear_collapsed = (mmd_linear(real, fake)["mmd_linear"] for fake in (good, collapsed))
    assert linear_collapsed == pytest.approx(linear_good / 2, rel=0.15)  # the trap: half the value of real images
    assert linear_good == pytest.approx(2 * 20 / 32, rel=0.15)  # (tr cov x + tr cov y) / B


def test_mmd_linear_equals_the_v_statistic_of_the_linear_kernel():
    x, y = gauss(8, 3), gauss(8, 3, seed=1)
    expected = [
        ((a @ a.T).sum() + (b @ b.T).sum() - 2 * (a @ b.T).sum()) / 16 for a, b in ((x[:4], y[:4]), (x[4:], y[4:]))
    ]
    assert mmd_linear(x, y, batch=4)["mmd_linear"] == pytest.approx(np.mean(expected), rel=1e-5)


def test_bad_images_are_refused():
    with pytest.raises(GvaeError, match="one shape"):
        mmd(gauss(10, 3), gauss(10, 4))
    with pytest.raises(GvaeError, match="at least 2 images"):
        mmd(gauss(1), gauss(10))
    with pytest.raises(GvaeError, match="same image"):
        mmd(np.zeros((10, 3)), gauss(10, 3))
    with pytest.raises(GvaeError, match="at least 32 images"):
        mmd_linear(gauss(31), gauss(40))


def test_memory_grows_with_the_block_and_not_with_the_square_of_the_images():
    x, y = gauss(3000, 2), gauss(3000, 2, seed=1)
    tracemalloc.start()
    sums(x, y, 1.0, block=250)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3e6  # bytes; the whole matrix would take 36e6 in single precision
