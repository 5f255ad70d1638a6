"""What a network sees of a scan: axial slices, blocks of voxels, or crops around an organ. Stored HU stay HU."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gvae.data.ct.volumes import AIR, Volume, resample
from gvae.errors import GvaeError

BODY, FILLED = -500, 0.25
"""HU above which a voxel is body, and the part of a block that has to be"""
AIRY = f"blocks of mostly air (less than {FILLED:.0%} above {BODY} HU), left out"
LARGER = "crops that the organ is larger than and cut by"


class Cut(NamedTuple):
    """Images of one scan."""

    images: np.ndarray
    """(n, *S) int16 HU"""
    places: np.ndarray
    """(n, 3) mm to the right, front and head; equal along the body for images of one height"""
    spacing: tuple[float, ...]
    """mm between voxels along S"""
    rest: dict[str, int]
    """what was cut or left out, and how often, for the notes"""


def slices(volume: Volume, size: int | None, spacing: float | None) -> Cut:
    """Every axial slice as a square of `size` pixels.

    Without `spacing` the slice is scaled as a whole (its longer side becomes `size`) and padded with air; with it, the
    slice is resampled to that many millimetres per pixel, then cut or padded with air around its middle. The distance
    between slices stays the scanner's.

    >>> scan = Volume(np.zeros((2, 6, 8), np.int16), np.diag([1.0, 1, 1, 1])[[2, 1, 0, 3]])
    >>> cut = slices(scan, 4, None)
    >>> cut.images.shape, cut.spacing, cut.images[0, :, 0].tolist()
    ((2, 4, 4), (2.0, 2.0), [-1024, 0, 0, 0])
    """
    between, rows, columns = volume.spacing
    longer = max(volume.values.shape[1] * rows, volume.values.shape[2] * columns)
    apart = spacing or (longer / size if size else None)
    flat = resample(volume, (between, apart, apart)) if apart else volume
    side = size or max(flat.values.shape[1:])
    middle = tuple(n // 2 for n in flat.values.shape[1:])
    images = np.stack([around(image, middle, side) for image in flat.values])
    places = np.stack([flat.place((k, 0, 0)) for k in range(len(images))])
    return Cut(images, places, flat.spacing[1:], {})


def organ_slices(volume: Volume, mask: np.ndarray, size: int, spacing: float | None) -> Cut:
    """A square of `size` pixels around the organ from every axial slice that has it.

    Args:
        mask: (D, H, W) bool.
        spacing: millimetres per pixel; default: the scan's own.
    """
    apart = (volume.spacing[0], spacing, spacing) if spacing else volume.spacing
    flat, marks = resample(volume, apart), _resampled(volume, mask, apart)
    chosen = np.flatnonzero(marks.any((1, 2)))
    boxes = [_box(marks[k]) for k in chosen]
    found = [around(flat.values[k], _middle(box), size) for k, box in zip(chosen, boxes, strict=True)]
    images = np.stack(found) if found else np.empty((0, size, size), np.int16)
    places = np.array([flat.place((int(k), 0, 0)) for k in chosen]).reshape(-1, 3)
    return Cut(images, places, flat.spacing[1:], {LARGER: _larger(boxes, size)})


def blocks(volume: Volume, block: int, spacing: float | None, name: str) -> Cut:
    """Blocks of block^3 voxels side by side from the middle of the scan; those of mostly air are left out.

    Args:
        spacing: millimetres per voxel along all axes; default: the scan's own.
        name: the scan, for messages.

    Raises:
        GvaeError: the scan is smaller than one block.
    """
    grid = resample(volume, (spacing, spacing, spacing)) if spacing else volume
    shape = grid.values.shape
    if min(shape) < block:
        raise GvaeError(
            f"{name} has {' x '.join(map(str, shape))} voxels of {' x '.join(f'{s:.2f}' for s in grid.spacing)} mm, too few "
            f"for a block of {block}; give a smaller --block or a smaller --spacing"
        )
    counts = [n // block for n in shape]
    starts = [[(n - k * block) // 2 + i * block for i in range(k)] for n, k in zip(shape, counts, strict=True)]
    corners = [(z, y, x) for z in starts[0] for y in starts[1] for x in starts[2]]
    tiles = [grid.values[z : z + block, y : y + block, x : x + block] for z, y, x in corners]
    kept = [k for k, tile in enumerate(tiles) if (tile > BODY).mean() >= FILLED]
    images = np.stack([tiles[k] for k in kept]) if kept else np.empty((0, block, block, block), np.int16)
    places = np.array([grid.place(corners[k]) for k in kept]).reshape(-1, 3)
    return Cut(images, places, grid.spacing, {AIRY: len(tiles) - len(kept)})


def organ_block(volume: Volume, mask: np.ndarray, block: int, spacing: float | None) -> Cut:
    """One block of block^3 voxels around the middle of the organ's bounding box, air where the scan ends.

    Args:
        mask: (D, H, W) bool.
    """
    apart = (spacing, spacing, spacing) if spacing else volume.spacing
    grid, marks = resample(volume, apart), _resampled(volume, mask, apart)
    if not marks.any():
        return Cut(np.empty((0, block, block, block), np.int16), np.empty((0, 3)), grid.spacing, {})
    box = _box(marks)
    image = around(grid.values, _middle(box), block)
    rest = {LARGER: _larger([box], block)}
    return Cut(image[None], grid.place(_middle(box))[None], grid.spacing, rest)


def around(values: np.ndarray, middle: tuple[int, ...], side: int) -> np.ndarray:
    """A square or cube of `side` voxels around a voxel; air where the array ends.

    >>> around(np.arange(4, dtype=np.int16), (1,), 6).tolist()
    [-1024, -1024, 0, 1, 2, 3]
    """
    out = np.full((side,) * values.ndim, AIR, np.int16)
    starts = [c - side // 2 for c in middle]
    ends = [min(start + side, n) for start, n in zip(starts, values.shape, strict=True)]
    here = tuple(slice(max(start, 0), end) for start, end in zip(starts, ends, strict=True))
    there = tuple(slice(max(-start, 0), end - start) for start, end in zip(starts, ends, strict=True))
    out[there] = values[here]
    return out


def _resampled(volume: Volume, mask: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """A mask on the grid that the scan is brought to."""
    return resample(Volume(mask, volume.affine), spacing, nearest=True).values


def _box(mask: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of what is marked, along each axis."""
    return [(int(places.min()), int(places.max())) for places in np.nonzero(mask)]


def _middle(box: list[tuple[int, int]]) -> tuple[int, ...]:
    return tuple((first + last + 1) // 2 for first, last in box)


def _larger(boxes: list[list[tuple[int, int]]], side: int) -> int:
    """How many boxes do not fit into a crop."""
    return sum(max(last - first + 1 for first, last in box) > side for box in boxes)
