"""95 % intervals of a metric's sampling noise: how far the number would move if other images had been drawn.

Every interval is of the form value ± half width, and covers in 95 of 100 repetitions **the mean of the metric over
infinitely many repetitions with as many images, drawn anew each time**. For an unbiased estimator (kd, mmd, ms-ssim, the
means over images) that is the true value; for a biased one (fd, coverage, code-kl) it is the true value plus the bias at
that number of images, which is why only numbers of the same n compare. Training again is another matter: only several
seeds tell how far a number moves then.

    mean_and_error   independent values, one per image: Student's t
    pair_mean        values of pairs of images: pairs that share an image are not independent
    smooth           smooth functions of sums over images: influences of single images and of pairs of blocks
    halves           statistics of nearest neighbours, for which jackknife and bootstrap are wrong
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

REPEATS = 100
"""random splits of the images into halves and quarters"""
CAUTION = 0.7
"""standard errors above the measured distance at which its variance is taken; with 0 the 95 % interval of a distance of one
to three standard errors covers 86 to 93 %, with this 93 to 97 %"""


def half_width(variance: float, freedom: float = math.inf) -> float:
    """Half the 95 % interval of a number of that variance, itself known with so many degrees of freedom.

    >>> round(half_width(1.0), 3), round(half_width(1.0, 5), 3)
    (1.96, 2.571)
    """
    from scipy.special import ndtri, stdtrit

    quantile = stdtrit(freedom, 0.975) if math.isfinite(freedom) else ndtri(0.975)
    return float(quantile) * math.sqrt(max(variance, 0.0))


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Mean of independent values (N,) and half the width of its 95 % interval; not a number for one value.

    >>> mean, error = mean_and_error(np.array([1.0, 3.0]))
    >>> mean, round(error, 3)  # t(1) = 12.706 times sqrt(2 / 2)
    (2.0, 12.706)
    """
    n, mean = len(values), float(np.mean(values, dtype=np.float64))
    if n < 2:
        return mean, math.nan
    return mean, half_width(float(np.var(values, ddof=1, dtype=np.float64)) / n, n - 1)


