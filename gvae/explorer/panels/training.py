"""Training: the curves of log.jsonl against images seen, with the picture grids of that moment; read anew every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gvae.errors import GvaeError
from gvae.explorer.answers import Picture
from gvae.explorer.panels.base import Panel
from gvae.explorer.queries import Query
from gvae.explorer.renderer import Renderer
from gvae.report.curves import read_log, thin

MOST = 10**12
"""images seen, at most"""


def curves(renderer: Renderer, query: Query) -> dict[str, Any]:
    """Every curve as (images seen, value), and when grids were drawn.

    Raises:
        GvaeError: the run is gone.
    """
    run = renderer.run
    if not run.path.is_dir():
        raise GvaeError(f"{run.path.name} has been deleted or moved, so there is no log to read")
    return {
        "curves": {name: thin(points) for name, points in read_log(run).items()},
        "samples": drawn(run.samples(0).parent),
        "reconstructions": drawn(run.reconstructions(0).parent),
    }


def drawn(folder: Path) -> list[int]:
    """Images seen at each grid of a folder."""
    return sorted(int(path.stem) for path in folder.glob("*.png") if path.stem.isdigit())


def grid(renderer: Renderer, query: Query) -> Picture:
    """The grid that was drawn after so many images.

    Raises:
        GvaeError: there is none.
    """
    images, run = query.whole("images", 0, 0, MOST), renderer.run
    of = {"samples": run.samples, "reconstructions": run.reconstructions}
    path = of[query.text("kind", "samples", tuple(of))](images)
    if not path.is_file():
        raise GvaeError(f"no grid was drawn after {images} images; take one that the page lists")
    return Picture(path.read_bytes())


PANEL = Panel(
    "Training",
    "The terms of the losses against images seen, live while the run trains.",
    questions={"curves": curves, "grid": grid},
)
