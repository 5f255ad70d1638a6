"""Every pixel of a grid is where and what it should be."""

import numpy as np
import pytest
import torch
from PIL import Image

from gvae.errors import GvaeError
from gvae.plots.grids import GAP, GAP_LEVEL, WIDTH, grid, pairs, save, to_uint8


def levels(*values, channels=1, size=1):
    """Images (N, C, size, size) of constant gray levels."""
    flat = torch.tensor(values, dtype=torch.float32) / 127.5 - 1
    return flat[:, None, None, None].expand(-1, channels, size, size)


def test_every_gray_level_survives():
    x = torch.arange(256).float().reshape(1, 1, 16, 16) / 127.5 - 1
    assert to_uint8(x).ravel().tolist() == list(range(256))


def test_levels_beyond_the_range_are_clipped_and_nan_is_black():
    x = torch.tensor([-9.0, 9.0, float("nan"), float("inf")]).reshape(1, 1, 2, 2)
    assert to_uint8(x).ravel().tolist() == [0, 255, 0, 255]


def test_channels_come_last():
    assert to_uint8(torch.zeros(2, 3, 4, 5, 6)).shape == (2, 4, 5, 6, 3)


def test_grid_pixels():
    image = np.asarray(grid(levels(10, 20, 30), columns=2, scale=1))
    gap = [GAP_LEVEL] * GAP
    assert image.tolist() == [[10, *gap, 20], *[[GAP_LEVEL] * (2 + GAP)] * GAP, [30, *gap, GAP_LEVEL]]


def test_scale_repeats_pixels():
    x = torch.tensor([[0.0, 50.0], [100.0, 150.0]]).reshape(1, 1, 2, 2) / 127.5 - 1
    expected = [[0, 0, 50, 50], [0, 0, 50, 50], [100, 100, 150, 150], [100, 100, 150, 150]]
    assert np.asarray(grid(x, scale=2)).tolist() == expected


@pytest.mark.parametrize("size", [8, 28, 64])
def test_64_small_images_are_enlarged_to_about_900_pixels(size):
    image = grid(torch.zeros(64, 1, size, size))
    assert WIDTH * 0.5 < image.width <= WIDTH * 1.15
    assert image.width == image.height


def test_large_images_keep_their_size():
    assert grid(torch.zeros(4, 3, 600, 600)).size == (1200 + GAP, 1200 + GAP)


def test_gray_stays_gray_and_colour_colour():
    assert grid(levels(10)).mode == "L"
    colour = grid(torch.tensor([1.0, -1.0, 0.0]).reshape(1, 3, 1, 1), scale=1)
    assert (colour.mode, colour.getpixel((0, 0))) == ("RGB", (255, 0, 128))


def test_volume_shows_its_middle_slice():
    x = torch.arange(5).float().reshape(1, 1, 5, 1, 1).expand(1, 1, 5, 4, 4) / 127.5 - 1
    assert set(np.asarray(grid(x, scale=1)).ravel()) == {2}


def test_pairs_puts_each_reconstruction_below_its_original():
    image = np.asarray(pairs(levels(10, 20, 30), levels(11, 21, 31), columns=2, scale=1))
    step = 1 + GAP
    assert image[::step, ::step].tolist() == [[10, 20], [11, 21], [30, GAP_LEVEL], [31, GAP_LEVEL]]


@pytest.mark.parametrize("shape", [(4, 8, 8), (0, 1, 8, 8), (4, 2, 8, 8), (4, 1, 2, 2, 2, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(GvaeError, match="cannot draw"):
        grid(torch.zeros(shape))


def test_options_below_one_and_unlike_pairs_are_refused():
    with pytest.raises(GvaeError, match="columns is 0"):
        grid(levels(1), columns=0)
    with pytest.raises(GvaeError, match="scale is -1"):
        grid(levels(1), scale=-1)
    with pytest.raises(GvaeError, match="one shape"):
        pairs(levels(1), levels(1, 2))


def test_save_keeps_pixels_and_leaves_no_other_file(tmp_path):
    save(grid(levels(7, 9), columns=2, scale=1), tmp_path / "deep" / "grid.png")
    with Image.open(tmp_path / "deep" / "grid.png") as image:
        assert np.asarray(image)[0, [0, -1]].tolist() == [7, 9]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["grid.png"]


def test_save_refuses_other_endings(tmp_path):
    with pytest.raises(GvaeError, match=r"use one of \.png"):
        save(grid(levels(1)), tmp_path / "grid.txt")
