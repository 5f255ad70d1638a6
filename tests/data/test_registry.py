"""From a word on the command line to a data set; what `inspect` says about it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvae.config import TrainConfig
from gvae.data import DATASETS, default_root, load_object, open_data, options_of
from gvae.data.dataset import Dataset
from gvae.data.options import OPTIONS, ReadOptions
from gvae.data.prepared.inspect import contact_sheet, describe, inspect
from gvae.data.sources.array import open_array
from gvae.errors import GvaeError
from gvae.runs import Run
from gvae.types import DataSpec


def stripes(root: Path | None = None, size: int = 8) -> Dataset:
    """A data set of outside code."""
    images = np.zeros((4, size, size, 1), np.uint8)
    images[:, ::2] = 255
    return Dataset(DataSpec("stripes", 1, (size, size)), images, splits={"train": np.arange(4)})


def test_every_source_is_described_and_can_be_imported():
    for name, source in DATASETS.items():
        assert source.name == name
        assert source.about
        assert source.licence
        assert isinstance(source.open, str)
        assert set(source.options) <= {*OPTIONS, "scratch"}
        assert callable(load_object(source.open))


def test_listing_needs_neither_torch_nor_numpy():
    code = "import sys, gvae.data; print([m for m in ('torch', 'numpy', 'sklearn', 'PIL') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_digits():
    data = open_data("digits", root="a folder that is not needed")
    assert data.images.shape == (1797, 8, 8, 1)
    assert data.labels is not None
    assert data.labels[:10].tolist() == list(range(10))
    assert np.concatenate(list(data.splits.values())).size == 1797
    x = data.batch(data.split("train")).x
    assert (x.min().item(), x.max().item()) == (-1.0, 1.0)
    assert data.facts["licence"].startswith("CC BY 4.0")
    assert data.facts["checksum"].startswith("sha256:")
    json.dumps(data.facts)


def test_wrong_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    known = f"Known: {', '.join(sorted(DATASETS))}; or give the path"
    with pytest.raises(GvaeError, match=f"no data set 'mnits'; did you mean 'mnist'.*{known}"):
        open_data("mnits")
    with pytest.raises(GvaeError, match="no data set 'xyz'"):
        open_data("xyz")
    (tmp_path / "holiday").mkdir()
    with pytest.raises(GvaeError, match=f"no data set or folder hollyday; did you mean {tmp_path}/holiday"):
        open_data("hollyday")
    with pytest.raises(GvaeError, match="has no folder of that name"):
        open_data("./nowhere/at/all")
    with pytest.raises(GvaeError, match="option size does not apply to digits data"):
        open_data("digits", size=16)
    with pytest.raises(GvaeError, match="which folder"):
        open_data("folder")


def test_outside_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "outside_stripes.py").write_text(Path(__file__).read_text())
    monkeypatch.syspath_prepend(tmp_path)
    data = open_data("outside_stripes:stripes", size=6)
    assert data.images.shape == (4, 6, 6, 1)
    assert data.facts["source"] == "outside_stripes:stripes"
    with pytest.raises(GvaeError, match="no name in outside_stripes 'stripe'; did you mean 'stripes'"):
        open_data("outside_stripes:stripe")
    with pytest.raises(GvaeError, match=r"cannot import outside_stars .*package\.module:name"):
        open_data("outside_stars:stripes")


def test_an_unknown_option_gets_the_nearest():
    with pytest.raises(GvaeError, match="no option of data called 'sise'; did you mean 'size'"):
        open_data("digits", sise=8)
    with pytest.raises(GvaeError, match="option window does not apply to folder data, which takes size, fit"):
        open_data("folder", window=(40.0, 400.0))


def test_zero_is_an_option_that_was_given():
    with pytest.raises(GvaeError, match="--size is 0; it must be from 4 to 65,535"):
        open_data("digits", size=0)


def run_on(data: str, spec: DataSpec, **about) -> Run:
    """A run that remembers its data."""
    return Run(Path("run"), "vae", {}, TrainConfig(), data, spec, {"data": about})


def test_a_run_reads_its_data_as_it_was_for_training(tmp_path: Path):
    photos = DataSpec("photos", 1, (16, 16))
    facts = {"options": {"size": 16, "fit": "pad"}, "skipped": ["a.png: cut"]}
    run = run_on(str(tmp_path), photos, **facts)
    assert options_of(run) == {"size": 16, "channels": 1, "fit": "pad", "skip_broken": True}
    assert options_of(run, str(tmp_path)) == options_of(run)
    assert options_of(run, "digits") == {}
    (tmp_path / "other").mkdir()
    assert options_of(run, f"folder:{tmp_path}/other") == {"size": 16, "channels": 1}


def test_outside_code_is_given_again_what_it_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "outside_again.py").write_text(Path(__file__).read_text())
    monkeypatch.syspath_prepend(tmp_path)
    data = open_data("outside_again:stripes", size=6)
    assert data.facts["options"] == {"size": 6}
    assert options_of(run_on("outside_again:stripes", data.spec, **data.facts)) == {"size": 6}
    with pytest.raises(GvaeError, match="option crop does not apply to outside_again:stripes data"):
        open_data("outside_again:stripes", crop=6)


def test_default_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("GVAE_DATA", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.delenv("GVAE_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_root() == tmp_path / "cache" / "gvae" / "data"
    with pytest.raises(GvaeError, match="gvae data fetch mnist"):
        open_data("mnist")


def test_inspect_counts_and_averages(monkeypatch: pytest.MonkeyPatch):
    data = open_data("digits")
    monkeypatch.setattr("gvae.data.prepared.inspect.CHUNK", 1000)
    about = inspect(data)
    train = data.images[data.split("train")] / 16
    assert about["mean"] == pytest.approx(train.mean())
    assert about["std"] == pytest.approx(train.std())
    assert sum(about["classes"]["train"].values()) == about["splits"]["train"] == 1439
    assert about["shape"] == [8, 8]
    assert about["stored"]["type"] == "uint8"
    text = describe(json.loads(json.dumps(about)))
    assert "digits: 1797 images, 8 x 8 pixels" in text
    assert "16 becomes +1" in text
    assert "licence   CC BY" in text


def test_moments_of_scans_are_those_of_what_networks_see(monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(0)
    images = random.integers(-1024, 3000, (9, 6, 6, 1)).astype(np.int16)
    images[0, 0, 0], images[0, 0, 1] = -32768, 32767
    spec = DataSpec("ct", 1, (6, 6), low=-160, high=240, unit="HU")
    data = Dataset(spec, images, splits={"train": np.arange(7)})
    monkeypatch.setattr("gvae.data.prepared.inspect.CHUNK", 80)
    about = inspect(data)
    seen = (data.batch(np.arange(7)).x.double().numpy() + 1) / 2
    assert about["mean"] == pytest.approx(seen.mean(), abs=1e-7)
    assert about["std"] == pytest.approx(seen.std(), abs=1e-7)
    assert (about["stored"]["min"], about["stored"]["max"]) == (-32768, 32767)


def test_attributes_are_counted_in_every_split():
    spec = DataSpec("faces", 1, (4, 4), attributes=("Smiling", "Male"))
    attributes = np.array([[1, 0], [1, 1], [0, 0], [1, 0]], np.uint8)
    splits = {"train": np.arange(3), "val": np.array([3])}
    about = inspect(Dataset(spec, np.zeros((4, 4, 4, 1), np.uint8), None, splits, {}, attributes))
    assert about["attributes"] == {"train": {"Smiling": 2, "Male": 1}, "val": {"Smiling": 1, "Male": 0}}
    assert "attributes  train: Smiling 2, Male 1" in describe(about)


def test_contact_sheet_shows_what_the_network_sees(tmp_path: Path):
    data = stripes()
    with Image.open(contact_sheet(data, tmp_path / "sheet.png", n=4)) as sheet:
        levels = set(np.unique(np.asarray(sheet)))
    assert {0, 255} <= levels
    with pytest.raises(GvaeError, match="no test images"):
        contact_sheet(data, tmp_path / "sheet.png", split="test")
    with pytest.raises(GvaeError, match="of 0 images is empty"):
        contact_sheet(data, tmp_path / "sheet.png", n=0)


SMALL: dict[str, tuple[str, dict]] = {
    **{name: (name, {}) for name in ("digits", "toy4", "mnist", "fashion-mnist", "mnist-dynamic", "mnist-static")},
    **{name: (name, {}) for name in ("cifar10", "char74k", "pancreas-ct")},
    "celeba": ("celeba:{root}/celeba/full_178x218", {"size": 8}),
    "celeba-hq": ("celeba-hq:{root}/celeba_hq/512_with_masks", {"size": 8}),
    "ffhq": ("ffhq", {"size": 8}),
    "lsun": ("lsun:{root}/lsun_bedroom_subset/bedroom_jpg", {"size": 8}),
    "folder": ("{root}/lsun_bedroom_subset/bedroom_jpg", {"size": 8}),
    "ct": ("ct:{root}/ct_totalsegmentator_example/example_ct.nii.gz", {"size": 8}),
}
"""each source on little data; the hub's and shards are read by what reads folders"""


