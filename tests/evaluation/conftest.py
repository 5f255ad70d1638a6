"""Run folders without a training: run.json and hand-written numbers."""

from dataclasses import replace

import pytest

from gvae.config import ModelConfig, TrainConfig
from gvae.evaluation.numbers import Number, write_numbers
from gvae.runs import Run
from gvae.types import DataSpec

DIGITS = DataSpec("digits", 1, (8, 8), classes=tuple("0123456789"), high=16.0)


@pytest.fixture
def make_run(tmp_path):
    """Function (name, numbers, model, seed, latent) -> Run."""

    def make(name, numbers=(), model="gvae", seed=0, latent=64):
        config, train = ModelConfig(latent=latent), replace(TrainConfig(images=1000), seed=seed)
        run = Run.create(
            tmp_path / name, model, config, train, "digits", DIGITS, {"command": f"gvae train {model}"}
        )
        if numbers:
            write_numbers(run, list(numbers))
        return run

    return make


@pytest.fixture
def fd():
    """Function (value) -> a Frechet distance with a full protocol."""

    def number(value, n=180, **protocol):
        rest = {"data": "digits", "split": "test", "seed": 0, "features": "digits-classifier"}
        return Number("fd", value, "lower", floor=3.0, n=n, protocol=rest | protocol)

    return number
