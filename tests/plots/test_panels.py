"""Figures that compare models: every picture under its name, none lost."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gvae.errors import GvaeError
from gvae.plots.panels import LETTER, MARGIN, SIDE, panels


def test_each_picture_stands_in_its_place_under_its_name():
    colours = {"one": (255, 0, 0), "two": (0, 255, 0), "three": (0, 0, 255)}
    figure = panels({name: Image.new("RGB", (20, 20), c) for name, c in colours.items()}, columns=2)
    pixels = np.asarray(figure)
    for k, colour in enumerate(colours.values()):
        assert (pixels == colour).all(2).sum() == SIDE * SIDE, k
    step = SIDE + LETTER + 2 * MARGIN
    middle = MARGIN + LETTER + MARGIN // 2 + SIDE // 2
    assert tuple(pixels[middle, MARGIN + SIDE // 2]) == (255, 0, 0)
    assert tuple(pixels[middle, 2 * MARGIN + SIDE + SIDE // 2]) == (0, 255, 0)
    assert tuple(pixels[middle + step, MARGIN + SIDE // 2]) == (0, 0, 255)
    written = pixels[MARGIN : MARGIN + LETTER, MARGIN : MARGIN + SIDE]
    assert (written < 128).all(2).any()


def test_large_and_gray_pictures_keep_their_shape():
    figure = panels({"wide": Image.new("L", (2000, 1000), 90)})
    assert figure.size == (SIDE + 2 * MARGIN, SIDE // 2 + LETTER + 3 * MARGIN)


def test_no_pictures_no_figure():
    with pytest.raises(GvaeError, match="at least one picture"):
        panels({})
