"""What a page is answered: pictures as bytes, never as files."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from gvae.plots.animation import FPS
from gvae.plots.grids import to_uint8

if TYPE_CHECKING:
    from torch import Tensor


class Picture(NamedTuple):
    """An encoded picture, and what kind it is."""

    content: bytes
    kind: str = "image/png"


Answer = Picture | dict[str, Any]
"""a picture, or what becomes JSON"""


def drawn(x: Tensor) -> Image.Image:
    """One image (1, C, *S) in [-1, 1] at its own size; of a volume the axial middle slice."""
    values = to_uint8(x[:, :, x.shape[2] // 2] if x.ndim == 5 else x)[0]
    return Image.fromarray(values[..., 0] if values.shape[-1] == 1 else values)


def encoded(image: Image.Image) -> Picture:
    """A picture as PNG; its pixels are those of `image`."""
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)  # fast: it travels a millimetre
    return Picture(file.getvalue())


def png(x: Tensor) -> Picture:
    """One image (1, C, *S) in [-1, 1] as PNG at its own size.

    >>> import torch
    >>> png(torch.zeros(1, 1, 8, 8)).content[1:4]
    b'PNG'
    """
    return encoded(drawn(x))


def strip(x: Tensor) -> Picture:
    """Images (N, C, *S) in [-1, 1] side by side without gaps, as PNG: (H, N W) pixels."""
    parts = [drawn(image) for image in x.split(1)]
    width, height = parts[0].size
    canvas = Image.new(parts[0].mode, (width * len(parts), height))
    for k, part in enumerate(parts):
        canvas.paste(part, (k * width, 0))
    return encoded(canvas)


def film(frames: Sequence[Image.Image], kind: str) -> Picture:
    """Frames of equal size as an animation that starts again at its end.

    Args:
        kind: gif or webp.
    """
    file = io.BytesIO()
    options: dict[str, Any] = {"lossless": True} if kind == "webp" else {}
    frames[0].save(
        file,
        kind.upper(),
        save_all=True,
        append_images=frames[1:],
        duration=1000 // FPS,
        loop=0,
        **options,
    )
    return Picture(file.getvalue(), f"image/{kind}")


def address(picture: Picture) -> str:
    """A picture as a data address, for JSON that has several."""
    return f"data:{picture.kind};base64,{base64.b64encode(picture.content).decode('ascii')}"
