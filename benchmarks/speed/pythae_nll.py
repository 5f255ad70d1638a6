"""Importance weighting beside Pythae's `get_nll`: the same encoder, decoder, images and number of codes, by turns.

    pip install . pythae                              # in an environment of its own
    python benchmarks/pythae_nll.py RUN --images 20 --k 1000

RUN is a plain VAE on binarised data. Both estimate log p(x) under N(0, I); the row of results/pythae_nll.json holds both
values with their standard errors, and the ratio of the times of every round.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import statistics
import time
from pathlib import Path
from types import SimpleNamespace

import torch
from pythae.models import VAE, VAEConfig  # pyright: ignore[reportMissingImports]
from pythae.models.nn import BaseDecoder, BaseEncoder  # pyright: ignore[reportMissingImports]
from rows import keep
from torch import Tensor

import gvae
from gvae.data import open_data
from gvae.training import about


class Encoder(BaseEncoder):
    """Our encoder in Pythae's form; its images lie in [0, 1]."""

    def __init__(self, model: gvae.models.Model) -> None:  # pyright: ignore
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> SimpleNamespace:
        q = self.model.encode(2 * x - 1)
        return SimpleNamespace(embedding=q.mean, log_covariance=2 * q.stddev.log())


class Decoder(BaseDecoder):
    """Our decoder in Pythae's form."""

    def __init__(self, model: gvae.models.Model) -> None:  # pyright: ignore
        super().__init__()
        self.model = model

    def forward(self, z: Tensor) -> dict[str, Tensor]:
        return {"reconstruction": (self.model.decode(z).mean + 1) / 2}


def theirs(model: VAE, x: Tensor, k: int) -> list[float]:
    """Pythae's estimate for every image, nats."""
    return [float(model.get_nll(image[None], n_samples=k)) for image in (x + 1) / 2]


def ours(run: gvae.Loaded, x: Tensor, k: int) -> list[float]:  # pyright: ignore
    """Our estimate for every image, nats."""
    return (torch.logsumexp(run.log_weights(x, k, prior="normal"), 0) - math.log(k)).tolist()


@torch.no_grad()
def main() -> None:
    """Measure one run and keep its row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--k", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    run = gvae.load(given.run)
    data = open_data(run.run.data)
    x, model = data.batch(data.split("test")[: given.images]).x, run.model
    config = VAEConfig(
        input_dim=tuple(x.shape[1:]), latent_dim=run.run.model_config["latent"], reconstruction_loss="bce"
    )
    other = VAE(config, Encoder(model), Decoder(model)).eval()
    torch.manual_seed(0)
    pairs, values = [], {"gvae": [], "pythae": []}
    for _ in range(given.rounds):
        start = time.perf_counter()
        values["pythae"].append(theirs(other, x, given.k))
        middle = time.perf_counter()
        values["gvae"].append(ours(run, x, given.k))
        pairs.append((middle - start, time.perf_counter() - middle))
    rounds = {name: torch.tensor(rows).mean(1) for name, rows in values.items()}
    facts = about(data)
    row = {
        "command": f"python benchmarks/pythae_nll.py {given.run} --images {given.images} --k {given.k}"
        f" --rounds {given.rounds}",
        "model": run.run.model,
        "config": run.run.model_config,
        "values": {name: means.mean().item() for name, means in rounds.items()},
        "standard_error": {
            name: means.std().item() / math.sqrt(given.rounds) for name, means in rounds.items()
        },
        "times_faster": statistics.median(a / b for a, b in pairs),
        "times_faster_each": [a / b for a, b in pairs],
        "processor": facts["processor"],
        "versions": {**facts["versions"], "pythae": importlib.metadata.version("pythae")},
        "date": facts["date"],
    }
    keep("pythae_nll", given.run.name, row)
    print(json.dumps({key: row[key] for key in ("values", "standard_error", "times_faster")}, indent=1))


if __name__ == "__main__":
    main()
