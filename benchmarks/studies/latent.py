"""Does adding an attribute to a face's code add it to the picture? Asked of a classifier of real attributes.

    gvae train vae --data celeba64 --minutes 30 --out runs/celeba64-vae-0
    python -m benchmarks.studies.latent runs/celeba64-vae-0 --digits runs/mnist-vae-0      # ten minutes

Directions are learned on the training split, the strength is chosen on the validation split, and held-out faces of the test
split are edited: those that lack an attribute are to gain it, those that have it to lose it. The classifier is a small
network trained on the real attributes of the training split. Reported of each attribute and method:

moved      share of the faces whose logit is on the asked side of that of their reconstruction
turned     share that is classified as asked, and before: the share of reconstructions that already are
others     mean change of the logits of unrelated attributes, over that of the asked one, each in its standard deviation
           over real held-out faces. Unrelated are those whose correlation with the asked one is below 0.1 in absolute value
           among the training labels, and that a twentieth of the faces have and lack

Strips and morphs are drawn without originals: the terms of CelebA forbid passing its pictures on.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.rows import Row, about, show
from benchmarks.script import parser, typed
from benchmarks.studies import latent_pictures
from gvae.data.dataset import Dataset
from gvae.evaluation.evaluate import open_reference
from gvae.latent.directions import Direction
from gvae.latent.learning import DirectionConfig, from_labels
from gvae.latent.space import Space
from gvae.loaded import load

NAMES = ("Smiling", "Male", "Eyeglasses", "Blond_Hair")
METHODS = ("mean", "logistic")
STRENGTHS = (0.5, 1.0, 1.5, 2.0, 3.0)
ENOUGH = 0.9
"""share of validation faces that the chosen strength turns; the largest strength if none does"""
RARE, RELATED = 0.05, 0.1
BATCH = 64


class Classifier(nn.Module):
    """Four convolutions of stride 2, a mean over places, one logit for each attribute."""

    def __init__(self, channels: int, attributes: int, width: int = 32) -> None:
        super().__init__()
        widths = [channels, width, 2 * width, 4 * width, 4 * width]
        stages = [
            layer for i, o in pairwise(widths) for layer in (nn.Conv2d(i, o, 3, 2, 1), nn.BatchNorm2d(o), nn.ReLU())
        ]
        self.body, self.head = nn.Sequential(*stages), nn.Linear(widths[-1], attributes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, A) of images (B, C, H, W) in [-1, 1]."""
        return self.head(self.body(x).mean((2, 3)))


def blurred(x: Tensor) -> Tensor:
    """Images (B, C, H, W) at half their resolution: reconstructions are softer than photographs."""
    return F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="bilinear", align_corners=False)


def pictures(data: Dataset, split: str) -> tuple[Tensor, Tensor]:
    """All images of a split (N, C, H, W), and their attributes (N, A) of 0 and 1."""
    indices = data.split(split)
    return data.batch(indices).x, torch.as_tensor(data.attributes[indices]).float()  # pyright: ignore


