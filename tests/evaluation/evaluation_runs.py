"""Run folders without a training: run.json and hand-written numbers."""

from dataclasses import replace

from gvae.config import ModelConfig, TrainConfig
from gvae.evaluation.numbers import Number, write_numbers
from gvae.runs import Run
from gvae.types import DataSpec

DIGITS = DataSpec("digits", 1, (8, 8), classes=tuple("0123456789"), high=16.0)


def evaluated_run(folder, name, numbers=(), model="gvae", seed=0, latent=64, **options):
    """A run folder with hand-written numbers."""
    config, train = ModelConfig(latent=latent), replace(TrainConfig(images=1000), seed=seed)
    run = Run.create(folder / name, model, config, train, "digits", DIGITS, {"command": f"gvae train {model}"})
    run = replace(run, model_config=run.model_config | options)
    if numbers:
        write_numbers(run, list(numbers))
    return run


def fd(value, n=180, **protocol):
    """A Frechet distance with a full protocol."""
    rest = {"data": "digits", "split": "test", "seed": 0, "features": "digits-classifier"}
    return Number("fd", value, "lower", floor=3.0, n=n, protocol=rest | protocol)
