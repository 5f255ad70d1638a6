"""Neighbours: the training images nearest to a picture, beside how near held-out images come: is this a copy?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gvae.explorer.answers import address, png
from gvae.explorer.panels.base import Panel
from gvae.explorer.queries import Query
from gvae.explorer.renderer import Renderer

SHOWN = 8
"""nearest images"""
HELD_OUT = 200
"""images of the test split whose nearest distances are compared with"""
READ = {"pixels": 60_000, "features": 6_000}
"""training images that are searched, at most; features take longer"""
VALUES = 2**27
"""pixel values that are kept of them, at most: half a gibibyte"""
BLOCK = 500
"""images read together"""

Map = Callable[[Tensor], Tensor]


def pixels(x: Tensor) -> Tensor:
    """Images (N, C, *S) as rows (N, D), scaled so that a distance is the root mean square on [0, 1]."""
    return x.flatten(1) / (2 * x[0].numel() ** 0.5)


def mapping(renderer: Renderer, kind: str) -> Map:
    """From images to the rows that distances are taken between."""
    if kind == "pixels":
        return pixels
    from gvae.data.identity import official
    from gvae.metrics.features import extract

    known = official(renderer.spec.name, renderer.data.facts)
    return lambda x: torch.from_numpy(extract(x, known)[0]).float()


def rows(renderer: Renderer, kind: str, split: str, most: int) -> Tensor:
    """Rows (n, F) of the first images of a split."""
    take, indices = mapping(renderer, kind), renderer.data.split(split)[:most]
    step = renderer.spec.together(BLOCK)
    parts = [indices[start : start + step] for start in range(0, len(indices), step)]
    return torch.cat([take(renderer.data.batch(part).x) for part in parts])


def library(renderer: Renderer, kind: str) -> tuple[Tensor, list[float]]:
    """Rows of training images, and quartiles of the distances that held-out images have to the nearest of them."""
    train = rows(renderer, kind, "train", min(READ[kind], VALUES // renderer.spec.dim))
    if not len(renderer.data.splits.get("test", ())):
        return train, []
    nearest = torch.cdist(rows(renderer, kind, "test", HELD_OUT), train).min(1).values
    return train, np.quantile(nearest.numpy(), [0.05, 0.25, 0.5, 0.75, 0.95]).tolist()


def nearest(renderer: Renderer, query: Query) -> dict[str, Any]:
    """The nearest training images of a code's picture, and what held-out images have."""
    kind = query.text("by", "pixels", tuple(READ))
    x = renderer.decode(renderer.code(query)[None], renderer.condition(query))
    train, held = renderer.remember(("neighbours", kind), lambda: library(renderer, kind))
    # exact: by way of a matrix product a copy would not be at distance 0
    distances = torch.cdist(mapping(renderer, kind)(x), train, compute_mode="donot_use_mm_for_euclid_dist")[0]
    found = distances.topk(min(SHOWN, len(train)), largest=False)
    images = renderer.data.batch(renderer.data.split("train")[found.indices.numpy()]).x
    return {
        "picture": address(png(x)),
        "near": [
            {"image": f"train:{index}", "distance": distance, "picture": address(png(image))}
            for index, distance, image in zip(
                found.indices.tolist(), found.values.tolist(), images.split(1), strict=True
            )
        ],
        "held_out": held,
        "searched": len(train),
        "verdict": verdict(float(found.values[0]), held),
    }


def verdict(distance: float, held: list[float]) -> str:
    """What a distance means beside those of held-out images (quantiles 5, 25, 50, 75, 95 %).

    >>> verdict(0.01, [0.1, 0.2, 0.3, 0.4, 0.5])
    'Nearer than 95 % of held-out images come to a training image: look whether it is a copy.'
    """
    if not held:
        return "There are no held-out images to compare with."
    if distance < held[0]:
        return "Nearer than 95 % of held-out images come to a training image: look whether it is a copy."
    if distance > held[-1]:
        return "Further from all training images than 95 % of held-out images: unlike the data."
    return "As far from the nearest training image as held-out images are: no sign of a copy."


PANEL = Panel("Neighbours", "The training images nearest to a sample: is it a copy?", questions={"nearest": nearest})
