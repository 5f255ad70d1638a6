"""Picture grids from image tensors, with Pillow alone.

A stored gray level g and a network value x in [-1, 1] are related by g = 127.5 (x + 1).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from gvae.atomic import write_atomic
from gvae.errors import GvaeError

if TYPE_CHECKING:
    from torch import Tensor

WIDTH = 900
"""pixels that a grid of small images is enlarged to, at most"""
GAP = 2
"""pixels between two images; tiny images, much enlarged, stand further apart, or they run into each other"""
GAP_LEVEL = 110
"""gray level between images: visible beside black and beside white"""


def to_uint8(x: Tensor) -> np.ndarray:
    """Images as gray levels: values outside [-1, 1] are clipped, NaN becomes black.

    Args:
        x: images (N, C, *S) in [-1, 1].

    Returns:
        (N, *S, C) uint8.

    >>> import torch
    >>> to_uint8(torch.tensor([-1.0, 0.0, 1.0, 3.0]).reshape(1, 1, 2, 2)).ravel().tolist()
    [0, 128, 255, 255]
    """
    values = np.nan_to_num(x.detach().float().cpu().numpy(), nan=-1.0).clip(-1.0, 1.0)
    return np.moveaxis(np.rint((values + 1.0) * 127.5).astype(np.uint8), 1, -1)


def grid(x: Tensor, columns: int | None = None, scale: int | None = None) -> Image.Image:
    """Lay images out row by row; a volume shows its axial middle slice.

    Args:
        x: images (N, C, H, W) or volumes (N, C, D, H, W) in [-1, 1]; C is 1 or 3.
        columns: images per row; None: about as many as rows.
        scale: integer factor by which images are enlarged, nearest neighbour; None: to about `WIDTH` pixels.

    Returns:
        a gray ("L") or colour ("RGB") picture.

    Raises:
        GvaeError: no images, another number of axes or channels, or a factor below 1.

    >>> import torch
    >>> grid(torch.zeros(4, 1, 8, 8), scale=3).size
    (51, 51)
    """
    tiles = _tiles(x)
    columns = _at_least_one("columns", columns, math.ceil(math.sqrt(len(tiles))))
    return _draw(tiles, min(columns, len(tiles)), scale)


def pairs(x: Tensor, x_rec: Tensor, columns: int | None = None, scale: int | None = None) -> Image.Image:
    """Lay out originals, and below each its reconstruction.

    Args:
        x, x_rec: images (N, C, H, W) or volumes (N, C, D, H, W) in [-1, 1], of the same shape.
        columns, scale: as in `grid`; by default at most 16 columns.

    Raises:
        GvaeError: different shapes, or as in `grid`.
    """
    if tuple(x.shape) != tuple(x_rec.shape):
        raise GvaeError(f"originals {tuple(x.shape)} and reconstructions {tuple(x_rec.shape)} must have one shape")
    above, below = _tiles(x), _tiles(x_rec)
    columns = min(_at_least_one("columns", columns, 16 if len(above) > 16 else 8), len(above))
    missing = -len(above) % columns
    above, below = _padded(above, missing), _padded(below, missing)
    rows = [r for k in range(0, len(above), columns) for r in (above[k : k + columns], below[k : k + columns])]
    return _draw(np.concatenate(rows), columns, scale)


def save(image: Image.Image, path: Path | str) -> None:
    """Write a picture atomically; its format follows from the file name.

    Raises:
        GvaeError: a file name without a known picture ending, or the disk is full.
    """
    path = Path(path)
    formats: dict[str, Any] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tiff": "TIFF"}
    if path.suffix.lower() not in formats:
        raise GvaeError(f"{path.name} has no picture ending; use one of {', '.join(formats)}")
    write_atomic(path, lambda name: image.save(name, format=formats[path.suffix.lower()]))


def _tiles(x: Tensor) -> np.ndarray:
    """Checked images (N, H, W, C) uint8; the axial middle slice of volumes."""
    if x.ndim not in (4, 5) or x.shape[1] not in (1, 3) or 0 in x.shape:
        raise GvaeError(
            f"cannot draw a tensor of shape {tuple(x.shape)}; "
            "give images (N, C, H, W) or volumes (N, C, D, H, W) with 1 or 3 channels and N of at least 1"
        )
    return to_uint8(x[:, :, x.shape[2] // 2] if x.ndim == 5 else x)


def _at_least_one(name: str, given: int | None, default: int) -> int:
    """`given`, or the default for None."""
    if given is not None and given < 1:
        raise GvaeError(f"{name} is {given}; it must be at least 1")
    return default if given is None else given


def _padded(tiles: np.ndarray, missing: int) -> np.ndarray:
    """Append `missing` tiles of the gap's gray level."""
    return np.pad(tiles, ((0, missing), (0, 0), (0, 0), (0, 0)), constant_values=GAP_LEVEL)


def _draw(tiles: np.ndarray, columns: int, scale: int | None) -> Image.Image:
    """Enlarge tiles (N, H, W, C) and put them on a canvas with a thin gap between them."""
    n, height, width, channels = tiles.shape
    scale = _at_least_one("scale", scale, max(1, min(16, WIDTH // (columns * width))))
    tiles = tiles.repeat(scale, axis=1).repeat(scale, axis=2)
    gap = max(GAP, scale)
    rows, step_y, step_x = math.ceil(n / columns), height * scale + gap, width * scale + gap
    canvas = np.full((rows * step_y - gap, columns * step_x - gap, channels), GAP_LEVEL, np.uint8)
    for k, tile in enumerate(tiles):
        top, left = k // columns * step_y, k % columns * step_x
        canvas[top : top + height * scale, left : left + width * scale] = tile
    return Image.fromarray(canvas[..., 0] if channels == 1 else canvas)
