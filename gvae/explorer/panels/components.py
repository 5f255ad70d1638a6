"""Components: a slider for every component of the code, those first that change the picture most."""

from __future__ import annotations

from typing import Any

import torch

from gvae.explorer.answers import Picture, strip
from gvae.explorer.panels.base import Panel
from gvae.explorer.queries import Query
from gvae.explorer.renderer import Renderer, key
from gvae.latent.components import change
from gvae.latent.walks import traverse

DRAWN, PROBES = 256, 4
"""codes whose spread is taken, and around which the change is measured"""


def effects(renderer: Renderer, query: Query) -> dict[str, Any]:
    """Spread and effect of components `first` to `first + count - 1` over codes of the prior, each measured once.

    The effect of component i is the mean square of (G(z + s_i e_i) - G(z - s_i e_i)) / 2 over codes and pixel values. A page
    asks for a few at a time, so that pictures need not wait until all of a large model's are known.
    """
    y, size = renderer.condition(query), renderer.space.size
    first = query.whole("first", 0, 0, size - 1)
    last = min(size, first + query.whole("count", size, 1, size))
    z = renderer.remember(("drawn", key(y)), lambda: renderer.space.draw(DRAWN, y))
    known: dict[int, float] = renderer.remember(("effects", key(y)), dict)
    spread, some = z.std(0), z[:PROBES]
    axes = torch.diag(spread)
    for k in range(first, last):
        if k not in known:
            known[k] = float(change(lambda codes: renderer.decode(codes, y, draft=True), some, axes[k]))
    return {"spread": spread[first:last].tolist(), "effect": [known[k] for k in range(first, last)]}


def traversal(renderer: Renderer, query: Query) -> Picture:
    """A code with one component going from -3 to 3, side by side."""
    z = renderer.code(query)
    rows = traverse(z, query.whole("component", 0, 0, len(z) - 1), query.whole("steps", 9, 2, 25))
    return strip(renderer.decode(rows, renderer.condition(query), draft=True))


PANEL = Panel(
    "Components",
    "One slider for each component of the code, those first that change the picture most.",
    questions={"effects": effects, "traversal": traversal},
)
