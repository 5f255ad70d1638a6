"""Sample grids and reconstructions while training, from the averaged weights, without touching training's noise."""

from __future__ import annotations

import torch
from torch import Tensor

from gvae.data.dataset import Dataset
from gvae.models.base import Model
from gvae.plots.grids import grid, pairs, save
from gvae.plots.sheets import sheet
from gvae.runs import Run
from gvae.seeding import seeded

SAMPLES, IMAGES = 64, 32
"""images on a grid of samples, and on one of reconstructions"""
FEWEST = 4
"""images on a grid at least, however large they are"""


class Pictures:
    """Draws a run's grids.

    Args:
        run: where they go.
        dataset: reconstructions show its validation split, or the training split if there is none.
        model: to load weights into; it lies where pictures are made.
    """

    def __init__(self, run: Run, dataset: Dataset, model: Model) -> None:
        self.run, self.model, self.samples = run, model, max(FEWEST, dataset.spec.together(SAMPLES))
        split = "val" if len(dataset.splits.get("val", ())) else "train"
        images = max(FEWEST, dataset.spec.together(IMAGES))
        with seeded(None):  # binarised images are drawn
            self.batch = dataset.batch(dataset.split(split)[:images], model.device)

    @torch.no_grad()
    def draw(self, weights: dict[str, Tensor], seen: int, final: bool = False) -> None:
        """Write the grids of these weights, named by images seen.

        Args:
            weights: state dict of the model.
            seen: images seen.
            final: write final.png as well.
        """
        self.model.load_state_dict(weights)
        y = self.model.in_turn(self.samples)
        with seeded(0):
            drawn = self.model.sample(self.samples, y)
            samples = grid(drawn)
            save(samples, self.run.samples(seen))
            if drawn.ndim == 5:
                save(sheet(drawn[:1]), self.run.slices(seen))
            if final:
                save(samples, self.run.final)
            if encode := getattr(self.model, "encode", None):
                z = encode(self.batch.x, self.batch.y).mean
                rec = self.model.decode(z, self.batch.y).mean  # pyright: ignore[reportCallIssue]
                save(pairs(self.batch.x, rec), self.run.reconstructions(seen))
