"""Numbers do not mix: what a registered metric depends on is in its heading or protocol, and nothing else. No skip list."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gvae.config import NetConfig, TrainConfig, to_json
from gvae.data import open_data
from gvae.data.dataset import Dataset
from gvae.evaluation.evaluate import to_numbers
from gvae.evaluation.inputs import Inputs
from gvae.evaluation.measure import measure
from gvae.evaluation.numbers import Number, read_numbers, write_numbers
from gvae.evaluation.protocol import variant
from gvae.loaded import Loaded
from gvae.metrics import METRICS, get
from gvae.metrics.base import Metric
from gvae.models.vae import VAE, Config
from gvae.runs import Run

ANY = {"data", "values", "binarisation", "split", "n", "seed"}
SAMPLES, BOUND = ANY | {"prior"}, ANY | {"prior", "likelihood"}
FEATURES = SAMPLES | {"features"}
DEPENDS = {
    **dict.fromkeys(("fd", "kd", "prdc", "class-histogram"), FEATURES),
    **dict.fromkeys(("mmd", "mmd-linear", "ms-ssim", "ms-ssim-256"), SAMPLES),
    **dict.fromkeys(("mse", "kl", "code-kl", "active-units"), ANY),
    **dict.fromkeys(("elbo", "iwae", "ais"), BOUND | {"precision"}),
    "nats": ANY | {"likelihood"},
    "exact": BOUND,
}
"""what each metric depends on, beside the weights"""
DIGITS = open_data("digits")
CHANGES: dict[str, dict[str, Any]] = {
    "prior": {"prior": "normal"},
    "split": {"split": "val"},
    "seed": {"seed": 1},
    "n": {"samples": 20, "weighed": 1},
    "precision": {"precision": "bf16"},
    "likelihood": {"likelihood": "bernoulli"},
    "data": {
        "dataset": replace(DIGITS, images=16 - np.asarray(DIGITS.images), facts={**DIGITS.facts, "checksum": "x"})
    },
    "values": {"dataset": replace(DIGITS, spec=replace(DIGITS.spec, high=20.0))},
    "binarisation": {"dataset": replace(DIGITS, spec=replace(DIGITS.spec, binary="dynamic"))},
    "features": {"dataset": replace(DIGITS, facts={**DIGITS.facts, "source": "a folder that is called digits"})},
}
"""what may change, and how"""


@lru_cache
def model(likelihood: str) -> VAE:
    """An untrained VAE with one latent dimension and a fitted prior."""
    torch.manual_seed(0)
    config = Config(latent=1, prior="mixture", components=2, likelihood=likelihood, net=NetConfig(width=8))
    made = VAE(DIGITS.spec, config).eval()
    made.prior.fit(3 + torch.randn(200, 1).exp())
    return made


def world(folder: Path, dataset: Dataset = DIGITS, likelihood: str = "gaussian", **options: Any) -> Inputs:
    """A model, data and options of a measurement."""
    made = model(likelihood)
    run = Run(folder, "vae", to_json(made.config), TrainConfig(), "digits", DIGITS.spec, {})
    settings = {"samples": 24, "weighed": 2, "split": "test", "seed": 0, "prior": None, "precision": "fp32"}
    return Inputs(Loaded(run, made), dataset, **(settings | options))


def short(name: str) -> Metric:
    """A registered metric that takes a fingerprint of what it is handed in place of computing anything."""
    metric = get("ais-3x2" if name == "ais" else name)
    return replace(metric, function=fingerprint, minimum=1)


def fingerprint(*things: np.ndarray | None) -> dict[str, float]:
    seen = hashlib.sha256()
    for thing in things:
        seen.update(b"-" if thing is None else np.ascontiguousarray(thing).tobytes())
    return {"fingerprint": float(int(seen.hexdigest()[:12], 16))}


def number(name: str, needs: Inputs, values: bool = False) -> Number:
    metric = short(name)
    result = measure(metric, needs, strict=False) if values else {}
    told = {"n": needs.count(metric.needs[0]), "protocol": protocol_of(metric, needs)} | result
    return to_numbers(metric, told, variant(metric, needs))[0]


def protocol_of(metric: Metric, needs: Inputs) -> dict[str, Any]:
    from gvae.evaluation.protocol import protocol

    return protocol(metric, needs)


def test_every_metric_says_what_it_depends_on():
    assert set(DEPENDS) == set(METRICS)
    assert set().union(*DEPENDS.values()) == set(CHANGES)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", METRICS)
def test_a_number_is_of_another_kind_if_and_only_if_something_changes_that_it_depends_on(name, change, tmp_path):
    plain, other = number(name, world(tmp_path)), number(name, world(tmp_path, **CHANGES[change]))
    assert (plain.key != other.key) == (change in DEPENDS[name])
    if change in ("prior", "likelihood", "split") and change in DEPENDS[name]:
        assert plain.column != other.column  # these are told in the heading, too


@pytest.mark.parametrize("name", METRICS)
def test_numbers_of_one_kind_are_made_of_the_same_inputs(name, tmp_path):
    """Whatever changes the arrays that a metric is handed changes the kind of its number; the model stays the same."""
    plain = number(name, world(tmp_path), values=True)
    for change in set(CHANGES) - {"likelihood"}:
        other = number(name, world(tmp_path, **CHANGES[change]), values=True)
        assert (plain.value, plain.floor) == (other.value, other.floor) or plain.key != other.key, change


@pytest.mark.parametrize("name", METRICS)
def test_numbers_of_other_weights_are_not_read(name, tmp_path):
    from gvae.training.checkpoint import save_weights

    needs = world(tmp_path)
    run = needs.loaded.run
    save_weights(run, {"weight": torch.zeros(2)})
    found = number(name, needs)
    write_numbers(run, [replace(found, value=1.0, protocol=found.protocol | {"weights_sha256": run.digest()})])
    assert [x.value for x in read_numbers(run)] == [1.0]
    save_weights(run, {"weight": torch.ones(2)})
    assert read_numbers(run) == []
    best = run.using("last")
    assert best.digest() == run.digest()


@pytest.mark.parametrize("name", METRICS)
def test_versions_alone_make_no_other_kind(name, tmp_path):
    found = number(name, world(tmp_path))
    assert replace(found, protocol=found.protocol | {"versions": {"torch": "0"}}).key == found.key
