"""Pancreas-CT: the release with its labels, and the crops; patients, copies, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvae.data.options import ReadOptions
from gvae.data.sources.pancreas_crops import COPIES
from gvae.data.sources.pancreas_ct import open_pancreas_ct
from gvae.errors import GvaeError
from tests.data.ct.ct_files import body, pack, write_nifti, write_series

pytest.importorskip("pydicom")
pytest.importorskip("nibabel")

LABELS = "TCIA_pancreas_labels-02-05-2017"
NUMBERS = (1, 2, 3, 4, 5, 25, 70)


def pancreas(k: int) -> np.ndarray:
    """A box within the body, of another place in each patient."""
    mask = np.zeros((12, 16, 20), np.uint8)
    mask[3:6, 6:9, 6 + k % 4 : 10 + k % 4] = 1
    return mask


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Seven patients; the labels' axes run to the left, front and head, and their place is not the scan's."""
    root = tmp_path / "data" / "pancreas_ct"
    for k in NUMBERS:
        name = f"PANCREAS_{k:04}"
        tags = {"SeriesInstanceUID": f"1.2.{k}", "PatientID": name}
        write_series(root / "Pancreas-CT" / name / "11-24-2015" / "Pancreas-1", body(seed=k), **tags)
        stored = pancreas(k).transpose(2, 1, 0)[:, ::-1]
        write_nifti(root / LABELS / f"label{k:04}.nii.gz", stored, np.diag([-0.7, 0.8, 2.5, 1]))
    return root.parent


def write_crops(root: Path) -> Path:
    """Crops of seven patients, two each, of any size."""
    (root / "crops").mkdir(parents=True)
    with (root / "index.csv").open("w", newline="") as stream:
        out = csv.writer(stream)
        out.writerow(["file", "patient", "slice_index", "width", "height"])
        for k in NUMBERS:
            for z in (9, 10):
                name = f"PANCREAS_{k:04}_slice_{z}.png"
                Image.new("L", (20 + k, 10), 100 + k).save(root / "crops" / name)
                out.writerow([name, f"PANCREAS_{k:04}", z, 20 + k, 10])
    return root


def test_slices_of_the_release_are_split_by_patient(release: Path):
    data = open_pancreas_ct(release, ReadOptions(size=16))
    assert data.spec.name == "pancreas-ct"
    assert data.images.shape == (7 * 12, 16, 16, 1)
    assert (data.spec.low, data.spec.high, data.spec.unit) == (-160, 240, "HU")
    assert data.facts["patients"] == 5
    assert "subset: 7 of the 80 patients" in data.facts["notes"]
    assert {len(part) % 12 for part in data.splits.values()} == {0}


def test_copies_share_a_split(release: Path):
    data = open_pancreas_ct(release, ReadOptions(form="volumes", block=12))
    own = {body(seed=k)[:, 2:14, 4:16].tobytes(): k for k in NUMBERS}
    split = {own[data.images[i].tobytes()]: name for name, part in data.splits.items() for i in part}
    assert len(split) == 7
    assert COPIES == {"0025": "0002", "0070": "0002"}
    assert split[2] == split[25] == split[70]
    assert sorted({*split.values()}) == ["test", "train", "val"]


def test_crops_around_the_pancreas(release: Path):
    data = open_pancreas_ct(release, ReadOptions(organ="pancreas", size=8))
    assert sorted(image.tobytes() for image in data.images) == sorted(
        body(seed=k)[z, 3:11, 4 + k % 4 : 12 + k % 4].tobytes() for k in NUMBERS for z in (3, 4, 5)
    )
    cubes = open_pancreas_ct(release, ReadOptions(organ="pancreas", form="volumes", block=8))
    assert cubes.images.shape == (7, 8, 8, 8, 1)


def test_labels_beside_the_collection_and_in_an_archive(release: Path):
    whole = open_pancreas_ct(release, ReadOptions(organ="pancreas", size=8)).facts["checksum"]
    place = release / "pancreas_ct"
    assert open_pancreas_ct(place / "Pancreas-CT", ReadOptions(organ="pancreas", size=8)).facts["checksum"] == whole
    pack(place / LABELS, place / f"{LABELS}.zip")
    assert open_pancreas_ct(place / "Pancreas-CT", ReadOptions(organ="pancreas", size=8)).facts["checksum"] == whole


def test_a_label_that_is_missing_leaves_its_scan_out(release: Path):
    (release / "pancreas_ct" / LABELS / "label0003.nii.gz").unlink()
    data = open_pancreas_ct(release, ReadOptions(organ="pancreas", size=8))
    assert data.facts["scans"] == 6
    assert "scans without labels of the organ, left out: 1" in data.facts["notes"]


def test_nothing_of_the_patients_is_told(release: Path):
    told = json.dumps(open_pancreas_ct(release, ReadOptions(size=16)).facts)
    for secret in ("DOE", "PANCREAS_0001", "19600102", "11-24-2015"):
        assert secret not in told


