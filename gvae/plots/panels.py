"""Several pictures side by side, each under its name: the figures that compare models."""

from __future__ import annotations

from collections.abc import Mapping

from PIL import Image, ImageDraw, ImageFont

from gvae.errors import GvaeError

SIDE = 460
"""width in pixels that a panel is brought to"""
MARGIN = 14
"""pixels around a panel"""
LETTER = 22
"""height of the names in pixels"""


def panels(pictures: Mapping[str, Image.Image], columns: int = 4) -> Image.Image:
    """Pictures in rows, each under its name, in the order given.

    Args:
        pictures: name -> picture; each is scaled to one width, enlarged without smoothing.
        columns: panels per row.

    Raises:
        GvaeError: no pictures.

    >>> gray = Image.new("L", (10, 10))
    >>> panels({"a": gray, "b": gray}, columns=2).width == 2 * SIDE + 3 * MARGIN
    True
    """
    if not pictures:
        raise GvaeError("a figure needs at least one picture")
    font = ImageFont.load_default(LETTER)
    scaled = {name: _scaled(picture) for name, picture in pictures.items()}
    columns = min(columns, len(scaled))
    names = list(scaled)
    rows = [names[k : k + columns] for k in range(0, len(names), columns)]
    heights = [max(scaled[name].height for name in row) + LETTER + 2 * MARGIN for row in rows]
    canvas = Image.new("RGB", (columns * (SIDE + MARGIN) + MARGIN, sum(heights) + MARGIN), "white")
    draw, top = ImageDraw.Draw(canvas), MARGIN
    for row, height in zip(rows, heights, strict=True):
        for k, name in enumerate(row):
            left = MARGIN + k * (SIDE + MARGIN)
            draw.text((left, top), name, fill="black", font=font)
            canvas.paste(scaled[name], (left, top + LETTER + MARGIN // 2))
        top += height
    return canvas


def _scaled(picture: Image.Image) -> Image.Image:
    """A picture of the width `SIDE`: enlarged by pixels, made smaller by averaging."""
    size = (SIDE, max(1, round(picture.height * SIDE / picture.width)))
    way = Image.Resampling.NEAREST if picture.width < SIDE else Image.Resampling.BOX
    return picture.convert("RGB").resize(size, way)
