"""Active units: how many dimensions of the code change with the image.

    A_i = variance over images of E_q(z|x) z_i;   unit i is active if A_i > 0.01

"Importance Weighted Autoencoders" (Burda et al., 2016) https://arxiv.org/abs/1509.00519, Section 5.2. A model with few
active units has fallen silent: its prior alone explains the images (posterior collapse).
"""

from __future__ import annotations

import numpy as np

from gvae.metrics.base import Metric

THRESHOLD = 0.01


def active_units(means: np.ndarray) -> dict[str, float]:
    """Number and share of active units.

    Args:
        means: centre of q(z|x) of each image, (N, Z).

    >>> active_units(np.array([[0.0, 1.0], [0.0, -1.0]]))
    {'active_units': 1.0, 'share': 0.5}
    """
    active = np.asarray(means, np.float64).var(0) > THRESHOLD
    return {"active_units": float(active.sum()), "share": float(active.mean())}


METRIC = Metric(
    name="active-units",
    function=active_units,
    needs=("code_means",),
    better="higher",
    summary="dimensions of the code that change with the image",
    paper="Importance Weighted Autoencoders (Burda et al., 2016) https://arxiv.org/abs/1509.00519",
    interval="none: a count of units over a threshold, which other images hardly ever change",
    protocol={"threshold": THRESHOLD},
)
