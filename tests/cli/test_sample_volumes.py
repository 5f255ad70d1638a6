"""gvae sample writes volumes in Hounsfield units."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from gvae.commands.sample import save, spacing
from gvae.errors import GvaeError
from gvae.types import DataSpec

nibabel = pytest.importorskip("nibabel")
RUN: Any = SimpleNamespace(
    spec=DataSpec("ct", 1, (4, 5, 6), low=-160, high=240, unit="HU"), about={"data": {"spacing_mm": [2.5, 0.8, 0.7]}}
)


def test_one_volume_in_one_file(tmp_path: Path):
    assert save(torch.ones(1, 1, 4, 5, 6), tmp_path / "a.nii.gz", RUN) == f"1 image in {tmp_path / 'a.nii.gz'}"
    image = nibabel.load(tmp_path / "a.nii.gz")
    assert (np.asarray(image.dataobj) == 240).all()
    assert image.header.get_zooms() == pytest.approx((0.7, 0.8, 2.5))
    with pytest.raises(GvaeError, match=r"a\.nii\.gz holds one volume, not 2; add -n 1"):
        save(torch.ones(2, 1, 4, 5, 6), tmp_path / "a.nii.gz", RUN)


def test_a_folder_of_volumes_and_a_sheet(tmp_path: Path):
    save(torch.zeros(2, 1, 4, 5, 6), tmp_path / "all", RUN)
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == ["000000.nii.gz", "000001.nii.gz"]
    save(torch.zeros(1, 1, 4, 5, 6), tmp_path / "a.png", RUN)
    assert (tmp_path / "a.png").exists()


def test_spacing_of_a_run_that_knows_none():
    assert spacing(SimpleNamespace(about={})) == (1, 1, 1)  # pyright: ignore[reportArgumentType]
    assert spacing(RUN) == (2.5, 0.8, 0.7)
