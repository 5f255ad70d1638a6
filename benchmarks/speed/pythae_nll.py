"""Importance weighting beside Pythae's `get_nll`: the same encoder, decoder, images and number of codes, by turns.

    pip install . pythae                              # in an environment of its own
    python -m benchmarks.speed.pythae_nll RUN --images 20 --k 1000

RUN is a plain VAE on binarised data. Both estimate log p(x) under N(0, I); the row of results/pythae_nll.json holds both
values with their standard errors, and the ratio of the times.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import torch
from pythae.models import VAE, VAEConfig  # pyright: ignore[reportMissingImports]
from pythae.models.nn import BaseDecoder, BaseEncoder  # pyright: ignore[reportMissingImports]
from torch import Tensor

import gvae
from benchmarks.rows import about, show
from benchmarks.script import parser, typed
from benchmarks.timing import alternate, ratio, seconds
from gvae.api import TrainedRun
from gvae.data import open_data
from gvae.models.latent import LatentModel


class Encoder(BaseEncoder):
    """Our encoder in Pythae's form; its images lie in [0, 1]."""

    def __init__(self, model: LatentModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> SimpleNamespace:
        q = self.model.encode(2 * x - 1)
        return SimpleNamespace(embedding=q.mean, log_covariance=2 * q.stddev.log())


class Decoder(BaseDecoder):
    """Our decoder in Pythae's form."""

    def __init__(self, model: LatentModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> dict[str, Tensor]:
        return {"reconstruction": (self.model.decode(z).mean + 1) / 2}


def theirs(model: VAE, x: Tensor, k: int) -> list[float]:
    """Pythae's estimate for every image, nats."""
    return [float(model.get_nll(image[None], n_samples=k)) for image in (x + 1) / 2]


def ours(run: TrainedRun, x: Tensor, k: int) -> list[float]:
    """Our estimate for every image, nats."""
    return (torch.logsumexp(run.log_weights(x, k, prior="normal"), 0) - math.log(k)).tolist()


def timed(estimate: Callable[[], list[float]], into: list[list[float]]) -> Callable[[], float]:
    """A call of the estimate that keeps its values and returns its seconds."""
    return lambda: seconds(lambda: into.append(estimate()))


@torch.no_grad()
def main() -> None:
    """Measure one run and keep its row."""
    options = parser(__doc__, dry=True)
    options.add_argument("run", type=Path)
    options.add_argument("--images", type=int, default=20)
    options.add_argument("--k", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=3)
    o = options.parse_args()
    run = gvae.load(o.run)
    data = open_data(run.run.data)
    x, model = data.batch(data.split("test")[: o.images]).x, run.model
    assert isinstance(model, LatentModel)
    config = VAEConfig(
        input_dim=tuple(x.shape[1:]), latent_dim=run.run.model_config["latent"], reconstruction_loss="bce"
    )
    other = VAE(config, Encoder(model), Decoder(model)).eval()
    torch.manual_seed(0)
    values: dict[str, list[list[float]]] = {"gvae": [], "pythae": []}
    slow, fast = alternate(
        o.rounds,
        timed(lambda: theirs(other, x, o.k), values["pythae"]),
        timed(lambda: ours(run, x, o.k), values["gvae"]),
    )
    means = {name: torch.tensor(rounds).mean(1) for name, rounds in values.items()}
    row = about(typed("speed.pythae_nll", o.run, images=o.images, k=o.k, rounds=o.rounds), note=o.note)
    row["versions"]["pythae"] = importlib.metadata.version("pythae")
    row |= {
        "model": run.run.model,
        "config": run.run.model_config,
        "values": {name: each.mean().item() for name, each in means.items()},
        "standard_error": {name: each.std().item() / math.sqrt(o.rounds) for name, each in means.items()},
        **ratio(slow, fast),
    }
    show("pythae_nll", o.run.resolve().name, row, o.dry)


if __name__ == "__main__":
    main()
