"""What a page is answered: pictures as bytes, never as files."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from gvae.plots.animation import encode
from gvae.plots.grids import grid

if TYPE_CHECKING:
    from torch import Tensor


class Picture(NamedTuple):
    """An encoded picture, and what kind it is."""

    content: bytes
    kind: str = "image/png"


Answer = Picture | dict[str, Any]
"""a picture, or what becomes JSON"""


def encoded(image: Image.Image) -> Picture:
    """A picture as PNG; its pixels are those of `image`."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)  # fast: it travels a millimetre
    return Picture(file.getvalue())


def png(x: Tensor) -> Picture:
    """One image (1, C, *S) in [-1, 1] as PNG at its own size; of a volume the axial middle slice.

    >>> import torch
    >>> png(torch.zeros(1, 1, 8, 8)).content[1:4]
    b'PNG'
    """
    return encoded(grid(x, scale=1))


def strip(x: Tensor) -> Picture:
    """Images (N, C, *S) in [-1, 1] side by side without gaps, as PNG: (H, N W) pixels."""
    parts = [np.asarray(grid(image, scale=1)) for image in x.split(1)]
    return encoded(Image.fromarray(np.hstack(parts)))


def animation(frames: Sequence[Image.Image], kind: str) -> Picture:
    """Frames of equal size as an animation that starts again at its end; kind is gif or webp."""
    file = io.BytesIO()
    encode(frames[0], frames[1:], file, kind)
    return Picture(file.getvalue(), f"image/{kind}")


def address(picture: Picture) -> str:
    """A picture as a data address, for JSON that has several."""
    return f"data:{picture.kind};base64,{base64.b64encode(picture.content).decode('ascii')}"
