"""Shared by all tests: one thread, and a small data set that is always there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gvae.data.dataset import Dataset
from gvae.types import DataSpec

torch.set_num_threads(1)  # tests run side by side (pytest -n 2)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """scikit-learn's 1,797 digits."""
    from gvae.data import open_data

    return open_data("digits")


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of real data sets, from GVAE_DATA; skips where it is absent."""
    root = os.environ.get("GVAE_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("GVAE_DATA does not name a folder with real data sets")
    return Path(root)


@pytest.fixture
def saved(digits, tmp_path) -> Callable[..., Path]:
    """Keeps an untrained model of 4 latent dimensions as a run: (model, spec=of digits, **options) -> its folder."""

    def save(name: str, spec: DataSpec = digits.spec, **options) -> Path:
        from gvae.config import NetConfig, TrainConfig
        from gvae.models import resolve
        from gvae.runs import Run
        from gvae.training.checkpoint import save_weights

        torch.manual_seed(0)
        kind = resolve(name)
        model = kind(spec, kind.Config(**{"latent": 4, "net": NetConfig(width=8), **options}))
        if hasattr(model, "prior"):  # as after a training
            model.prior.mark_fitted()
        path = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
        run = Run.create(path, name, model.config, TrainConfig(), spec.name, spec, {})
        save_weights(run, model.state_dict())
        return path

    return save
