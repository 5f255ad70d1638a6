"""Numbers of every metric on images drawn anew at each call, for the tests and the study of intervals.

Where a metric would take too long for many images, its own estimator gets the same sums or neighbours from a shortcut:
features that have few distinct values (sums over pairs become sums over counts), or that lie on a line (neighbours are
found in sorted order). `test_intervals` compares each shortcut with the metric itself.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gvae.metrics import intervals
from gvae.metrics.ais import ais
from gvae.metrics.class_histogram import class_histogram
from gvae.metrics.code_kl import moments
from gvae.metrics.elbo import elbo
from gvae.metrics.exact import exact
from gvae.metrics.frechet import frechet
from gvae.metrics.iwae import iwae
from gvae.metrics.kernel import cubic
from gvae.metrics.kl import kl
from gvae.metrics.mmd_linear import mmd_linear
from gvae.metrics.ms_ssim import PAIRS, draw_pairs
from gvae.metrics.ms_ssim_256 import PAIRS as PAIRS_256
from gvae.metrics.mse import mse
from gvae.metrics.nats import nats
from gvae.metrics.prdc import prdc
from gvae.metrics.two_sample import Kernel, Sums, estimate

Rng = np.random.Generator
Simulation = Callable[[Rng, int, float], dict[str, float]]
"""(random numbers, images of each set, how far apart the sets are: 1, or 0 for equal ones) -> the numbers"""

ATOMS = np.random.default_rng(5).normal(size=(24, 4))
"""the distinct features of a set"""
GATE = 2.0
"""bandwidth of the Gaussian kernel, about the median distance of atoms"""


def gamma(rng: Rng, n: int) -> np.ndarray:
    """Nats of images: skewed, some much larger than most."""
    return rng.gamma(4.0, 5.0, n)


def gauss(rng: Rng, n: int, apart: float, size: int = 4) -> np.ndarray:
    """Features (N, F), shifted and narrower by how far apart they are from the plain."""
    return rng.normal(0.4 * apart, 1 - 0.2 * apart, (n, size))


def reconstructions(rng: Rng, n: int, apart: float) -> dict[str, float]:
    x = rng.uniform(-1, 1, (n, 1, 2, 2))
    return mse(x, x + rng.normal(0, 0.1, x.shape) * rng.gamma(4.0, 0.25, (n, 1, 1, 1)))


def counts(rng: Rng, n: int, apart: float) -> np.ndarray:
    """How often each atom is drawn, (A,); atoms differ the more in it, the farther apart."""
    chances = np.exp(0.5 * apart * ATOMS[:, 0])
    return rng.multinomial(n, chances / chances.sum())


def sums_of_counts(kernel: Kernel, a: np.ndarray, b: np.ndarray) -> Sums:
    """What `kernel_sums` gives of as many images of each atom; `b is a` for a set with itself."""
    matrix, itself = kernel(ATOMS, ATOMS), a is b
    own = np.diag(matrix) if itself else np.zeros(len(ATOMS))
    rows, columns = matrix @ b - own, matrix.T @ a - own
    squares = float(a @ matrix**2 @ b - a @ own**2)
    diagonal = float(own @ a) / a.sum() if itself else None
    return Sums(np.repeat(rows, a), np.repeat(columns, b), squares, diagonal)


def gaussian(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.exp(-((a[:, None] - b) ** 2).sum(-1) / (2 * GATE**2))


def two_sample(name: str, kernel: Kernel) -> Simulation:
    """The squared MMD of images of few distinct kinds."""

    def simulate(rng: Rng, n: int, apart: float) -> dict[str, float]:
        x, y = counts(rng, n, 0), counts(rng, n, apart)
        value, error = estimate(*(sums_of_counts(kernel, a, b) for a, b in ((x, x), (y, y), (x, y))))
        return {name: value, "error": error}

    return simulate


def pairs_of_images(pairs: int) -> Simulation:
    """MS-SSIM's pairs and interval with images of two numbers, of which similarity is a function."""

    def simulate(rng: Rng, n: int, apart: float) -> dict[str, float]:
        images = rng.normal(size=(n, 2))
        first, second = draw_pairs(n, None, pairs, seed=0)
        value, error = intervals.pair_mean(alike(images[first], images[second]), first, second)
        return {"ms_ssim": value, "error": error}

    return simulate


def alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Similarity (P,) of images (P, 2): some images are like most, some like none."""
    return np.exp(-((a - b) ** 2).sum(1) / 4)


def shares(rng: Rng, n: int, apart: float) -> dict[str, float]:
    chances = np.exp(apart * np.linspace(-1, 1, 10))
    real, fake = rng.choice(10, n), rng.choice(10, n, p=chances / chances.sum())
    return class_histogram(np.eye(10)[real], np.eye(10)[fake])


def codes(rng: Rng, n: int, apart: float) -> dict[str, float]:
    value, error = moments(gauss(rng, n, apart))
    return {"code_kl": value, "error": error}


def squares(rng: Rng, n: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Features (N, 2) of two sets that share 60 % of their range."""
    return rng.random((n, 2)), rng.random((n, 2)) + np.array([0.4 * apart, 0])


