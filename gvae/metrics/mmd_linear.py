"""The batch MMD of the 3-D brain-MRI code: squared distance between the mean images of two small batches.

    mean over batches of |mean_b x - mean_b y|^2,   pixels in [-1, 1], summed

Its expectation is |E x - E y|^2 + (tr cov x + tr cov y) / B: a model pays for its own variety, so a
**collapsed model that always draws the mean image scores better than real images do**. Offered to compare
with the papers that used it; rank models with `mmd`. "Generation of 3D Brain MRI Using Auto-Encoding
Generative Adversarial Networks" (Kwon, Han, Kim, 2019) https://arxiv.org/abs/1908.02498, estimator as in its
authors' code (batch there 4).
"""

from __future__ import annotations

import numpy as np

from gvae.errors import GvaeError
from gvae.metrics.base import Metric
from gvae.metrics.intervals import mean_and_error
from gvae.metrics.mmd import flatten

BATCH = 32


def mmd_linear(real: np.ndarray, fake: np.ndarray, batch: int = BATCH) -> dict[str, float]:
    """Mean over batches of the squared distance between batch means, and half its 95 % interval from two batches on.

    Args:
        real: images (N, ...) in [-1, 1].
        fake: images (M, ...) of the same shape.
        batch: images per mean, B; the value falls about as 1 / B.

    Raises:
        GvaeError: fewer than B images, or unlike shapes.

    >>> mmd_linear(np.zeros((4, 3)), np.ones((4, 3)), batch=2)["mmd_linear"]
    3.0
    """
    x, y = flatten(real), flatten(fake)
    batches = min(len(x), len(y)) // batch
    if x.shape[1] != y.shape[1] or not batches:
        raise GvaeError(f"mmd-linear needs at least {batch} images of one shape; got {real.shape} and {fake.shape}")
    gap = _means(x, batches, batch) - _means(y, batches, batch)
    value, error = mean_and_error((gap**2).sum(1))
    return {"mmd_linear": value, "error": error}


def _means(images: np.ndarray, batches: int, batch: int) -> np.ndarray:
    """Means (batches, D) of consecutive batches."""
    return images[: batches * batch].reshape(batches, batch, -1).mean(1, dtype=np.float64)


METRIC = Metric(
    name="mmd-linear",
    function=mmd_linear,
    needs=("real", "fake"),
    better="target",
    summary="linear-kernel batch MMD of the papers; REWARDS COLLAPSE, never rank by it",
    paper="Generation of 3D Brain MRI Using Auto-Encoding Generative Adversarial Networks "
    "(Kwon et al., 2019) https://arxiv.org/abs/1908.02498",
    interval="Student's t over batches, which share no image",
    protocol={"kernel": "linear", "estimator": "batch V-statistic", "batch": BATCH, "range": "[-1, 1]"},
    minimum=BATCH,
    floor=("real", "other"),
)
