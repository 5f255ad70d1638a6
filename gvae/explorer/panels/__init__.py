"""The explorer's views by name: one file each, here and in static/panels. To add one is one file each and one line."""

from __future__ import annotations

import importlib

from gvae.explorer.panels.base import Panel

PANELS: dict[str, str] = {
    "map": "gvae.explorer.panels.map",
    "components": "gvae.explorer.panels.components",
    "morph": "gvae.explorer.panels.morph",
    "reconstruct": "gvae.explorer.panels.reconstruct",
    "training": "gvae.explorer.panels.training",
    "compare": "gvae.explorer.panels.compare",
    "attributes": "gvae.explorer.panels.attributes",
    "paint": "gvae.explorer.panels.paint",
    "neighbours": "gvae.explorer.panels.neighbours",
    "volume": "gvae.explorer.panels.volume",
}


def panels() -> dict[str, Panel]:
    """All views, in the order of the page."""
    return {name: importlib.import_module(module).PANEL for name, module in PANELS.items()}