def test_all_sources_are_tried():
    assert DATASETS.keys() - SMALL.keys() == {"hub", "wds"}


@pytest.mark.parametrize("name", SMALL)
def test_every_source_has_a_checksum_of_its_content(name: str, real_root: Path):
    where, options = SMALL[name]
    facts = open_data(where.format(root=real_root), real_root if where == name else None, **options).facts
    assert re.fullmatch("sha256:[0-9a-f]{64}", facts["checksum"])
    assert facts["options"] == options


def test_checksums_of_unlike_images_differ(real_root: Path):
    names = ("mnist", "fashion-mnist", "mnist-static")
    sums = [open_data(name, real_root).facts["checksum"] for name in names]
    assert len(set(sums)) == 3
    photos = str(real_root / "lsun_bedroom_subset" / "bedroom_jpg")
    ways = [{"size": 8}, {"size": 9}, {"size": 8, "fit": "pad"}, {"size": 8, "channels": 1}]
    assert len({open_data(photos, **way).facts["checksum"] for way in ways}) == 4


def pixels(count: int, *shape: int) -> np.ndarray:
    """Random images."""
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def test_arrays_are_a_data_set():
    for shape, kept in (((8, 6), (8, 6, 1)), ((8, 6, 3), (8, 6, 3)), ((4, 5, 6, 1), (4, 5, 6, 1))):
        images = pixels(60, *shape)
        data = open_array(images, np.arange(60) % 3)
        assert (data.images.shape, data.spec.shape) == ((60, *kept), kept[:-1])
        assert np.array_equal(data.images.reshape(images.shape), images)
        assert (data.spec.classes, data.spec.channels) == (("0", "1", "2"), kept[-1])
        assert data.labels is not None
        assert np.array_equal(data.labels, np.arange(60) % 3)
        assert sorted(np.concatenate(list(data.splits.values()))) == list(range(60))
        assert all(len(part) for part in data.splits.values())
    assert open_array(pixels(4, 8, 8)).labels is None