def pair_mean(values: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Mean over pairs of images and half its 95 % interval: the U-statistic's variance, complete or not.

        variance = (sum_i s_i^2 - sum_u d_u^2) / P^2,   s_i: sum of value - mean over the pairs that image i is in,
                                                        d_u: over the repetitions of one pair

    Two pairs that share an image have a covariance; of n images and all their pairs this is 4 Var E[h | x] / n and more.
    "A Class of Statistics with Asymptotically Normal Distribution" (Hoeffding, 1948)
    https://doi.org/10.1214/aoms/1177730196

    Args:
        values: (P,) one number per pair.
        first: (P,) index of the pair's first image.
        second: (P,) index of another image.

    >>> mean, error = pair_mean(np.array([0.0, 1.0, 2.0]), np.array([0, 0, 1]), np.array([1, 2, 2]))
    >>> mean, error > 1.96 * (2 / 3 / 3) ** 0.5  # wider than of three independent values
    (1.0, True)
    """
    pairs, mean = len(values), float(values.mean(dtype=np.float64))
    if pairs < 2:
        return mean, math.nan
    apart, n = values.astype(np.float64) - mean, int(max(first.max(), second.max())) + 1
    code = np.minimum(first, second).astype(np.int64) * n + np.maximum(first, second)
    pair = np.unique(code, return_inverse=True)[1].reshape(-1)
    same = (np.bincount(pair, apart) ** 2).sum()
    sums = np.bincount(first, apart, n) + np.bincount(second, apart, n)
    times = np.bincount(first, minlength=n) + np.bincount(second, minlength=n)
    lost = ((times**2).sum() - (np.bincount(pair) ** 2).sum()) / pairs**2  # the mean is of the same pairs
    variance = ((sums**2).sum() - same) / pairs**2 / max(1 - lost, 0.1)
    images = int((times > 0).sum())
    return mean, half_width(max(variance, same / pairs**2), max(images - 1, 1))


Statistic = Callable[..., np.ndarray]
"""of each set the sums over its images, (..., K), first of them their number -> values (...)"""


def of_distance(first: float, second: float, biased: float, bias: float) -> float:
    """Variance of a distance that is 0 between equal distributions, where its first-order part vanishes.

        V(t) = Q + c t,   c = J / D,   V = V(t + CAUTION sqrt V)

    J and D are each too large by noise in the same way, so that their ratio is steady. V is taken at a distance a little
    above the measured one, because a distance that came out low by chance would come with an interval that is too narrow.

    Args:
        first: J, the first-order part, sum over images of (influence / n)^2.
        second: Q, what pairs of images add.
        biased: D, the distance with its bias in it.
        bias: of that; t = D - bias.

    >>> round(of_distance(4.0, 1e-9, 1000.0, 0.0), 2)  # far from 0: J
    4.01
    """
    steep = first / biased if biased > 0 else 0.0
    extra = CAUTION * steep / 2
    return float((extra + math.sqrt(second + steep * max(biased - bias, 0.0) + extra**2)) ** 2)


def smooth(influences: Sequence[np.ndarray], statistic: Statistic, sets: Sequence[np.ndarray]) -> float:
    """Variance of a distance that is a smooth function of sums over images.

        V = Q + J',   J' = max(0, J - 2 Q),   J = sum over images of (influence / n)^2

    J counts the second-order part Q twice ("The Jackknife Estimate of Variance", Efron & Stein, 1981,
    https://doi.org/10.1214/aos/1176345462). Q and the bias come from leaving out blocks of images and pairs of blocks. J' is
    then taken at a distance t + CAUTION sqrt V in place of t, for the reason in `of_distance`, whose steady ratio there is
    not where much of a distance is bias.

    Args:
        influences: of each set of images the derivative of the number in each image's weight, (N,), with mean 0.
        statistic: see `Statistic`.
        sets: of each set the sums of its blocks, (B, K), B >= 3, first the number of images.
    """
    first = sum(float((psi**2).sum()) / len(psi) ** 2 for psi in influences)
    second, whole, bias = _second_order(statistic, sets)
    first = max(0.0, first - 2 * second)
    noise = math.sqrt(first + second)
    return second + first * (1 + CAUTION * noise / max(whole - bias, noise, 1e-300))


def _second_order(statistic: Statistic, sets: Sequence[np.ndarray]) -> tuple[float, float, float]:
    """What pairs of blocks add to the variance beyond what each adds alone; the number of all images, and its bias."""
    totals = [blocks.sum(0) for blocks in sets]
    less = [total - blocks for total, blocks in zip(totals, sets, strict=True)]
    whole = float(statistic(*totals))
    alone = [statistic(*_put(totals, place, left)) for place, left in enumerate(less)]
    result = bias = 0.0
    for place, (left, single, blocks) in enumerate(zip(less, alone, sets, strict=True)):
        b = len(blocks)
        bias += (b - 1) * float(single.mean() - whole)
        i, j = np.triu_indices(b, 1)
        both = statistic(*_put(totals, place, left[i] - blocks[j]))
        apart = (b * whole - (b - 1) * (single[i] + single[j]) + (b - 2) * both) / b
        result += ((1 - 2 / b) ** 2 * (apart - apart.mean()) ** 2).sum()
    if len(sets) == 2:
        both = statistic(less[0][:, None], less[1][None])
        apart = whole - alone[0][:, None] - alone[1] + both
        result += ((1 - 1 / len(less[0])) * (1 - 1 / len(less[1]))) ** 2 * (apart**2).sum()
    return float(result), whole, bias


def _put(totals: list[np.ndarray], place: int, other: np.ndarray) -> list[np.ndarray]:
    """The totals with one of them replaced."""
    return [*totals[:place], other, *totals[place + 1 :]]


def block_sums(values: np.ndarray, blocks: int) -> np.ndarray:
    """Number, sum and sum of products (B, 1 + F + F F) of values (N, F), of so many blocks of every B-th row."""
    parts = [values[start::blocks] for start in range(blocks)]
    return np.stack([np.concatenate([[len(p)], p.sum(0), (p.T @ p).ravel()]) for p in parts])


def moments(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (..., F) and unbiased covariances (..., F, F) from what `block_sums` gives, (..., 1 + F + F F).

    >>> mean, covariance = moments(block_sums(np.array([[0.0], [2.0], [4.0]]), 3).sum(0))
    >>> mean.tolist(), covariance.tolist()
    ([2.0], [[4.0]])
    """
    size = (math.isqrt(4 * sums.shape[-1] - 3) - 1) // 2
    n, mean = sums[..., 0, None], sums[..., 1 : 1 + size] / sums[..., :1]
    products = sums[..., 1 + size :].reshape(*sums.shape[:-1], size, size)
    outer = mean[..., :, None] * mean[..., None, :]
    return mean, (products - n[..., None] * outer) / (n[..., None] - 1)


def halves(
    statistic: Callable[..., np.ndarray], sizes: Sequence[int], repeats: int = REPEATS, seed: int = 0
) -> np.ndarray:
    """Half the 95 % interval of each of several statistics of nearest neighbours, from disjoint parts of the images.

        V = V_2 min(1, max(1/4, V_2 / V_4)),   V_g: the variance between the g parts of a random split, mean over splits

    Neighbours make a statistic's terms depend on each other: leaving out single images overstates its variance one
    and a half to fivefold (measured on Gaussians, coverage of the interval 97 to 100 %), and copies of images, which
    a bootstrap makes, are each other's nearest neighbours. Disjoint parts are independent, so their variance is right at
    their size ("Large Sample Confidence Regions Based on Subsamples under Minimal Assumptions", Politis & Romano, 1994,
    https://doi.org/10.1214/aos/1176325770); it need not fall as 1 / n, so its power of n is taken from halves and
    quarters and carried on to the whole. All the images give one estimate of that power, with as many degrees of freedom
    as the splits have.

    Args:
        statistic: of each set the part that every image belongs to, (N,) from 0 to g - 1 -> values of each part (g, R).
        sizes: of each set the number of images, at least 4.
        repeats: random splits.
        seed: which splits.

    Returns:
        (R,)
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(repeats):
        shuffled = [rng.permutation(size) for size in sizes]
        found.append([statistic(*[order % g for order in shuffled]).var(0, ddof=1) for g in (2, 4)])
    two, four = np.mean(found, axis=0)  # (R,) each
    falls = np.where(four > 0, two / np.maximum(four, 1e-300), 1.0).clip(0.25, 1)  # between n^-2 and not at all
    variance = two * falls
    freedom = 2 / (4 * 2 / repeats + 2 / (3 * repeats))  # of a product of powers of two chi-squares
    return np.array([half_width(float(v), freedom) for v in variance])
