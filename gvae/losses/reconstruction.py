"""How far a reconstruction is from its image."""

from __future__ import annotations

from torch import Tensor


def mse(x: Tensor, x_rec: Tensor) -> Tensor:
    """Mean squared error per value with pixels in [0, 1], where it is usually quoted, ().

    Images are in [-1, 1], an interval twice as long: a quarter of the mean square of their difference.

    >>> import torch
    >>> mse(-torch.ones(2, 1, 4, 4), torch.ones(2, 1, 4, 4)).item()
    1.0
    """
    return (x - x_rec).square().mean() / 4
