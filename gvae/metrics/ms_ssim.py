"""Multi-scale structural similarity between random pairs of one set: how alike a model's images are.

    MS-SSIM = prod_j mean(cs_j)^w_j,   where cs of the last scale is multiplied by l at each position
    cs = (2 cov + 0.03^2) / (var_a + var_b + 0.03^2)          contrast and structure
    l  = (2 m_a m_b + 0.01^2) / (m_a^2 + m_b^2 + 0.01^2)      luminance

"Multiscale structural similarity for image quality assessment" (Wang, Simoncelli, Bovik, 2003)
https://doi.org/10.1109/ACSSC.2003.1292216; as a measure of variety in "Conditional Image Synthesis with
Auxiliary Classifier GANs" (Odena et al., 2017) https://arxiv.org/abs/1610.09585. The target is the real
data's own value: more means collapse, less means noise. Five scales of an 11 pixel window need 161 pixels, so
this convention, for images at their own size, has three scales (the first three weights of the paper, scaled
to sum to 1) of a 7 pixel Gaussian window (sigma 1.5), evaluated only where it fits inside the image. Pixels
are in [0, 1]; negative cs count as 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gvae.errors import GvaeError
from gvae.metrics.base import Metric, Unavailable
from gvae.metrics.intervals import pair_mean

if TYPE_CHECKING:
    from torch import Tensor

STANDARD = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""the paper's exponents for five scales"""
WEIGHTS = tuple(w / sum(STANDARD[:3]) for w in STANDARD[:3])
WINDOW = 7
PAIRS, FEWER, LARGE = 20_000, 2000, 3 * 64 * 64
"""pairs of each set; with 2000, MNIST's own value has a 95 % interval of 0.008 to either side. Of images with more values
than the last number only so many fewer, for the sake of time"""


def similarity(a: Tensor, b: Tensor, window: int = WINDOW, weights: tuple[float, ...] = WEIGHTS) -> Tensor:
    """MS-SSIM (B,) of paired images, mean over channels.

    Args:
        a: images (B, C, *S) in [0, 1].
        b: images of the same shape.
        window: side of the Gaussian window in pixels, sigma 1.5.
        weights: one exponent per scale.

    Raises:
        GvaeError: unlike shapes, or images too small for so many scales of that window.
    """
    import torch
    from torch.nn.functional import avg_pool2d, avg_pool3d

    smallest = (min(a.shape[2:]) >> (len(weights) - 1)) if a.ndim > 2 else 0
    if a.shape != b.shape or smallest < window:
        raise GvaeError(
            f"MS-SSIM with {len(weights)} scales of a {window} pixel window needs two sets of images of "
            f"one shape, at least {window << (len(weights) - 1)} pixels wide; "
            f"got {tuple(a.shape)} and {tuple(b.shape)}"
        )
    pool = avg_pool2d if a.ndim == 4 else avg_pool3d
    result = torch.ones(a.shape[:2])
    for weight in weights[:-1]:
        result *= _structure(a, b, window, luminance=False) ** weight
        a, b = pool(a, 2), pool(b, 2)
    return (result * _structure(a, b, window, luminance=True) ** weights[-1]).mean(1)


