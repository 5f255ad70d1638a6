"""Components: a slider for every component of the code, those first that change the picture most."""

from __future__ import annotations

from typing import Any

import torch

from gvae.explorer.answers import Picture, strip
from gvae.explorer.asks import Ask
from gvae.explorer.panels.base import Panel
from gvae.explorer.renderer import Renderer
from gvae.latent.components import change
from gvae.latent.walks import traverse

DRAWN, PROBES = 256, 4
"""codes whose spread is taken, and around which the change is measured"""


def measured(renderer: Renderer, ask: Ask) -> dict[str, Any]:
    """Mean, spread and effect of every component over codes of the prior.

    The effect of component i is the mean square of (G(z + s_i e_i) - G(z - s_i e_i)) / 2 over codes and pixel values.
    """
    y = renderer.told(ask)
    z = renderer.space.draw(DRAWN, y)
    spread = z.std(0)
    some = z[:PROBES]
    effects = [
        float(change(lambda codes: renderer.decode(codes, y), some, axis)) for axis in torch.diag(spread)
    ]
    return {"mean": z.mean(0).tolist(), "spread": spread.tolist(), "effect": effects}


def effects(renderer: Renderer, ask: Ask) -> dict[str, Any]:
    """`measured`, computed once for each class."""
    return renderer.remember(("effects", ask.text("y")), lambda: measured(renderer, ask))


def film(renderer: Renderer, ask: Ask) -> Picture:
    """A code with one component going from -3 to 3, side by side."""
    z = renderer.code(ask)
    rows = traverse(z, ask.whole("component", 0, 0, len(z) - 1), ask.whole("steps", 9, 2, 25))
    return strip(renderer.decode(rows, renderer.told(ask)))


PANEL = Panel(
    "Components",
    "One slider for each component of the code, those first that change the picture most.",
    questions={"effects": effects, "film": film},
)
