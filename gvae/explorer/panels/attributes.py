"""Attributes: directions that the run keeps, added to a code with a strength each."""

from __future__ import annotations

from typing import Any

from gvae.explorer.panels.base import Panel
from gvae.explorer.queries import Query
from gvae.explorer.renderer import Renderer


def known(renderer: Renderer, query: Query) -> dict[str, Any]:
    """The directions with their scores, and how to learn some."""
    rows = [
        {
            "name": direction.name,
            "method": direction.method,
            "positive": direction.positive,
            "negative": direction.negative,
            "accuracy": direction.accuracy,
            "auc": direction.auc,
            "share": direction.share,
        }
        for direction in renderer.directions().values()
    ]
    return {"directions": rows, "learn": f"gvae attributes {renderer.run.path}"}


PANEL = Panel(
    "Attributes",
    "Add what the run has learned about attributes, one or several at once.",
    lambda renderer: renderer.encodes,
    {"known": known},
)
