"""Strips of edits and morphs for docs/how-to/edit-and-morph.md; used by latent.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks.rows import IMAGES
from gvae.data.dataset import Dataset
from gvae.evaluation.evaluate import open_reference
from gvae.latent.directions import Direction
from gvae.latent.paths import between
from gvae.latent.space import Space
from gvae.plots import animation
from gvae.plots.grids import grid, save

FOLDER = IMAGES / "latent"
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""of the strength, on a strip"""
PAIRS = {"faces": (0, 1), "digits": (0, 1)}
"""test images that are morphed"""
FILMED = {"faces": "spherical", "digits": "density"}
"""path of the film: that of the least ghosting on the strip"""
STEPS, FRAMES = 11, 24


def draw(space: Space, data: Dataset, strips: dict[str, tuple[Direction, float]], folder: Path) -> None:
    """One picture for each attribute, two held-out faces that gain it above two that lose it; and the morphs of faces."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (direction, alpha) in strips.items():
        column = np.asarray(data.attributes)[:, data.spec.attributes.index(name)]
        test = data.split("test")
        parts = []
        for has, sign in ((0, 1.0), (1, -1.0)):
            for z in space.codes(data, test[column[test] == has][:2]):
                steps = torch.tensor(SHARES)[:, None] * alpha * sign
                parts.append(space.decode(z + steps * direction.vector))
        save(grid(torch.cat(parts), columns=len(SHARES), scale=2), folder / f"edit-{name.lower()}.png")
    morphs(space, folder, "faces", data)


def paths(space: Space, a: Tensor, b: Tensor, steps: int) -> dict[str, Tensor]:
    """Codes (steps, Z) on every kind of path that the run has."""
    kinds = ["linear", "spherical", *(["density"] if space.best_path == "density" else [])]
    return {
        kind: between(kind, a, b, steps, space.log_density() if kind == "density" else None).detach() for kind in kinds
    }


def morphs(space: Space, folder: Path, name: str, data: Dataset | None = None) -> None:
    """Two test images: rows of the linear, the spherical and the density path; and one of them as a film."""
    data = data or open_reference(space.loaded.run, None, None)
    a, b = space.codes(data, data.split("test")[list(PAIRS[name])])
    rows = [space.decode(z) for z in paths(space, a, b, STEPS).values()]
    scale = max(1, 64 // rows[0].shape[-1])
    save(grid(torch.cat(rows), columns=STEPS, scale=scale), folder / f"morph-{name}.png")
    made = paths(space, a, b, FRAMES)
    z = made.get(FILMED[name], made["spherical"])
    x = space.decode(torch.cat([z, z[1:-1].flip(0)]))
    animation.save(
        (grid(image, scale=max(1, 128 // x.shape[-1])) for image in x.split(1)), folder / f"morph-{name}.gif"
    )
