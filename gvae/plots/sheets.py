"""A volume as one picture of slices in all three directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gvae.errors import GvaeError
from gvae.plots.grids import GAP_LEVEL, grid

if TYPE_CHECKING:
    from torch import Tensor

SHOWN = 8
"""slices of each direction on a sheet"""


def sheet(x: Tensor, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0), shown: int = SHOWN) -> Image.Image:
    """Slices of one volume: a row of axial ones from foot to head, of coronal ones from front to back, of sagittal ones.

    In coronal and sagittal slices the head is on top; millimetres are alike in all directions.

    Args:
        x: (1, C, D, H, W) in [-1, 1], C is 1 or 3.
        spacing: millimetres between slices, rows and columns.
        shown: slices of each direction, evenly spread.

    Raises:
        GvaeError: another shape.

    >>> import torch
    >>> sheet(torch.zeros(1, 1, 16, 16, 16), shown=4).size
    (938, 676)
    """
    check_volume(x)
    volume = x[0].movedim(0, 1)  # (D, C, H, W)
    between, rows, columns = spacing
    upright = volume.flip(0)
    views = [
        (volume, rows / columns),
        (upright.permute(2, 1, 0, 3), between / columns),
        (upright.permute(3, 1, 0, 2), between / rows),
    ]
    return _below([_row(view, ratio, shown) for view, ratio in views])


def check_volume(x: Tensor) -> None:
    """Refuse what is not one volume."""
    if x.ndim != 5 or x.shape[0] != 1 or 0 in x.shape:
        raise GvaeError(f"{tuple(x.shape)} is not one volume; give (1, C, D, H, W)")


def _row(view: Tensor, ratio: float, shown: int) -> Image.Image:
    """Evenly spread slices of a view (N, C, H, W), stretched to the patient's proportions."""
    count = min(shown, len(view))
    places = ((np.arange(count) + 0.5) * len(view) / count).astype(int)
    row = grid(view[places.tolist()], columns=count)
    return row if abs(ratio - 1) < 0.01 else row.resize((row.width, max(1, round(row.height * ratio))))


def _below(rows: list[Image.Image]) -> Image.Image:
    """Pictures below each other, from the left."""
    width, height = max(row.width for row in rows), sum(row.height for row in rows) + 2 * (len(rows) - 1)
    canvas = Image.new(rows[0].mode, (width, height), (GAP_LEVEL,) * len(rows[0].getbands()))
    top = 0
    for row in rows:
        canvas.paste(row, (0, top))
        top += row.height + 2
    return canvas
