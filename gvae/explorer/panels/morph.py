"""Morph: from one code to another on a path, one step under a scrubber, all in a row, or as an animation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gvae.explorer.answers import Picture, animation, png, strip
from gvae.explorer.panels.base import Panel
from gvae.explorer.queries import Query, packed
from gvae.explorer.renderer import Renderer, key
from gvae.latent.paths import between
from gvae.plots.animation import frames

STEPS = 61
"""codes on a path; the scrubber goes from one to the next"""
KINDS = ("auto", "linear", "spherical", "density")


def path(renderer: Renderer, query: Query) -> Tensor:
    """Codes (STEPS, Z) from `a` to `b`.

    Raises:
        GvaeError: no such codes, or no density to follow.
    """
    kind, space, y = query.text("path", "auto", KINDS), renderer.space, renderer.condition(query)
    kind = space.best_path if kind == "auto" else kind
    a, b = renderer.code(query, "a"), renderer.code(query, "b")
    log_prob = space.log_density(y) if kind == "density" else None
    which = ("path", kind, packed(a.numpy()), packed(b.numpy()), key(y))
    return renderer.remember(which, lambda: between(kind, a, b, STEPS, log_prob).detach())


def at(renderer: Renderer, query: Query) -> Picture:
    """One step of the path, 0 to STEPS - 1."""
    z = path(renderer, query)[query.whole("step", 0, 0, STEPS - 1)]
    return png(renderer.decode(z[None], renderer.condition(query)))


def row(renderer: Renderer, query: Query) -> Picture:
    """Evenly spread steps of the path side by side."""
    which = torch.linspace(0, STEPS - 1, query.whole("steps", 9, 2, 25)).round().long()
    return strip(renderer.decode(path(renderer, query)[which], renderer.condition(query)))


def there_and_back(renderer: Renderer, query: Query) -> Picture:
    """There and back as GIF or WebP."""
    z = path(renderer, query)
    x = renderer.decode(torch.cat([z, z[1:-1].flip(0)]), renderer.condition(query))
    return animation(list(frames(x)), query.text("format", "gif", ("gif", "webp")))


def about(renderer: Renderer, query: Query) -> dict[str, Any]:
    """The paths that this run has, and how codes of images are found."""
    best = renderer.space.best_path
    kinds = ["auto", "linear", "spherical", *(["density"] if best == "density" else [])]
    return {"steps": STEPS, "kinds": kinds, "best": best}


PANEL = Panel(
    "Morph",
    "From one picture to another, through codes.",
    questions={"at": at, "row": row, "animation": there_and_back, "about": about},
)