def neighbours(rng: Rng, n: int, apart: float) -> dict[str, float]:
    """Neighbours in the plane for few images, else on a line."""
    real, fake = squares(rng, n, apart)
    if n < 500:
        return prdc(real, fake)
    seed = int(rng.integers(2**32))  # sorted points are in no random order, so the splits must be
    return prdc_of_line(real[:, 0], fake[:, 0], seed=seed)


def prdc_of_line(real: np.ndarray, fake: np.ndarray, repeats: int = 25, seed: int = 0) -> dict[str, float]:
    """What `prdc` gives of features (N,) and (M,) on a line, with fewer random splits."""
    real, fake = np.sort(real), np.sort(fake)

    def split(*labels: np.ndarray) -> np.ndarray:
        parts = range(labels[0].max() + 1)
        return np.stack([on_line(real[labels[0] == g], fake[labels[1] == g]) for g in parts])

    names = ("coverage", "density", "precision", "recall")
    values = dict(zip(names, on_line(real, fake).tolist(), strict=True))
    widths = intervals.halves(split, [len(real), len(fake)], repeats, seed)
    return values | {f"error_{name}": float(width) for name, width in zip(names, widths, strict=True)}


def on_line(real: np.ndarray, fake: np.ndarray, k: int = 5) -> np.ndarray:
    """Coverage, density, precision and recall (4,) of sorted features (N,) and (M,)."""
    balls, balls_fake = radii_on_line(real, k), radii_on_line(fake, k)
    low, high = np.searchsorted(fake, real - balls, "right"), np.searchsorted(fake, real + balls)
    steps = np.bincount(low, minlength=len(fake) + 1) - np.bincount(high, minlength=len(fake) + 1)
    inside = steps.cumsum()[:-1]
    start, end = (np.searchsorted(real, fake - balls_fake, "right"), np.searchsorted(real, fake + balls_fake))
    recalled = (np.bincount(start, minlength=len(real) + 1) - np.bincount(end, minlength=len(real) + 1)).cumsum()[:-1]
    return np.array([(high > low).mean(), inside.mean() / k, (inside > 0).mean(), (recalled > 0).mean()])


def radii_on_line(points: np.ndarray, k: int) -> np.ndarray:
    """Distance (N,) of each of the sorted points to its k-th nearest other one."""
    padded = np.concatenate([np.full(k, -np.inf), points, np.full(k, np.inf)])
    n = len(points)
    reach = [
        np.maximum(points - padded[left : left + n], padded[left + k : left + k + n] - points) for left in range(k + 1)
    ]
    return np.min(reach, axis=0)


SIMULATIONS: dict[str, Simulation] = {
    "fd": lambda rng, n, apart: frechet(gauss(rng, n, 0), gauss(rng, n, apart)),
    "kd": two_sample("kd", cubic),
    "prdc": neighbours,
    "class-histogram": shares,
    "mmd": two_sample("mmd", gaussian),
    "mmd-linear": lambda rng, n, apart: mmd_linear(gauss(rng, n, 0, 20), gauss(rng, n, apart, 20)),
    "ms-ssim": pairs_of_images(PAIRS),
    "ms-ssim-256": pairs_of_images(PAIRS_256),
    "mse": reconstructions,
    "nats": lambda rng, n, apart: nats(gamma(rng, n)),
    "elbo": lambda rng, n, apart: elbo(-gamma(rng, n)[None]),
    "iwae": lambda rng, n, apart: iwae(np.stack([-gamma(rng, n), np.ones(n)])),
    "ais": lambda rng, n, apart: ais(np.stack([-gamma(rng, n), np.ones(n)]), gamma(rng, 16)[None]),
    "exact": lambda rng, n, apart: exact(-gamma(rng, n), np.array(np.nan)),
    "kl": lambda rng, n, apart: kl(gamma(rng, n)),
    "code-kl": codes,
}
"""name of a metric -> a draw of its numbers"""
SLOW = ("prdc", "fd", "ms-ssim", "mmd-linear")
"""those of which the tests draw fewer"""


def coverage(name: str, n: int, draws: int, apart: float = 1.0) -> dict[str, float]:
    """Of each number of a metric with an interval, the share of intervals that hold the mean of all draws."""
    from gvae.metrics.base import split_errors

    rng = np.random.default_rng(n)
    found = [split_errors(SIMULATIONS[name](rng, n, apart)) for _ in range(draws)]
    result = {}
    for number in found[0][1]:
        values = np.array([numbers[number] for numbers, _ in found])
        errors = np.array([widths[number] for _, widths in found])
        result[number] = float((abs(values - values.mean()) <= errors).mean())
    return result
