"""MS-SSIM between random pairs in the standard convention: bilinear to 256 pixels, five scales, window 11.

See `gvae.metrics.ms_ssim` for the equation, papers and direction. Slow (13 ms a pair), so fewer pairs;
images only.
"""

from __future__ import annotations

import numpy as np

from gvae.metrics.base import Metric, Unavailable
from gvae.metrics.intervals import pair_mean
from gvae.metrics.ms_ssim import STANDARD, draw_pairs, report, similarity

SIZE = 256
WINDOW = 11
PAIRS = 400


def variety_256(
    real: np.ndarray,
    fake: np.ndarray,
    real_labels: np.ndarray | None = None,
    fake_labels: np.ndarray | None = None,
    pairs: int = PAIRS,
    seed: int = 0,
) -> dict[str, float]:
    """Mean MS-SSIM of random pairs of generated images beside real ones; see `ms_ssim.variety`.

    Raises:
        Unavailable: volumes.
    """
    return report(mean_similarity_256, real, fake, real_labels, fake_labels, pairs, seed)


def mean_similarity_256(
    images: np.ndarray, labels: np.ndarray | None, pairs: int, seed: int, block: int = 8
) -> tuple[float, float]:
    """Mean over random pairs in the standard convention, and half its 95 % confidence interval."""
    import torch
    from torch.nn.functional import interpolate

    if images.ndim != 4:
        raise Unavailable("n/a (this convention is for images, not volumes)")
    first, second = draw_pairs(len(images), labels, pairs, seed)
    parts = []
    for start in range(0, len(first), block):
        both = torch.from_numpy(images[np.concatenate([i[start : start + block] for i in (first, second)])]).float()
        both = interpolate(both / 2 + 0.5, size=(SIZE, SIZE), mode="bilinear", align_corners=False, antialias=True)
        a, b = both.chunk(2)
        parts.append(similarity(a, b, WINDOW, STANDARD))
    return pair_mean(torch.cat(parts).numpy(), first, second)


METRIC = Metric(
    name="ms-ssim-256",
    function=variety_256,
    needs=("real", "fake", "real_labels", "fake_labels"),
    better="target",
    summary="MS-SSIM between random samples, 5 scales, window 11 at 256 pixels; target: the data's own value",
    paper="Conditional Image Synthesis with Auxiliary Classifier GANs (Odena et al., 2017) "
    "https://arxiv.org/abs/1610.09585",
    interval="variance of a U-statistic over images: pairs that share an image are not independent",
    protocol={
        "scales": 5,
        "window": "gaussian 11, sigma 1.5",
        "range": "[0, 1]",
        "resize": "256 bilinear",
        "pairs": f"all, at most {PAIRS}",
    },
    minimum=20,
    floor=("real", "other"),
)
