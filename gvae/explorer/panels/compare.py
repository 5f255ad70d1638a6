"""Compare: the same seeds, or the same images, through several runs side by side; it asks for single pictures only."""

from __future__ import annotations

from gvae.explorer.panels.base import Panel

PANEL = Panel("Compare", "Runs side by side on the same seeds.", runs=2)
