"""Paint: the code as a grid of gray cells that one paints; it asks for single pictures only."""

from __future__ import annotations

from gvae.explorer.panels.base import Panel

PANEL = Panel("Paint", "The code as a grid of cells: paint darker or lighter and watch the picture.")
