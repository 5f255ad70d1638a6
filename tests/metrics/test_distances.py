"""Frechet distance, kernel distance, precision/recall/density/coverage and the class histogram."""

from typing import Any

import numpy as np
import pytest

from gvae.errors import GvaeError
from gvae.metrics.class_histogram import class_histogram
from gvae.metrics.frechet import frechet
from gvae.metrics.kernel import kernel_distance
from gvae.metrics.neighbours import nearest, squared_distances
from gvae.metrics.prdc import Pairs, prdc, split


def gauss(n: int, f: int = 8, mean: float = 0.0, sd: float = 1.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, sd, (n, f))


@pytest.fixture(scope="module")
def sets() -> dict[str, np.ndarray]:
    """Real features, as good as real, shifted, and collapsed onto few real points."""
    real = gauss(400, seed=1)
    return {
        "real": real,
        "good": gauss(400, seed=2),
        "bad": gauss(400, mean=0.7, seed=3),
        "collapsed": np.repeat(real[:4], 100, 0) + gauss(400, sd=0.01, seed=4),
    }


def test_frechet_equals_the_formula_with_a_matrix_square_root():
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(0)
    x, y = (
        rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6)),
        rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + 1,
    )
    a, b = np.cov(x.T), np.cov(y.T)
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    assert frechet(x, y)["fd"] == pytest.approx(expected, rel=1e-9)


def test_frechet_of_a_set_with_itself_and_of_fewer_images_than_features():
    x = gauss(5, 20)
    assert frechet(x, x)["fd"] == pytest.approx(0, abs=1e-6)
    assert np.isfinite(frechet(x, gauss(7, 20, seed=1))["fd"])
    assert frechet(x, np.ones((3, 20)))["fd"] == pytest.approx(((x.mean(0) - 1) ** 2).sum() + x.var(0, ddof=1).sum())


def test_frechet_of_a_shift_is_its_squared_length():
    x = gauss(50, 3)
    assert frechet(x, x + np.array([1.0, 2.0, 2.0]))["fd"] == pytest.approx(9.0, abs=1e-8)


@pytest.mark.parametrize(("measure", "key"), [(frechet, "fd"), (kernel_distance, "kd")])
def test_distances_rank_good_bad_collapsed(sets, measure, key):
    value = {name: measure(sets["real"], sets[name])[key] for name in ("good", "bad", "collapsed")}
    assert value["good"] * 5 < value["bad"]
    assert value["good"] * 5 < value["collapsed"]


def test_kernel_distance_is_unbiased_on_equal_distributions():
    values = [kernel_distance(gauss(40, seed=2 * i), gauss(40, seed=2 * i + 1))["kd"] for i in range(300)]
    assert abs(np.mean(values)) < 3 * np.std(values) / 300**0.5
    assert min(values) < 0


def test_kernel_distance_equals_the_definition_over_all_pairs_for_any_block():
    x, y = gauss(60), gauss(50, mean=1, seed=1)
    xx, yy, xy = ((a @ b.T / 8 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    inside = sum((k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (xx, yy))
    for block in (7, 50, 1000):
        result = kernel_distance(x, y, block)
        assert result["kd"] == pytest.approx(inside - 2 * xy.mean(), rel=1e-12)
        assert result["error"] == pytest.approx(kernel_distance(x, y)["error"], rel=1e-9)


def brute_force(real: np.ndarray, fake: np.ndarray, k: int) -> dict[str, Any]:
    """The definitions, point by point."""
    ball = [np.sort(np.linalg.norm(real - x, axis=1))[k] for x in real]
    ball_fake = [np.sort(np.linalg.norm(fake - y, axis=1))[k] for y in fake]
    held = np.array([[np.linalg.norm(x - y) < r for y in fake] for x, r in zip(real, ball, strict=True)])
    recalled = [any(np.linalg.norm(x - y) < r for y, r in zip(fake, ball_fake, strict=True)) for x in real]
    return {
        "coverage": held.any(1).mean(),
        "density": held.sum() / k / len(fake),
        "precision": held.any(0).mean(),
        "recall": np.mean(recalled),
    }


def test_prdc_equals_brute_force_and_does_not_depend_on_the_block():
    real, fake = gauss(40, 3), gauss(33, 3, mean=0.5, seed=1)
    expected = brute_force(real, fake, 5)
    assert 0 < expected["coverage"] < 1
    for block in (7, 40, 1000):
        assert prdc(real, fake, k=5, block=block, intervals=False) == pytest.approx(expected)


def test_prdc_in_parts_of_the_images_is_that_of_each_part():
    real, fake = gauss(80, 3), gauss(70, 3, mean=0.5, seed=1)
    lists = nearest(real, 79), nearest(fake, 69)
    pairs = Pairs(*(part.ravel() for part in np.indices((80, 70))), squared_distances(real, fake).ravel())
    labels = np.arange(80) % 2, np.arange(70) % 2
    expected = [list(brute_force(real[g::2], fake[g::2], 5).values()) for g in (0, 1)]
    assert split(pairs, lists, labels) == pytest.approx(np.array(expected))


def test_prdc_of_equal_gaussians_and_of_collapse(sets):
    good, bad, collapsed = (prdc(sets["real"], sets[name]) for name in ("good", "bad", "collapsed"))
    assert good["coverage"] == pytest.approx(0.97, abs=0.03)  # of equal distributions: 1 - 2^-5 for many images
    assert good["density"] == pytest.approx(1, abs=0.1)
    assert bad["coverage"] < 0.9 * good["coverage"]
    assert collapsed["coverage"] < 0.2
    assert collapsed["precision"] > 0.95
    assert collapsed["recall"] < 0.05


def test_class_histogram_by_hand():
    real = np.eye(4)[[0, 1, 2, 3] * 5]
    fake = np.eye(4)[[0, 0, 0, 1]]
    result = class_histogram(real, fake)
    assert result["kl_real"] == pytest.approx(0.75 * np.log(3) + 0.25 * np.log(1))
    assert (result["largest"], result["smallest"], result["share_1"]) == (0.75, 0.0, 0.25)
    assert class_histogram(real, real)["kl_real"] == pytest.approx(0)
    assert result["confidence"] == 1


def test_a_class_without_real_images_costs_much_but_not_infinitely():
    result = class_histogram(np.eye(3)[[0, 1] * 10], np.eye(3)[[0, 1, 2, 2]])
    assert 0.5 < result["kl_real"] < 5


@pytest.mark.parametrize("measure", [frechet, kernel_distance, prdc])
def test_bad_features_are_refused(measure):
    with pytest.raises(GvaeError, match="same F"):
        measure(gauss(10, 3), gauss(10, 4))
    with pytest.raises(GvaeError, match="N >= 2"):
        measure(gauss(10, 3), gauss(1, 3))
    with pytest.raises(GvaeError, match="not finite"):
        measure(gauss(10, 3), np.full((10, 3), np.nan))


def test_too_few_images_for_k_and_unlike_classes_are_refused():
    with pytest.raises(GvaeError, match="more than 5 images"):
        prdc(gauss(5), gauss(20))
    with pytest.raises(GvaeError, match="same K"):
        class_histogram(np.eye(3), np.eye(4))
