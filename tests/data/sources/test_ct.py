"""CT data sets: forms, windows, organs, patients and splits; what is told and what must not be."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gvae.data.ct import stack
from gvae.data.ct.patients import by_slab, divide
from gvae.data.ct.volumes import AIR
from gvae.data.dataset import Dataset
from gvae.data.options import ReadOptions
from gvae.data.sources.ct import open_ct
from gvae.errors import GvaeError
from tests.data.ct.ct_files import SPACING, TAGS, affine, body, pack, write_nifti, write_series

pytest.importorskip("pydicom")
pytest.importorskip("nibabel")


def organ() -> np.ndarray:
    """A box of 4 x 5 x 6 voxels that `body` has not."""
    mask = np.zeros((12, 16, 20), np.uint8)
    mask[3:7, 5:10, 8:14] = 1
    return mask


def patients(root: Path, n: int) -> Path:
    """A folder for each of n patients with a scan and the masks of an organ, as TotalSegmentator has it."""
    for k in range(n):
        write_nifti(root / f"s{k:04}" / "ct.nii.gz", body(seed=k))
        write_nifti(root / f"s{k:04}" / "segmentations" / "liver.nii.gz", organ())
        write_nifti(root / f"s{k:04}" / "segmentations" / "spleen.nii.gz", np.roll(organ(), 3, 2))
    return root


def notes(data: Dataset) -> str:
    return "\n".join(data.facts["notes"])


def test_slices_of_one_series_are_the_scan_s_own(tmp_path: Path):
    write_series(tmp_path, body()[:, :, 2:18])
    data = open_ct(tmp_path)
    assert data.images.dtype == np.int16
    assert np.array_equal(data.images[..., 0], body()[:, :, 2:18])
    assert (data.spec.unit, data.spec.low, data.spec.high, data.spec.channels) == ("HU", -160, 240, 1)
    assert data.labels is None
    assert data.facts["spacing_mm"] == [0.8, 0.7]
    x = data.batch([0]).x
    assert (x.min(), x.max()) == (-1, 1)
    assert x[0, 0, 8, 8] == pytest.approx((body()[0, 8, 10] + 160) / 200 - 1, abs=1e-6)


def test_window_of_centre_and_width(tmp_path: Path):
    write_series(tmp_path, body())
    data = open_ct(tmp_path, ReadOptions(size=16, window=(-600, 1500)))
    assert (data.spec.low, data.spec.high) == (-1350, 150)
    assert data.facts["window"] == [-600, 1500]
    assert "window: centre -600, width 1500 HU; -1350 HU becomes -1, 150 HU becomes +1" in notes(data)
    assert data.images.max() > 500  # beyond the window, stored all the same


def test_whole_slices_are_scaled_and_padded_with_air(tmp_path: Path):
    write_nifti(tmp_path / "a.nii.gz", np.full((12, 16, 20), 50, np.int16))
    data = open_ct(tmp_path, ReadOptions(size=10))
    # 16 x 0.8 = 12.8 mm by 20 x 0.7 = 14 mm: 1.4 mm per pixel, 9 rows and 10 columns
    assert data.images.shape == (12, 10, 10, 1)
    assert data.facts["spacing_mm"] == [1.4, 1.4]
    assert np.unique(data.images).tolist() == [AIR, 50]
    assert (data.images[..., 0] == AIR).sum() == 12 * 10
    assert "1.40 x 1.40 mm per pixel: each slice scaled as a whole, padded with air" in notes(data)


def test_slices_at_a_spacing_are_cut_around_the_middle(tmp_path: Path):
    write_nifti(tmp_path / "a.nii.gz", body())
    data = open_ct(tmp_path, ReadOptions(size=6, spacing=1.4))
    assert data.images.shape == (12, 6, 6, 1)
    assert data.images.min() > -200  # the air around the body lies outside
    wide = open_ct(tmp_path, ReadOptions(size=40, spacing=1.4))
    assert np.array_equal(wide.images[:, 17:23, 17:23], data.images)
    assert (wide.images[:, 0] == AIR).all()


def test_blocks_lie_side_by_side_and_those_of_air_are_left_out(tmp_path: Path):
    hu = np.full((9, 16, 20), 40, np.int16) + np.arange(20, dtype=np.int16)
    hu[:, :8, :10] = -1000
    write_nifti(tmp_path / "a.nii.gz", hu)
    data = open_ct(tmp_path, ReadOptions(form="volumes", block=8))
    tiles = [hu[:8, y : y + 8, x : x + 8] for y in (0, 8) for x in (2, 10)]
    assert np.array_equal(data.images[..., 0], np.stack(tiles[1:]))
    assert data.spec.shape == (8, 8, 8)
    assert "blocks of mostly air (less than 25% above -500 HU), left out: 1" in notes(data)
    assert data.facts["spacing_mm"] == list(SPACING)
    assert open_ct(tmp_path, ReadOptions(size=8, form="volumes")).images.shape == (3, 8, 8, 8, 1)


def test_volumes_at_one_spacing(tmp_path: Path):
    write_nifti(tmp_path / "a.nii.gz", np.full((12, 16, 20), 40, np.int16))
    data = open_ct(tmp_path, ReadOptions(form="volumes", block=4, spacing=3))
    assert data.images.shape == (2, 4, 4, 4, 1)  # 30 x 12.8 x 14 mm: 10 x 4 x 5 voxels
    assert data.facts["spacing_mm"] == [3, 3, 3]
    assert "3.00 x 3.00 x 3.00 mm per voxel: resampled (linear)" in notes(data)


def test_crops_around_an_organ(tmp_path: Path):
    data = open_ct(patients(tmp_path, 4), ReadOptions(organ="liver", size=8))
    assert data.images.shape == (4 * 4, 8, 8, 1)
    assert sorted(image.tobytes() for image in data.images) == sorted(
        body(seed=k)[z, 3:11, 7:15].tobytes() for k in range(4) for z in range(3, 7)
    )
    cubes = open_ct(tmp_path, ReadOptions(organ="liver", form="volumes", block=8))
    assert sorted(image.tobytes() for image in cubes.images) == sorted(
        body(seed=k)[1:9, 3:11, 7:15].tobytes() for k in range(4)
    )
    assert "crops that the organ is larger than" not in notes(cubes)
    small = open_ct(tmp_path, ReadOptions(organ="spleen", form="volumes", block=4))
    assert "crops that the organ is larger than and cut by: 4" in notes(small)
    assert small.facts["organ"] == "spleen"


def test_a_crop_beyond_the_scan_is_air(tmp_path: Path):
    mask = np.zeros((12, 16, 20), np.uint8)
    mask[0, 0, 0] = 1
    write_nifti(tmp_path / "ct.nii.gz", body())
    write_nifti(tmp_path / "segmentations" / "liver.nii.gz", mask)
    image = open_ct(tmp_path, ReadOptions(organ="liver", form="volumes", block=6)).images[0, ..., 0]
    assert np.array_equal(image[3:, 3:, 3:], body()[:3, :3, :3])
    assert (image[:3] == AIR).all()


def test_masks_as_ircad_has_them(tmp_path: Path):
    write_series(tmp_path / "PATIENT_DICOM", body(), ending="")
    for name, mask in {"liver": organ(), "bone": np.roll(organ(), 2, 1)}.items():
        write_series(tmp_path / "MASKS_DICOM" / name, mask * 255, ending="", RescaleSlope=None)
    write_series(tmp_path / "LABELLED_DICOM", body() // 2, ending="", SeriesInstanceUID="1.2.9")
    pack(tmp_path / "MASKS_DICOM", tmp_path / "MASKS_DICOM.zip")
    data = open_ct(tmp_path, ReadOptions(organ="liver", size=8))
    assert np.array_equal(data.images[..., 0], body()[3:7, 3:11, 7:15])
    assert "folders of scans with labels drawn in, left out: 1" in notes(data)


@pytest.mark.parametrize("names", [{"1": "liver"}, {"liver": 1}, {"liver": 7}, None])
def test_files_of_labels_as_the_decathlon_has_them(tmp_path: Path, names: dict | None):
    shifts = {1: 1, 10: 3}
    for k, shift in shifts.items():
        write_nifti(tmp_path / "imagesTr" / f"liver_{k}_0000.nii.gz", body(seed=k))
        write_nifti(tmp_path / "labelsTr" / f"liver_{k}.nii.gz", np.roll(organ(), shift, 2))
    if names:
        (tmp_path / "dataset.json").write_text(json.dumps({"labels": {**names, "background": 0}}))
    if names == {"liver": 7}:
        with pytest.raises(GvaeError, match=r"the liver is empty in all labels below .*choose another --organ"):
            open_ct(tmp_path, ReadOptions(organ="liver", size=8))
        return
    data = open_ct(tmp_path, ReadOptions(organ="liver" if names else "1", size=8))
    assert data.facts["patients"] == 2
    assert sorted(image.tobytes() for image in data.images) == sorted(
        body(seed=k)[z, 3:11, 7 + shift : 15 + shift].tobytes() for k, shift in shifts.items() for z in range(3, 7)
    )


def test_splits_are_by_patient(tmp_path: Path):
    data = open_ct(patients(tmp_path, 10), ReadOptions(size=16))
    owners = {
        image.tobytes(): k for k in range(10) for image in open_ct(tmp_path / f"s{k:04}", ReadOptions(size=16)).images
    }
    who = {name: {owners[image.tobytes()] for image in data.images[part]} for name, part in data.splits.items()}
    assert {name: len(part) for name, part in who.items()} == {"train": 8, "val": 1, "test": 1}
    assert set.union(*who.values()) == set(range(10))
    assert "split by a hash of the patient: 10 patients, 8 train, 1 val, 1 test" in notes(data)
    assert data.facts["patients"] == data.facts["scans"] == 10


def test_a_patient_id_unites_folders_and_a_folder_unites_files(tmp_path: Path):
    for k in range(4):
        write_series(tmp_path / f"visit{k}", body(seed=k), SeriesInstanceUID=f"1.2.{k}", PatientID=f"p{k // 2}")
    data = open_ct(tmp_path, ReadOptions(size=16))
    assert (data.facts["patients"], data.facts["scans"]) == (2, 4)
    assert "there are 2 patients, so val and test are the slabs" in notes(data)
    for k in range(4):
        write_nifti(tmp_path / "n" / f"q{k // 2}" / f"scan{k}.nii", body(seed=9 + k))
    assert open_ct(tmp_path / "n", ReadOptions(size=16)).facts["patients"] == 2


def test_scans_that_share_slices_are_of_one_patient(tmp_path: Path):
    write_nifti(tmp_path / "a.nii", body())
    write_nifti(tmp_path / "b.nii", np.concatenate([body()[6:], body(seed=1)[:4]]))
    write_nifti(tmp_path / "c.nii", body(seed=2))
    write_nifti(tmp_path / "part.nii", body()[2:5])
    data = open_ct(tmp_path, ReadOptions(size=16))
    assert (data.facts["patients"], data.facts["scans"]) == (2, 3)
    assert "scans whose slices another scan has too, left out: 1" in notes(data)


def test_a_series_that_lies_there_twice_is_read_once(tmp_path: Path):
    write_series(tmp_path / "whole", body())
    write_series(tmp_path / "excerpt", body()[:4])
    data = open_ct(tmp_path, ReadOptions(size=16))
    assert len(data) == 12
    assert "series that lie there twice, the larger taken: 1" in notes(data)


def test_one_patient_is_divided_into_slabs(tmp_path: Path):
    hu = body((60, 16, 16))
    write_nifti(tmp_path / "a.nii", hu)
    data = open_ct(tmp_path)
    height = {image.tobytes(): z for z, image in enumerate(hu)}
    where = {name: [height[image.tobytes()] for image in data.images[part]] for name, part in data.splits.items()}
    assert where == {"train": [*range(42)], "val": [*range(45, 51)], "test": [*range(54, 60)]}
    assert "warning: this is no split by patient" in notes(data)
    assert "one patient" in notes(data)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 40)), min_size=1, max_size=80))
def test_slabs_never_touch_and_never_share_a_place(pairs: list[tuple[int, int]]):
    owner, height = np.array(pairs).T
    splits = by_slab(owner, height[:, None] * np.array([[0.0, 0, 2.5]]))
    assert len(np.unique(np.concatenate(list(splits.values())))) == sum(map(len, splits.values()))
    for patient in np.unique(owner):
        levels = [sorted({height[i] for i in part if owner[i] == patient}) for part in splits.values()]
        for lower, upper in pairwise(levels):
            assert not lower or not upper or lower[-1] < upper[0]
        n = len(np.unique(height[owner == patient]))
        assert len(levels[1]) == len(levels[2]) == (max(1, round(n / 10)) if n >= 5 else 0)


@pytest.mark.parametrize("places", [1, 4])
def test_a_few_places_are_all_for_training(places: int):
    splits, told = divide(["a"] * places, np.arange(3.0 * places).reshape(places, 3))
    assert {name: part.tolist() for name, part in splits.items()} == {"train": [*range(places)], "val": [], "test": []}
    assert told == ["all images are training images: one patient of too few places to hold any out"]


def test_nothing_of_the_patient_is_told(tmp_path: Path):
    write_series(tmp_path / "DOE_JANE", body(), StudyInstanceUID="1.2.840.99")
    write_series(tmp_path / "ROE_RICHARD", body(seed=1), SeriesInstanceUID="1.2.5", PatientID="0815")
    data = open_ct(tmp_path, ReadOptions(size=16))
    told = json.dumps([data.facts, data.spec.to_json()])
    for secret in (*TAGS.values(), "DOE", "ROE", "0815", "1.2.840.99", "1.2.3", "1.2.5"):
        assert secret not in told
    assert "dtype" not in told


def test_checksum_is_of_what_the_options_make_of_the_scans(tmp_path: Path):
    patients(tmp_path, 2)

    def checksum(**options) -> str:
        return open_ct(tmp_path, ReadOptions(**options)).facts["checksum"]

    first = checksum(size=8)
    assert first == checksum(size=8, window=(-600.0, 1500.0))  # what is stored stays the same
    others = [
        checksum(size=9),
        checksum(size=8, spacing=1.4),
        checksum(size=8, organ="liver"),
        checksum(size=8, organ="spleen"),
        checksum(form="volumes", block=8),
        checksum(form="volumes", block=4),
    ]
    assert len({first, *others}) == 7
    write_nifti(tmp_path / "s0000" / "segmentations" / "liver.nii.gz", np.roll(organ(), 1, 0))
    assert checksum(size=8, organ="liver") not in others


def test_checksum_is_of_the_content(tmp_path: Path):
    one = open_ct(patients(tmp_path / "a", 3), ReadOptions(size=16)).facts["checksum"]
    shutil.move(tmp_path / "a" / "s0001", tmp_path / "a" / "renamed")
    assert open_ct(tmp_path / "a", ReadOptions(size=16)).facts["checksum"] == one
    write_nifti(tmp_path / "a" / "renamed" / "ct.nii.gz", body(seed=77))
    assert open_ct(tmp_path / "a", ReadOptions(size=16)).facts["checksum"] != one


def test_broken_scans_can_be_skipped(tmp_path: Path):
    patients(tmp_path, 4)
    file = tmp_path / "s0002" / "ct.nii.gz"
    file.write_bytes(file.read_bytes()[:2000])
    data = open_ct(tmp_path, ReadOptions(size=16, skip_broken=True))
    assert (data.facts["scans"], len(data)) == (3, 36)
    assert data.facts["skipped"][0].startswith("s0002/ct.nii.gz is cut")
    assert f"skipped {data.facts['skipped'][0]}" in data.facts["notes"]
    file.rename(tmp_path / "only.nii.gz")
    for k in (0, 1, 3):
        shutil.rmtree(tmp_path / f"s{k:04}")
    with pytest.raises(GvaeError, match=r"none of the 1 scans below .* can be read, as: only\.nii\.gz is cut"):
        open_ct(tmp_path, ReadOptions(size=16, skip_broken=True))


def test_scans_of_different_scale_are_pointed_at(tmp_path: Path):
    write_nifti(tmp_path / "a.nii", body())
    write_nifti(tmp_path / "b.nii", body(seed=1), affine((2.5, 1.6, 1.4)))
    assert "0.70 to 1.40 mm per pixel" in notes(open_ct(tmp_path, ReadOptions(size=20)))
    assert "scans differ in scale, --spacing 1 makes them alike" in notes(open_ct(tmp_path, ReadOptions(size=20)))
    assert "differ" not in notes(open_ct(tmp_path, ReadOptions(size=20, spacing=1)))


def test_numbers_that_may_be_no_hounsfield_units_are_pointed_at(tmp_path: Path):
    write_nifti(tmp_path / "a.nii", body() + np.int16(1024))
    assert "warning: scans with nothing below -200 HU; check that they are in Hounsfield units: 1" in notes(
        open_ct(tmp_path, ReadOptions(size=16))
    )


@pytest.mark.parametrize("limit", [0, 2**30])
def test_gathering_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int):
    monkeypatch.setattr(stack, "IN_MEMORY", limit)
    patients(tmp_path / "a", 3)
    plain = open_ct(tmp_path / "a", ReadOptions(size=16))
    filed = open_ct(tmp_path / "a", ReadOptions(size=16), scratch=tmp_path / "images.npy")
    assert isinstance(plain.images, np.memmap) == (limit == 0)
    assert isinstance(filed.images, np.memmap)
    assert np.array_equal(plain.images, filed.images)
    assert np.array_equal(np.load(tmp_path / "images.npy"), plain.images)


def test_a_single_file_and_an_archive(tmp_path: Path):
    file = write_nifti(tmp_path / "a.nii.gz", body())
    assert len(open_ct(file, ReadOptions(size=16))) == 12
    write_series(tmp_path / "dicom", body(), ending="")
    archive = pack(tmp_path / "dicom", tmp_path / "dicom.zip")
    apart = open_ct(archive, ReadOptions(size=16)).images.astype(int) - open_ct(file, ReadOptions(size=16)).images
    assert np.abs(apart).max() <= 1  # NIfTI keeps the spacing in 32 bits


def test_real_ircad_slices_and_liver(data_root: Path):
    data = open_ct(data_root / "ct_3dircadb01_17", ReadOptions(organ="liver", size=256, spacing=1.5))
    assert data.images.shape == (113, 256, 256, 1)
    assert "series that lie there twice, the larger taken: 1" in notes(data)  # the excerpt
    middle = data.images[:, 96:160, 96:160]
    assert 60 < np.median(middle) < 150  # liver in the portal venous phase
    told = json.dumps(data.facts)
    assert "liver_17" not in told
    assert "20090527" not in told


def test_real_totalsegmentator_example_is_one_patient(data_root: Path):
    data = open_ct(data_root / "ct_totalsegmentator_example", ReadOptions(size=128))
    assert data.images.shape == (112, 128, 128, 1)
    assert "scans whose slices another scan has too, left out: 1" in notes(data)
    pancreas = open_ct(data_root / "ct_totalsegmentator_example", ReadOptions(organ="pancreas", size=64))
    assert pancreas.images.shape == (18, 64, 64, 1)
    assert "scans without labels of the organ, left out: 1" in notes(pancreas)
