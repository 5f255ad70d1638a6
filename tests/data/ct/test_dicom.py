"""DICOM series: Hounsfield units, the order of slices, archives and codecs; agreement with SimpleITK voxel for voxel."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gvae.data.ct.dicom import identity, is_dicom, read_series
from gvae.errors import GvaeError
from tests.data.ct.ct_files import SPACING, affine, body, files, pack, write_series, write_slice

pydicom = pytest.importorskip("pydicom")
pytest.importorskip("nibabel")


def with_sitk(paths: list[Path]) -> np.ndarray:
    """What SimpleITK reads, turned to the left, back and head."""
    sitk = pytest.importorskip("SimpleITK")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    return sitk.GetArrayFromImage(sitk.DICOMOrient(reader.Execute(), "LPS"))


def test_slices_are_sorted_by_their_place(tmp_path: Path):
    paths = write_series(tmp_path, body())
    volume = read_series(files(tmp_path))
    assert np.array_equal(volume.values, body())
    assert volume.values.dtype == np.int16
    assert np.allclose(volume.affine, affine())
    assert np.array_equal(volume.values, with_sitk(paths))
    assert [path.name for path in paths] != sorted(path.name for path in paths)


def test_hounsfield_units_from_each_slice_s_own_slope_and_intercept(tmp_path: Path):
    for k, image in enumerate(body()):
        slope, intercept = (2, -1024) if k % 2 else (1, -1000)
        stored = (image.astype(int) - intercept) // slope
        write_slice(tmp_path / f"{k}.dcm", stored, (0, 0, k), RescaleSlope=slope, RescaleIntercept=intercept)
    volume = read_series(files(tmp_path))
    assert np.abs(volume.values.astype(int) - body()).max() == 1  # odd HU cannot be stored with a slope of 2
    assert np.array_equal(volume.values[::2], body()[::2])


def test_a_slope_that_is_no_whole_number_is_rounded(tmp_path: Path):
    write_slice(tmp_path / "0.dcm", np.array([[0, 1, 2, 3]]), RescaleSlope=0.7, RescaleIntercept=-1000)
    assert read_series(files(tmp_path)).values.ravel().tolist() == [-1000, -999, -999, -998]


def test_slices_from_head_to_foot_and_a_patient_on_the_belly(tmp_path: Path):
    paths = []
    for k, image in enumerate(body()):
        # rows from back to front, columns from left to right: all of it turned by 180 degrees
        position = (-5 + SPACING[2] * 19, -6 + SPACING[1] * 15, -100 + SPACING[0] * k)
        paths.append(tmp_path / f"{99 - k}.dcm")
        write_slice(paths[-1], image[::-1, ::-1], position, ImageOrientationPatient=[-1, 0, 0, 0, -1, 0])
    volume = read_series(files(tmp_path))
    assert np.array_equal(volume.values, body())
    assert np.allclose(volume.affine, affine())


def test_sagittal_slices_give_the_same_volume(tmp_path: Path):
    for k in range(20):
        image = body()[::-1, :, k]  # rows from head to foot, columns from front to back
        position = (-5 + SPACING[2] * k, -6, -100 + SPACING[0] * 11)
        write_slice(
            tmp_path / f"{k}.dcm",
            image,
            position,
            ImageOrientationPatient=[0, 1, 0, 0, 0, -1],
            PixelSpacing=[SPACING[0], SPACING[1]],
        )
    volume = read_series(files(tmp_path))
    assert np.array_equal(volume.values, body())
    assert np.allclose(volume.affine, affine())


def test_an_archive_is_read_without_unpacking(tmp_path: Path):
    write_series(tmp_path / "PATIENT_DICOM", body(), ending="")
    pack(tmp_path / "PATIENT_DICOM", tmp_path / "PATIENT_DICOM.zip")
    before = sorted(tmp_path.rglob("*"))
    found = files(tmp_path)
    assert {is_dicom(file) for file in found} == {True}
    assert str(found[0].where) == "PATIENT_DICOM.zip/PATIENT_DICOM/image_0"
    assert np.array_equal(read_series(found).values, body())
    assert sorted(tmp_path.rglob("*")) == before


def test_localizers_are_left_out(tmp_path: Path):
    write_series(tmp_path, body())
    write_slice(tmp_path / "scout.dcm", body()[0], (0, 0, 5), ImageType=["DERIVED", "PRIMARY", "LOCALIZER"])
    assert np.array_equal(read_series(files(tmp_path)).values, body())
    with pytest.raises(GvaeError, match=r"scout\.dcm and its neighbours are localizers"):
        read_series([file for file in files(tmp_path) if file.where.name == "scout.dcm"])


def test_run_length_coding(tmp_path: Path):
    from pydicom.uid import RLELossless

    for path in write_series(tmp_path, body()):
        image = pydicom.dcmread(path)
        image.compress(RLELossless)
        image.save_as(path)
    assert np.array_equal(read_series(files(tmp_path)).values, body())


def test_what_is_dicom_by_name_or_content(tmp_path: Path):
    write_series(tmp_path, body()[:1], ending="")
    (tmp_path / "notes.txt").write_text("hello" * 100)
    (tmp_path / "short").write_text("x")
    (tmp_path / "x.DCM").write_text("x")
    found = {file.where.name: is_dicom(file) for file in files(tmp_path)}
    assert found == {"image_0": True, "notes.txt": False, "short": False, "x.DCM": True}


def test_identity_is_a_hash(tmp_path: Path):
    write_slice(tmp_path / "a.dcm", body()[0])
    write_slice(tmp_path / "b.dcm", body()[0], SeriesInstanceUID="1.2.4", PatientID="")
    (patient, series), (nobody, other) = map(identity, files(tmp_path))
    assert len(patient) == len(series) == 64
    assert "4711" not in patient
    assert nobody == ""
    assert other != series


def test_real_series_equals_simpleitk(data_root: Path):
    archive = data_root / "ct_3dircadb01_17" / "PATIENT_DICOM.zip"
    volume = read_series(files(archive))
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(archive).extractall(folder)
        paths = [Path(folder) / f"PATIENT_DICOM/image_{k}" for k in range(119)]
        assert np.array_equal(volume.values, with_sitk(paths))
    assert volume.values.shape == (119, 512, 512)
    assert volume.spacing == pytest.approx((1.6, 0.743, 0.743))
    assert (volume.values.min(), volume.values.max()) == (-1024, 1023)
    excerpt = read_series(files(data_root / "ct_3dircadb01_17" / "excerpt_PATIENT_DICOM"))
    assert np.array_equal(excerpt.values, volume.values[48:52])
    assert np.allclose(excerpt.place((0, 0, 0)), volume.place((48, 0, 0)))