def _structure(a: Tensor, b: Tensor, window: int, luminance: bool) -> Tensor:
    """Contrast-structure term (B, C) of one scale, never below 0; times the luminance term if asked."""
    mean_a, mean_b = blur(a, window), blur(b, window)
    variances = blur(a * a, window) + blur(b * b, window) - mean_a**2 - mean_b**2
    covariance = blur(a * b, window) - mean_a * mean_b
    value = (2 * covariance + 0.03**2) / (variances + 0.03**2)
    if luminance:
        value = value * (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    return value.flatten(2).mean(2).clamp(min=0)


def blur(x: Tensor, window: int, sigma: float = 1.5) -> Tensor:
    """Gaussian window means (B, C, *S - window + 1) of x (B, C, *S), where the window fits.

    One banded matrix per axis: several times faster on a CPU than a convolution of one channel.
    """
    import torch

    offsets = torch.arange(window, dtype=x.dtype) - (window - 1) / 2
    taps = torch.exp(-(offsets**2) / (2 * sigma**2))
    taps = taps / taps.sum()
    for axis in range(2, x.ndim):
        size = x.shape[axis]
        rows = size - window + 1
        band = torch.zeros(rows, size + 1, dtype=x.dtype)
        band[:, :window] = taps
        band = band.flatten()[: rows * size].view(rows, size)  # one place shorter: each row starts one to the right
        x = (x.transpose(axis, -1) @ band.T).transpose(axis, -1)
    return x


def variety(
    real: np.ndarray,
    fake: np.ndarray,
    real_labels: np.ndarray | None = None,
    fake_labels: np.ndarray | None = None,
    pairs: int | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Mean MS-SSIM of random pairs of generated images beside that of random pairs of real ones.

    Args:
        real: images (N, C, *S) in [-1, 1].
        fake: images (M, C, *S).
        real_labels: classes (N,), for the mean over pairs within a class.
        fake_labels: classes (M,).
        pairs: how many pairs of each; None: `PAIRS`, or `FEWER` of large images.
        seed: which pairs.

    Returns:
        `ms_ssim` of generated images, `error` (half its 95 % confidence interval), `real`, `gap`
        |generated - real|, and `within`, `real_within`, `gap_within` where labels are known.

    Raises:
        Unavailable: images smaller than 28 pixels.
    """
    pairs = pairs or (PAIRS if real[0].size <= LARGE else FEWER)
    return report(mean_similarity, real, fake, real_labels, fake_labels, pairs, seed)


def report(
    function: Callable[[np.ndarray, np.ndarray | None, int, int], tuple[float, float]],
    real: np.ndarray,
    fake: np.ndarray,
    real_labels: np.ndarray | None,
    fake_labels: np.ndarray | None,
    pairs: int,
    seed: int,
) -> dict[str, float]:
    """Numbers of both sets by `function(images, labels, pairs, seed) -> (mean, error)`; see `variety`."""
    value, error = function(fake, None, pairs, seed)
    target = function(real, None, pairs, seed)[0]
    result = {"ms_ssim": value, "error": error, "real": target, "gap": abs(value - target)}
    if real_labels is None or fake_labels is None:
        return result
    within, target = function(fake, fake_labels, pairs, seed)[0], function(real, real_labels, pairs, seed)[0]
    return result | {"within": within, "real_within": target, "gap_within": abs(within - target)}


def mean_similarity(
    images: np.ndarray, labels: np.ndarray | None, pairs: int, seed: int, block: int = 500
) -> tuple[float, float]:
    """Mean over random pairs in the three-scale convention, and half its 95 % confidence interval."""
    import torch

    if min(images.shape[2:]) < WINDOW << (len(WEIGHTS) - 1):
        raise Unavailable(f"n/a (three scales need {WINDOW << 2} pixels, images have {min(images.shape[2:])})")
    first, second = draw_pairs(len(images), labels, pairs, seed)
    parts = []
    for start in range(0, len(first), block):
        a, b = (torch.from_numpy(images[i[start : start + block]] / 2 + 0.5).float() for i in (first, second))
        parts.append(similarity(a, b))
    return pair_mean(torch.cat(parts).numpy(), first, second)


def draw_pairs(n: int, labels: np.ndarray | None, pairs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices of random pairs of different images, of the same class if labels (n,) are given; all where there are few.

    >>> first, second = draw_pairs(4, np.array([0, 1, 0, 1]), 100, seed=0)
    >>> bool((first != second).all()), np.unique(np.abs(first - second)).tolist()
    (True, [2])
    """
    if labels is None and n * (n - 1) // 2 <= pairs:
        return np.triu_indices(n, 1)
    rng = np.random.default_rng(seed)
    labels = np.zeros(n, np.int64) if labels is None else labels
    order = np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    group = np.repeat(np.arange(len(counts)), counts)
    place = rng.choice(np.flatnonzero(counts[group] > 1), pairs)
    start, count = starts[group[place]], counts[group[place]]
    other = start + (place - start + rng.integers(1, count)) % count
    return order[place], order[other]


METRIC = Metric(
    name="ms-ssim",
    function=variety,
    needs=("real", "fake", "real_labels", "fake_labels"),
    better="target",
    summary="MS-SSIM between random samples, 3 scales, window 7 at native size; target: the data's own value",
    paper="Conditional Image Synthesis with Auxiliary Classifier GANs (Odena et al., 2017) "
    "https://arxiv.org/abs/1610.09585",
    interval="variance of a U-statistic over images: pairs that share an image are not independent",
    protocol={
        "scales": 3,
        "window": "gaussian 7, sigma 1.5",
        "range": "[0, 1]",
        "resize": "none",
        "pairs": f"all, at most {PAIRS}, or {FEWER} of images of more than {LARGE} values",
    },
    minimum=20,
    floor=("real", "other"),
)
