"""Volume: axial, coronal and sagittal slices of a 3-D sample, with centre and width of the window in the data's unit."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from gvae.explorer.answers import Picture, encoded
from gvae.explorer.panels.base import Panel
from gvae.explorer.queries import Query, packed
from gvae.explorer.renderer import FAR, Renderer, key

AXES = ("axial", "coronal", "sagittal")


def windowed(values: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Stored values as gray levels: black from centre - width / 2 down, white from centre + width / 2 up.

    >>> windowed(np.array([-160.0, 40.0, 240.0, 900.0]), 40, 400).tolist()
    [0, 128, 255, 255]
    """
    part = (values - centre) / width + 0.5
    return np.rint(part.clip(0, 1) * 255).astype(np.uint8)


def stored(renderer: Renderer, x: Tensor) -> np.ndarray:
    """A volume (1, C, D, H, W) in [-1, 1] as values in the data's unit, (D, H, W)."""
    spec = renderer.spec
    return (spec.low + (x[0, 0].double().clamp(-1, 1) + 1) * (spec.high - spec.low) / 2).numpy()


def volume(renderer: Renderer, query: Query) -> np.ndarray:
    """The volume of a code (D, H, W), kept until another is asked for."""
    z, y = renderer.code(query), renderer.condition(query)
    which = packed(z.numpy()), key(y)
    return renderer.latest("volume", which, lambda: stored(renderer, renderer.decode(z[None], y)))


def cut(values: np.ndarray, axis: str, index: int) -> np.ndarray:
    """One slice of a volume (D, H, W); the head is on top of coronal and sagittal ones."""
    if axis == "axial":
        return values[index]
    return values[::-1, index] if axis == "coronal" else values[::-1, :, index]


def section(renderer: Renderer, query: Query) -> Picture:
    """One slice as PNG."""
    axis, spec = query.text("axis", "axial", AXES), renderer.spec
    side = spec.shape[AXES.index(axis)]
    index = query.whole("index", side // 2, 0, side - 1)
    centre = query.real("centre", (spec.low + spec.high) / 2, -FAR, FAR)
    width = query.real("width", spec.high - spec.low, 1, FAR)
    gray = windowed(cut(volume(renderer, query), axis, index), centre, width)
    return encoded(Image.fromarray(np.ascontiguousarray(gray)))


def about(renderer: Renderer, query: Query) -> dict[str, Any]:
    """Sides in voxels, and the range of values that the network knows."""
    spec = renderer.spec
    return {"axes": AXES, "shape": spec.shape, "low": spec.low, "high": spec.high, "unit": spec.unit}


PANEL = Panel(
    "Volume",
    "Slices in all three directions, with the window in the data's unit.",
    lambda renderer: renderer.spec.spatial == 3,
    {"slice": section, "about": about},
)
