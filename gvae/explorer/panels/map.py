"""Map: codes of held-out images in two dimensions, coloured by class; the picture under the mouse follows.

A point (u, v) of the map is the code z = c + (u - c.a) a + (v - c.b) b with orthonormal axes a and b, and c the code that
the map is laid through: the mean of all codes, or that of the nearest image, so that what is shown resembles what lies
there. A code of two dimensions is its own map.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from gvae.errors import GvaeError
from gvae.explorer.answers import Picture, png
from gvae.explorer.panels.base import Panel
from gvae.explorer.queries import Query, packed
from gvae.explorer.renderer import FAR, Renderer
from gvae.latent.components import principal

SHOWN = 2_000
"""images on the map, at most"""
AXES = 8
"""principal axes to choose from, at most"""


class Map(NamedTuple):
    """Codes (N, Z), axes (K, Z) of length 1, and places in the data of the images."""

    z: Tensor
    axes: Tensor
    indices: Any


def survey(renderer: Renderer) -> Map:
    """Codes of held-out images, and the axes that the map can be laid along."""
    data = renderer.data
    split = next((name for name in ("test", "val") if len(data.splits.get(name, ()))), "train")
    indices = data.split(split)[:SHOWN]
    z = renderer.space.codes(data, indices)
    if renderer.space.size == 2:
        return Map(z, torch.eye(2), indices)
    axes = principal(z)[:AXES]
    return Map(z, axes / axes.norm(dim=1, keepdim=True), indices)


def surveyed(renderer: Renderer) -> Map:
    """The survey, made once."""
    return renderer.remember("map", lambda: survey(renderer))


def plane(renderer: Renderer, query: Query) -> tuple[Map, Tensor]:
    """The survey, and the two axes (2, Z) that are asked for as `across` and `up`.

    Raises:
        GvaeError: no such axis, or twice the same.
    """
    found = surveyed(renderer)
    last = len(found.axes) - 1
    x, y = query.whole("across", 0, 0, last), query.whole("up", 1, 0, last)
    if x == y:
        raise GvaeError(f"both axes of the map are {x}; choose two different ones")
    return found, found.axes[[x, y]]


def points(renderer: Renderer, query: Query) -> dict[str, Any]:
    """Where the images lie, and their classes."""
    found, axes = plane(renderer, query)
    labels = renderer.data.labels
    return {
        "points": [[round(value, 4) for value in row] for row in (found.z @ axes.T).tolist()],
        "labels": [] if labels is None else labels[found.indices].tolist(),
        "classes": renderer.data.spec.classes,
        "axes": len(found.axes),
        "own": renderer.space.size == 2,
    }


def place(renderer: Renderer, query: Query) -> Tensor:
    """The code (Z,) at a point of the map."""
    found, axes = plane(renderer, query)
    where = torch.tensor([query.real("u", 0.0, -FAR, FAR), query.real("v", 0.0, -FAR, FAR)])
    through = query.text("through", "nearest", ("nearest", "mean"))
    here = found.z @ axes.T
    base = found.z[int((here - where).norm(dim=1).argmin())] if through == "nearest" else found.z.mean(0)
    return base + (where - axes @ base) @ axes


def at(renderer: Renderer, query: Query) -> Picture:
    """The image at a point of the map; with draft=1 in less time and less exact."""
    return png(renderer.decode(place(renderer, query)[None], renderer.condition(query), bool(query.text("draft"))))


def code(renderer: Renderer, query: Query) -> dict[str, Any]:
    """The code at a point of the map, as an address holds it."""
    z = place(renderer, query)
    return {"values": z.tolist(), "code": f"z:{packed(z.numpy())}"}


PANEL = Panel(
    "Map",
    "Codes of held-out images. Move over them to see what lies there; click to pin, two pins make a morph.",
    lambda renderer: renderer.encodes,
    {"points": points, "at": at, "code": code},
)
