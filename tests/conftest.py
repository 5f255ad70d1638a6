"""Shared by all tests: one thread, and a small data set that is always there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from gvae.data.dataset import Dataset

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
