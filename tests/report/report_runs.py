"""Run folders as a training and an evaluation would leave them, hand-made in milliseconds."""

import json

import torch

from gvae.atomic import write_text
from gvae.config import ModelConfig, TrainConfig
from gvae.evaluation.numbers import Number, write_numbers
from gvae.plots.grids import grid, pairs, save
from gvae.runs import Run
from gvae.types import DataSpec

PROTOCOL = {"data": "digits", "split": "test", "seed": 0, "features": {"name": "digits", "sha256": "abc"}}


def report_run(folder, name, model="gvae", seed=0, fd=11.83, data="digits", command="gvae train gvae --data digits"):
    spec = DataSpec(data, 1, (8, 8), classes=tuple("0123456789"))
    train = TrainConfig(images=1000, seed=seed)
    run = Run.create(folder / name, model, ModelConfig(), train, data, spec, {"command": command})
    encoder = model != "wgan-gp"
    numbers = [
        Number("fd", fd, "lower", floor=3.0, error=0.2, n=180, protocol=PROTOCOL),
        Number("coverage", 0.9, "higher", floor=0.97, n=180, protocol=PROTOCOL),
        Number("mse", 0.004, "lower", n=180, protocol=PROTOCOL)
        if encoder
        else Number("mse", None, reason="no encoder"),
    ]
    write_numbers(run, numbers)
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(16, 1, 8, 8, generator=generator) * 2 - 1
    save(grid(x), run.samples(1000))
    if encoder:
        save(pairs(x, x.flip(3)), run.reconstructions(1000))
    lines = [{"images": 100 * k, "loss": {"nats": 900.0 / k}, "beta": 1.0} for k in range(1, 11)]
    write_text(run.log, "".join(json.dumps(line) + "\n" for line in lines))
    return run
