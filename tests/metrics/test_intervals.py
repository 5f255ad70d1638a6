"""Every 95 % interval of a metric holds what it says it holds, in 93 to 97 of 100 repetitions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gvae.metrics import METRICS, get
from gvae.metrics.active_units import active_units
from gvae.metrics.base import split_errors
from gvae.metrics.code_kl import code_kl
from gvae.metrics.intervals import half_width, halves, mean_and_error, pair_mean
from gvae.metrics.kernel import cubic, kernel_distance
from gvae.metrics.mmd import sums
from gvae.metrics.mmd_linear import mmd_linear
from gvae.metrics.ms_ssim import draw_pairs
from gvae.metrics.prdc import prdc
from gvae.metrics.two_sample import estimate
from tests.metrics.simulations import (
    ATOMS,
    GATE,
    SIMULATIONS,
    SLOW,
    counts,
    coverage,
    gauss,
    gaussian,
    prdc_of_line,
    squares,
    sums_of_counts,
)

WITHOUT = [name for name in METRICS if get(name).interval.startswith("none: ")]
WITH = [name for name in METRICS if name not in WITHOUT]


def draws(name: str, n: int) -> int:
    return 1500 if name not in SLOW else 250 if n > 200 else 300


@pytest.mark.parametrize("n", [200, 1000, 5000])
@pytest.mark.parametrize("name", WITH)
def test_intervals_of_every_metric_cover_the_mean_at_their_number_of_images(name, n):
    times = draws(name, n)
    slack = 2 * math.sqrt(0.95 * 0.05 / times)
    found = coverage(name, n, times)
    assert found
    assert all(0.93 - slack <= share <= 0.97 + slack for share in found.values()), found


@pytest.mark.parametrize("name", ["fd", "kd", "mmd", "class-histogram", "code-kl"])
def test_intervals_of_distances_between_equal_distributions_are_not_too_narrow(name):
    assert coverage(name, 200, 300, apart=0)[next(iter(coverage(name, 200, 2, apart=0)))] >= 0.93


def test_a_metric_says_how_its_interval_is_found_or_why_it_has_none():
    assert WITHOUT == ["active-units"]
    assert all(len(get(name).interval) > 12 for name in METRICS)
    assert set(SIMULATIONS) == set(WITH)
    assert split_errors(active_units(np.ones((3, 2))))[1] == {}


def test_the_rows_of_a_metric_that_have_an_interval():
    rng = np.random.default_rng(0)
    assert set(split_errors(prdc(gauss(rng, 60, 0), gauss(rng, 60, 1)))[1]) == {
        *("coverage", "density", "precision", "recall")
    }
    assert set(split_errors(SIMULATIONS["ais"](rng, 60, 1))[1]) == {"ais", "gap"}


# the shortcuts of the simulations


def test_sums_of_counts_are_sums_over_pairs():
    rng = np.random.default_rng(1)
    x, y = counts(rng, 60, 0), counts(rng, 40, 1)
    real, fake = np.repeat(ATOMS, x, 0), np.repeat(ATOMS, y, 0)
    ways = ((x, x), (y, y), (x, y))
    value, error = estimate(*(sums_of_counts(cubic, a, b) for a, b in ways))
    assert kernel_distance(real, fake) == pytest.approx({"kd": value, "error": error})
    blurred = estimate(*(sums_of_counts(gaussian, a, b) for a, b in ways))
    single = real.astype(np.float32), fake.astype(np.float32)
    pairs = ((single[0], single[0]), (single[1], single[1]), single)
    assert estimate(*(sums(a, b, GATE) for a, b in pairs)) == pytest.approx(blurred, rel=1e-3)


def test_neighbours_on_a_line_are_those_of_the_metric():
    real, fake = (np.sort(points[:, :1], 0) for points in squares(np.random.default_rng(2), 300, 1))
    plain, short = split_errors(prdc(real, fake)), split_errors(prdc_of_line(real[:, 0], fake[:, 0], 100))
    assert short[0] == pytest.approx(plain[0])
    assert short[1] == pytest.approx(plain[1], rel=0.02)  # a few neighbours are not listed


def test_the_interval_of_code_kl_is_that_of_its_moments():
    codes = gauss(np.random.default_rng(3), 80, 1)
    rng = np.random.default_rng(3)
    assert split_errors(code_kl(codes))[1]["code_kl"] == SIMULATIONS["code-kl"](rng, 80, 1)["error"]


# each kind of interval by hand


def test_one_value_has_no_interval_and_two_a_wide_one():
    assert math.isnan(mean_and_error(np.array([3.0]))[1])
    assert mean_and_error(np.array([1.0, 3.0]))[1] == pytest.approx(12.706, rel=1e-4)
    assert half_width(4.0) == pytest.approx(2 * 1.959964)


def test_a_single_batch_of_mmd_linear_has_no_interval():
    rng = np.random.default_rng(0)
    one, two = (mmd_linear(gauss(rng, n, 0), gauss(rng, n, 1)) for n in (63, 64))
    assert split_errors(one)[1] == {}
    assert split_errors(two)[1]["mmd_linear"] > 0


def test_all_pairs_have_the_variance_of_a_u_statistic():
    """h = x_i + x_j has mean 2 E x: the interval is that of twice the mean."""
    x = np.random.default_rng(0).normal(size=300)
    first, second = draw_pairs(300, None, 20_000, 0)
    assert len(first) == 300 * 299 // 2 > 20_000 or len(first) == 20_000
    first, second = np.triu_indices(300, 1)
    mean, error = pair_mean(x[first] + x[second], first, second)
    assert mean == pytest.approx(2 * x.mean())
    assert error == pytest.approx(2 * mean_and_error(x)[1], rel=0.02)


def test_pairs_drawn_twice_count_once_for_the_interval():
    x = np.random.default_rng(0).normal(size=20)
    first, second = np.triu_indices(20, 1)
    once = pair_mean(x[first] * x[second], first, second)
    both = [np.concatenate(part) for part in ((first, second), (second, first))]
    twice = pair_mean(np.tile(x[first] * x[second], 2), *both)
    assert twice == pytest.approx(once, rel=0.02)


def test_halves_give_the_variance_of_a_mean():
    x = np.random.default_rng(0).normal(size=400)

    def means(labels: np.ndarray) -> np.ndarray:
        return np.array([[x[labels == g].mean()] for g in range(labels.max() + 1)])

    assert halves(means, [400], 2000)[0] == pytest.approx(mean_and_error(x)[1], rel=0.15)