def taught(x: Tensor, y: Tensor, epochs: int) -> Classifier:
    """The classifier after some epochs on images and attributes, half of them mirrored, half of them blurred."""
    torch.manual_seed(0)
    model = Classifier(x.shape[1], y.shape[1]).to(memory_format=torch.channels_last)  # pyright: ignore
    steps = epochs * (len(x) // BATCH)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for _ in range(steps):
        chosen = torch.randint(len(x), (BATCH,))
        some = x[chosen]
        some = torch.where(torch.rand(BATCH, 1, 1, 1) < 0.5, some.flip(3), some)
        some = torch.where(torch.rand(BATCH, 1, 1, 1) < 0.5, blurred(some), some)
        loss = F.binary_cross_entropy_with_logits(model(some), y[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


@torch.no_grad()
def logits(model: Classifier, x: Tensor) -> Tensor:
    """Logits (N, A) of any number of images."""
    return torch.cat([model(part) for part in x.split(250)])


def right(scores: Tensor, y: Tensor) -> dict[str, float]:
    """Accuracy of logits (N,) for labels (N,), and its mean over those with and those without."""
    hit = ((scores > 0) == (y > 0.5)).float()
    both = [float(hit[y == kind].mean()) for kind in (0, 1)]
    return {"accuracy": float(hit.mean()), "balanced": sum(both) / 2}


def unrelated(y: Tensor, k: int) -> list[int]:
    """Attributes, of the columns of y (N, A), that are neither rare nor go with attribute k."""
    related = torch.corrcoef(y.T).nan_to_num(1.0)[k].abs() >= RELATED
    share = y.mean(0)
    rare = torch.minimum(share, 1 - share) < RARE
    return [i for i in range(y.shape[1]) if not related[i] and not rare[i] and i != k]


class Faces:
    """Faces of one split, their reconstructions' logits, and what edits do to them."""

    def __init__(self, space: Space, model: Classifier, data: Dataset, split: str, most: int) -> None:
        self.space, self.model = space, model
        indices = data.split(split)[:most]
        self.y = torch.as_tensor(data.attributes[indices]).float()  # pyright: ignore
        self.z = space.codes(data, indices)
        self.before = logits(model, space.decode(self.z))

    def edited(self, direction: Direction, k: int, alpha: float) -> tuple[Tensor, Tensor]:
        """Signs (N,), 1 where attribute k is to be gained and -1 where it is to be lost; and the new logits (N, A)."""
        sign = 1 - 2 * self.y[:, k]
        return sign, logits(self.model, self.space.decode(self.z + alpha * sign[:, None] * direction.vector))

    def turned(self, direction: Direction, k: int, alpha: float) -> float:
        """Share that is classified as asked after the edit."""
        sign, after = self.edited(direction, k, alpha)
        return float((after[:, k] * sign > 0).float().mean())


def measure(held: Faces, direction: Direction, k: int, alpha: float, scale: Tensor, rest: list[int]) -> dict[str, Any]:
    """What one direction does at one strength; `scale` (A,) is the deviation of logits over real faces."""
    sign, after = held.edited(direction, k, alpha)
    change = (after - held.before) / scale
    aside = change[:, rest].abs().mean()
    shares = {
        "moved": (change[:, k] * sign > 0),
        "before": (held.before[:, k] * sign > 0),
        "turned": (after[:, k] * sign > 0),
    }
    found: dict[str, Any] = {name: float(share.float().mean()) for name, share in shares.items()}
    return {"alpha": alpha, **found, "others": float(aside / change[:, k].abs().mean())}


def fitting(faces: Faces, direction: Direction, k: int) -> float:
    """The smallest strength that turns enough validation faces."""
    return next((a for a in STRENGTHS if faces.turned(direction, k, a) >= ENOUGH), STRENGTHS[-1])


def whole(
    space: Space, data: Dataset, o: argparse.Namespace
) -> tuple[dict[str, Any], dict[str, tuple[Direction, float]]]:
    """Numbers for the row, and of the first method each direction with its strength, for the strips."""
    x, y = pictures(data, "train")
    model = taught(x, y, o.epochs)
    val, held = (Faces(space, model, data, split, o.faces) for split in ("val", "test"))
    real_x, real_y = pictures(data, "test")
    real = logits(model, real_x)
    columns = {name: data.spec.attributes.index(name) for name in NAMES}
    classifier = {
        name: {"real": right(real[:, k], real_y[:, k]), "reconstructed": right(held.before[:, k], held.y[:, k])}
        for name, k in columns.items()
    }
    edits: dict[str, Any] = {}
    strips: dict[str, tuple[Direction, float]] = {}
    for method in METHODS:
        for direction in from_labels(space, data, NAMES, DirectionConfig(method))[0]:
            k, rest = columns[direction.name], unrelated(y, columns[direction.name])
            found = [
                measure(held, direction, k, alpha, real.std(0), rest)
                for alpha in sorted({1.0, fitting(val, direction, k)})
            ]
            facts = {"with": direction.positive, "without": direction.negative, "auc": direction.auc}
            edits[f"{direction.name} {method}"] = {**facts, "unrelated": len(rest), "edits": found}
            strips.setdefault(direction.name, (direction, found[-1]["alpha"]))
    return {"faces": len(held.z), "classifier": classifier, "edits": edits}, strips


def main() -> None:
    """Measure, draw, keep the row."""
    options = parser(__doc__, dry=True)
    options.add_argument("run", type=Path, help="of faces with CelebA's attributes")
    options.add_argument("--digits", type=Path, help="run of digits, for a morph of two of them")
    options.add_argument("--epochs", type=int, default=30, help="of the classifier")
    options.add_argument("--faces", type=int, default=500, help="faces of each split that are edited, at most")
    options.add_argument("--pictures", type=Path, default=latent_pictures.FOLDER)
    o = options.parse_args()
    space = Space(load(o.run))
    data = open_reference(space.loaded.run, None, None)
    start = time.perf_counter()
    found, strips = whole(space, data, o)
    found = {**row(space, o), "seconds": round(time.perf_counter() - start), **found}
    latent_pictures.draw(space, data, strips, o.pictures)
    if o.digits:
        latent_pictures.morphs(Space(load(o.digits)), o.pictures, "digits")
    show("latent", o.run.resolve().name, found, o.dry)


def row(space: Space, o: argparse.Namespace) -> Row:
    """What was measured, on what."""
    run = space.loaded.run
    commands = [run.about["command"]] if "command" in run.about else []
    return {
        **about(*commands, typed("studies.latent", o.run), note=o.note),
        "model": run.model,
        "config": run.model_config,
        "data": run.spec.name,
        "minutes": run.train.minutes,
    }


if __name__ == "__main__":
    main()
