"""Reconstruction error: mean squared error per pixel on [0, 1] of held-out images, decoded from mean codes.

    mse = mean (x - x_rec)^2 / 4   for pixels in [-1, 1]
    psnr = -10 log10 mse           in decibel

"Auto-Encoding Variational Bayes" (Kingma & Welling, 2014) https://arxiv.org/abs/1312.6114
"""

from __future__ import annotations

import numpy as np

from gvae.errors import GvaeError
from gvae.metrics.base import Metric
from gvae.metrics.intervals import mean_and_error

BLOCK = 100
"""images at a time"""


def mse(x: np.ndarray, x_rec: np.ndarray) -> dict[str, float]:
    """Mean squared error on [0, 1], half its 95 % confidence interval, and the peak signal-to-noise ratio.

    Args:
        x: images (N, C, *S) in [-1, 1].
        x_rec: their reconstructions.

    Raises:
        GvaeError: unlike shapes.

    >>> round(mse(np.ones((2, 1, 2, 2)), np.full((2, 1, 2, 2), 0.8))["mse"], 6)  # 0.1 apart on [0, 1]
    0.01
    """
    if x.shape != x_rec.shape:
        raise GvaeError(f"images {x.shape} and reconstructions {x_rec.shape} must have the same shape")
    parts = [slice(start, start + BLOCK) for start in range(0, len(x), BLOCK)]
    squares = [(x[part].astype(np.float64) - x_rec[part]) ** 2 for part in parts]
    errors = np.concatenate([square.reshape(len(square), -1).mean(1) / 4 for square in squares])
    value, error = mean_and_error(errors)
    return {"mse": value, "error": error, "psnr": float(-10 * np.log10(max(value, 1e-12)))}


METRIC = Metric(
    name="mse",
    function=mse,
    needs=("real", "reconstructions"),
    better="lower",
    summary="reconstruction error per pixel on [0, 1]",
    paper="Auto-Encoding Variational Bayes (Kingma & Welling, 2014) https://arxiv.org/abs/1312.6114",
    interval="Student's t over images",
    protocol={"range": "[0, 1]", "code": "mean of q(z|x)"},
)
