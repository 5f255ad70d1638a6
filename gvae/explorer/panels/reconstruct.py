"""Reconstruct: an image as the network sees it, what comes back, the difference, and how likely the image is."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gvae.explorer.answers import address, png
from gvae.explorer.panels.base import Panel
from gvae.explorer.queries import Query, packed
from gvae.explorer.renderer import Renderer
from gvae.losses.reconstruction import mse
from gvae.seeding import seeded

CODES = 64
"""codes per image of the importance bound"""


def whole(renderer: Renderer, query: Query) -> dict[str, Any]:
    """Three pictures, the error and the bounds of one image.

    The difference is x_rec - x, gray where the two are alike. The error is quoted on [0, 1].
    """
    name = query.text("code", "test:0")
    x, own = renderer.image(name)
    y = renderer.condition(query) if own is None or not renderer.space.model.condition else own
    z = renderer.source(name, y)
    x_rec = renderer.decode(z[None], y)
    shown = {"original": x, "reconstruction": x_rec, "difference": (x_rec - x) / 2}
    return {
        "pictures": {title: address(png(image)) for title, image in shown.items()},
        "code": f"z:{packed(z.numpy())}",
        "mse": float(mse(x, x_rec)),
        "bounds": bounds(renderer, x, y) if renderer.loaded.can("log_weights") else {},
    }


def bounds(renderer: Renderer, x: Tensor, y: Tensor | None) -> dict[str, float]:
    """Lower bounds of log p(x) in nats: the mean weight (ELBO), that of `CODES` codes (IWAE); finite ones."""
    with seeded(0):
        weights = renderer.loaded.log_weights(x, CODES, y)[:, 0].double()
    found = {"ELBO": float(weights.mean()), f"IWAE-{CODES}": float(torch.logsumexp(weights, 0)) - math.log(CODES)}
    return {name: value for name, value in found.items() if math.isfinite(value)}


PANEL = Panel(
    "Reconstruct",
    "What the network sees of a picture, what it makes of it, and how likely it finds it.",
    lambda renderer: renderer.encodes,
    {"all": whole},
)
