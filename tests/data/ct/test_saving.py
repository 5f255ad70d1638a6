"""Volumes as NIfTI, read back voxel for voxel, and as sheets of slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gvae.data.ct.nifti import read_nifti
from gvae.data.ct.saving import save_volume
from gvae.data.ct.volumes import Volume
from gvae.data.files.zips import files_below
from gvae.errors import GvaeError
from gvae.plots.sheets import sheet
from gvae.types import DataSpec

nibabel = pytest.importorskip("nibabel")
SPEC = DataSpec("ct", 1, (5, 6, 7), low=-160, high=240, unit="HU")
SPACING = (2.5, 0.8, 0.7)


def read(path: Path) -> Volume:
    return read_nifti(files_below(path)[0])


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_our_reader_gives_the_same_array_back(tmp_path: Path, ending: str):
    hu = np.random.default_rng(0).integers(-160, 241, (5, 6, 7))
    x = torch.from_numpy((hu + 160) / 200 - 1).float()[None, None]
    save_volume(tmp_path / f"a{ending}", x, SPEC, SPACING)
    volume = read(tmp_path / f"a{ending}")
    assert np.array_equal(volume.values, hu)
    assert volume.spacing == pytest.approx(SPACING)
    assert np.allclose(volume.place((2, 2.5, 3)), 0, atol=1e-6)  # the middle
    assert np.allclose(volume.place((3, 2.5, 3)), [0, 0, 2.5], atol=1e-6)  # towards the head


def test_every_hu_of_the_window_survives(tmp_path: Path):
    for low, high in ((-160, 240), (-1350, 150), (-1024, 3071)):
        hu = np.arange(low, high + 1).reshape(1, 1, -1)
        x = torch.from_numpy((hu - low) * 2 / (high - low) - 1).float()[None, None]
        spec = DataSpec("ct", 1, hu.shape, low=low, high=high, unit="HU")
        save_volume(tmp_path / "a.nii", x, spec)
        assert np.array_equal(read(tmp_path / "a.nii").values, hu)


def test_other_readers_see_the_scan_upright(tmp_path: Path):
    sitk = pytest.importorskip("SimpleITK")
    x = torch.full((1, 1, 5, 6, 7), -3.0)  # beyond the range: clipped
    x[0, 0, 4, 1, 2] = 1
    save_volume(tmp_path / "a.nii.gz", x, SPEC, SPACING)
    image = sitk.ReadImage(str(tmp_path / "a.nii.gz"))
    array = sitk.GetArrayFromImage(sitk.DICOMOrient(image, "LPS"))
    assert array.dtype == np.int16
    assert np.argwhere(array == 240).tolist() == [[4, 1, 2]]
    assert array.min() == -160
    assert nibabel.load(tmp_path / "a.nii.gz").header.get_xyzt_units()[0] == "mm"


def test_the_same_volume_gives_the_same_file(tmp_path: Path):
    for name in ("a", "b"):
        save_volume(tmp_path / f"{name}.nii.gz", torch.zeros(1, 1, 5, 6, 7), SPEC)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


@pytest.mark.parametrize(
    ("name", "shape", "spacing", "message"),
    [
        ("a.png", (1, 1, 2, 2, 2), (1, 1, 1), r"a\.png has no ending of a volume; use \.nii or \.nii\.gz"),
        ("a.nii", (2, 1, 2, 2, 2), (1, 1, 1), r"\(2, 1, 2, 2, 2\) is not one volume; give \(1, C, D, H, W\)"),
        ("a.nii", (1, 1, 2, 2), (1, 1, 1), r"is not one volume"),
        ("a.nii", (1, 3, 2, 2, 2), (1, 1, 1), r"a volume of 3 channels is no scan"),
        ("a.nii", (1, 1, 2, 2, 2), (1, 0, 1), r"a spacing of \(1, 0, 1\) mm makes no grid"),
    ],
)
def test_what_is_no_volume(tmp_path: Path, name: str, shape: tuple, spacing: tuple, message: str):
    with pytest.raises(GvaeError, match=message):
        save_volume(tmp_path / name, torch.zeros(shape), SPEC, spacing)
    assert not list(tmp_path.iterdir())


def test_a_sheet_has_the_head_on_top_and_the_right_on_the_left():
    x = torch.full((1, 1, 8, 8, 8), -1.0)
    x[0, 0, 7, 0, 0] = 1  # head, front, right
    picture = np.asarray(sheet(x, shown=8))
    side = (picture.shape[0] - 4) // 3
    step = (picture.shape[1] - side) // 7
    for row, column in ((0, 7), (1, 0), (2, 0)):  # highest axial, first coronal, first sagittal
        tile = picture[row * (side + 2) :, column * step :][:side, :side]
        voxel = side // 8
        assert (tile[:voxel, :voxel] == 255).all()
        assert (tile == 255).sum() == voxel**2
    assert (picture == 255).sum() == 3 * voxel**2


def test_a_sheet_keeps_the_patient_s_proportions():
    cube, flat = (sheet(torch.zeros(1, 1, 8, 8, 8), spacing).size for spacing in ((1, 1, 1), (3, 1, 1)))
    assert cube[0] == flat[0]
    axial = (cube[1] - 4) / 3
    assert flat[1] == pytest.approx(axial * 7 + 4, abs=2)


def test_a_sheet_of_three_channels():
    assert sheet(torch.zeros(1, 3, 4, 4, 4)).mode == "RGB"