def test_crops_are_padded_and_scaled(tmp_path: Path):
    data = open_pancreas_ct(write_crops(tmp_path / "crops_of_pancreas"), ReadOptions(size=16))
    assert data.spec.name == "pancreas-ct-crops"
    assert (data.spec.low, data.spec.high, data.spec.unit) == (0, 255, "gray level (-150 to 250 HU)")
    assert data.images.shape == (14, 16, 16, 1)
    assert data.images[:, 8, 8, 0].tolist() == [100 + k for k in NUMBERS for _ in range(2)]
    assert (data.images[:, 0] == 0).all()  # 10 of 21 rows and more are black
    split = {
        k: {name for name, part in data.splits.items() if {2 * i, 2 * i + 1} & set(part)} for i, k in enumerate(NUMBERS)
    }
    assert split[2] == split[25] == split[70]
    assert {len(names) for names in split.values()} == {1}
    assert "split by a hash of the patient: 5 patients, " in "\n".join(data.facts["notes"])


def test_broken_crops_can_be_skipped(tmp_path: Path):
    root = write_crops(tmp_path / "all")
    (root / "crops" / "PANCREAS_0003_slice_9.png").write_bytes(b"no")
    with pytest.raises(GvaeError, match=r"PANCREAS_0003_slice_9\.png cannot be read.*--skip-broken"):
        open_pancreas_ct(root)
    data = open_pancreas_ct(root, ReadOptions(skip_broken=True))
    assert len(data) == 13
    assert data.facts["skipped"][0].startswith("crops/PANCREAS_0003_slice_9.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "volumes"}, r"--form volumes does not apply to the crops .*leave it out"),
        ({"spacing": 1.0}, r"--spacing does not apply"),
        ({"window": (40.0, 400.0)}, r"--window does not apply .*-150 to 250 HU"),
        ({"organ": "liver"}, r"labels of the pancreas only, not of liver; type --organ pancreas"),
    ],
)
def test_options_that_crops_do_not_know(tmp_path: Path, options: dict, message: str):
    with pytest.raises(GvaeError, match=message):
        open_pancreas_ct(write_crops(tmp_path / "all"), ReadOptions(**options))


def test_what_is_no_pancreas_ct(release: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(GvaeError, match=r"pancreas-ct was not found below .*cancerimagingarchive.*label0001\.nii\.gz"):
        open_pancreas_ct(tmp_path / "empty")
    crops = write_crops(release / "crops_of_pancreas")
    with pytest.raises(GvaeError, match=r"2 folders of pancreas-ct .*choose one, as in pancreas-ct:"):
        open_pancreas_ct(release)
    (crops / "index.csv").write_text("file\ncat.png\n")
    with pytest.raises(GvaeError, match=r"index\.csv lists 'cat\.png', which is no crop .*get it anew"):
        open_pancreas_ct(crops)
    (crops / "index.csv").write_text("")
    with pytest.raises(GvaeError, match=r"index\.csv lists '', which is no crop"):
        open_pancreas_ct(crops)
    write_series(release / "pancreas_ct" / "other", body(seed=99), SeriesInstanceUID="1.2.99")
    with pytest.raises(GvaeError, match=r"other is not of pancreas-ct: .*move it away"):
        open_pancreas_ct(release / "pancreas_ct")


def test_labels_that_are_not_the_scan_s(release: Path):
    place = release / "pancreas_ct" / LABELS
    stored = pancreas(1).transpose(2, 1, 0)
    write_nifti(place / "label0001.nii.gz", stored[1:], np.diag([-0.7, -0.8, 2.5, 1]))
    with pytest.raises(GvaeError, match=r"label0001\.nii\.gz is on another grid than its scan .*one version"):
        open_pancreas_ct(release, ReadOptions(organ="pancreas", size=8))
    corner = np.zeros((20, 16, 12), np.uint8)
    corner[:3, :3] = 1
    write_nifti(place / "label0001.nii.gz", corner, np.diag([-0.7, -0.8, 2.5, 1]))
    with pytest.raises(GvaeError, match=r"label0001\.nii\.gz marks voxels of -\d+ HU in the middle, no pancreas"):
        open_pancreas_ct(release, ReadOptions(organ="pancreas", size=8))
    for file in place.iterdir():
        file.unlink()
    with pytest.raises(GvaeError, match=r"holds no labels of the pancreas .*Get the collection"):
        open_pancreas_ct(release, ReadOptions(organ="pancreas", size=8))


def test_real_crops(data_root: Path):
    data = open_pancreas_ct(data_root)
    assert data.images.shape == (809, 64, 64, 1)
    assert data.facts["patients"] == 80
    assert "61 train, 9 val, 10 test" in "\n".join(data.facts["notes"])
    with Image.open(data_root / "tcia_pancreas_ct_crops/crops/PANCREAS_0001_slice_113.png") as image:
        assert abs(float(data.images[0][data.images[0] > 0].mean()) - float(np.asarray(image).mean())) < 8
