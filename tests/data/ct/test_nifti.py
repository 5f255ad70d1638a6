"""NIfTI: one orientation, scale and offset, names of labels; agreement with SimpleITK."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gvae.data.ct.nifti import label_names, names_in, read_nifti
from tests.data.ct.ct_files import affine, body, files, write_nifti

nibabel = pytest.importorskip("nibabel")

TABLE = (
    b'<?xml version="1.0"?><CaretExtension><LabelTable><Label Key="1" Red="0"><![CDATA[spleen]]></Label>'
    b'<Label Key="52" Red="1">\n<![CDATA[aorta]]></Label></LabelTable></CaretExtension>'
)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", ["int16", "int32", "float32", "float64"])
def test_numbers_of_every_kind(tmp_path: Path, ending: str, kind: str):
    write_nifti(tmp_path / f"scan{ending}", body(), dtype=kind)
    volume = read_nifti(files(tmp_path)[0])
    assert np.array_equal(volume.values, body())
    assert volume.values.dtype == np.int16
    assert np.allclose(volume.affine, affine())


def test_right_front_head_is_turned_to_the_radiologist_s_view(tmp_path: Path):
    grid = np.diag([0.7, 0.8, 2.5, 1])
    write_nifti(tmp_path / "ras.nii", body().transpose(2, 1, 0)[::-1, ::-1], grid)
    assert np.array_equal(read_nifti(files(tmp_path)[0]).values, body())


def test_scale_and_offset_of_the_header(tmp_path: Path):
    image = nibabel.Nifti1Image((body() + 1024) * np.int16(2), affine())
    image.header.set_slope_inter(0.5, -1024)
    nibabel.save(image, tmp_path / "scaled.nii.gz")
    loaded = nibabel.load(tmp_path / "scaled.nii.gz")
    assert (loaded.dataobj.slope, loaded.dataobj.inter) == (0.5, -1024)
    assert np.array_equal(read_nifti(files(tmp_path)[0]).values, body())


def test_a_fourth_axis_of_one_and_the_second_version(tmp_path: Path):
    write_nifti(tmp_path / "a.nii", body()[..., None])
    nibabel.save(nibabel.Nifti2Image(body(), affine()), tmp_path / "b.nii.gz")
    for file in files(tmp_path):
        assert np.array_equal(read_nifti(file).values, body())


def test_names_of_labels_in_the_file_come_before_those_beside(tmp_path: Path):
    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), affine())
    nibabel.save(image, tmp_path / "plain.nii.gz")
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(0, TABLE))
    nibabel.save(image, tmp_path / "named.nii.gz")
    named, plain = files(tmp_path)
    assert label_names(named, {"1": "liver"}) == {"spleen": 1, "aorta": 52}
    assert label_names(plain, {"0": "background", "1": "liver"}) == {"liver": 1}
    assert label_names(plain, {}) == {}


@pytest.mark.parametrize("labels", [{"0": "background", "2": "pancreas"}, {"background": 0, "pancreas": 2}])
def test_names_as_the_decathlon_and_nnunet_write_them(tmp_path: Path, labels: dict):
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    assert names_in(files(tmp_path)[0]) == {"0": "background", "2": "pancreas"}


def test_real_files_equal_simpleitk(data_root: Path):
    sitk = pytest.importorskip("SimpleITK")
    checked = 0
    for file in files(data_root / "ct_totalsegmentator_example"):
        volume = read_nifti(file)
        other = sitk.DICOMOrient(sitk.ReadImage(file.path), "LPS")
        assert np.array_equal(volume.values, sitk.GetArrayFromImage(other))
        assert np.allclose(volume.place((0, 0, 0)) * [-1, -1, 1], other.GetOrigin(), atol=1e-3)
        assert volume.spacing == pytest.approx((3, 3, 3))
        checked += 1
    assert checked == 12
    names = label_names(files(data_root / "ct_totalsegmentator_example" / "example_seg.nii.gz")[0], {})
    assert (len(names), names["spleen"], names["pancreas"], names["aorta"]) == (117, 1, 7, 52)