def test_an_image_more_moves_no_other_of_an_array():
    images = pixels(90, 8, 8)
    more = open_array(np.concatenate([images[60:], images[:60]]))
    few = open_array(images[:60])
    for name, part in few.splits.items():
        assert set(part + 30) <= set(more.splits[name])
    assert more.facts["checksum"] != few.facts["checksum"] == open_array(images[:60].copy()).facts["checksum"]


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (pixels(4, 8, 8) / 255, None, r"images are float64; give uint8"),
        (pixels(4, 8), None, r"images have shape \(4, 8\)"),
        (pixels(4, 8, 8, 2), None, r"with 1 or 3 channels"),
        (pixels(0, 8, 8), None, r"images have shape \(0, 8, 8, 1\)"),
        (pixels(4, 8, 8), [0, 1], r"labels are int64 of shape \(2,\); give 4 integers"),
    ],
)
def test_wrong_arrays(images: np.ndarray, labels: list[int] | None, message: str):
    with pytest.raises(GvaeError, match=message):
        open_array(images, labels)


def all_at_once(root: Path | None = None, options: ReadOptions = ReadOptions(), scratch=None) -> Dataset:  # noqa: B008
    """A data set of outside code that takes its options as one value."""
    side = options.otherwise(size=8).size
    assert side is not None
    return Dataset(DataSpec("plain", 1, (side, side)), np.full((3, side, side, 1), options.crop or 0, np.uint8))


def test_outside_code_may_take_all_options_as_one_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "outside_all.py").write_text(Path(__file__).read_text())
    monkeypatch.syspath_prepend(tmp_path)
    assert open_data("outside_all:all_at_once").spec.shape == (8, 8)
    data = open_data("outside_all:all_at_once", size=6, crop=9)
    assert data.images[0, 0, 0, 0] == 9
    assert data.facts["options"] == {"size": 6, "crop": 9}


def test_outside_code_gets_a_checksum_of_what_it_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "outside_sums.py").write_text(Path(__file__).read_text())
    monkeypatch.syspath_prepend(tmp_path)
    sums = [open_data("outside_sums:stripes", size=size).facts["checksum"] for size in (6, 8, 6)]
    assert sums[0] == sums[2] != sums[1]
