"""The prepared form: what is written is read, what was damaged is named."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvae.data import open_data, prepare
from gvae.data.dataset import Dataset
from gvae.data.prepared import store
from gvae.data.prepared.store import read_prepared, write_prepared
from gvae.errors import GvaeError
from gvae.types import DataSpec


def volumes() -> Dataset:
    """Labelled volumes with every field filled."""
    named = {"classes": ("ill", "well"), "attributes": ("contrast", "child")}
    spec = DataSpec("scans", 1, (3, 4, 5), **named, low=-1000.0, high=400.0, unit="HU")
    images = np.random.default_rng(0).integers(-1024, 3000, (10, 3, 4, 5, 1), dtype=np.int16)
    splits = {"train": np.arange(7), "val": np.array([7]), "test": np.array([8, 9])}
    facts = {"checksum": "sha256:0", "source": "made up", "licence": "CC0", "notes": ["nothing was done"]}
    attributes = np.stack([np.arange(10) % 2, np.arange(10) % 3 == 0], 1).astype(np.uint8)
    return Dataset(spec, images, np.arange(10) % 2, splits, facts, attributes)


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A prepared folder."""
    return write_prepared(volumes(), tmp_path / "scans")


def test_round_trip(prepared: Path):
    data, original = read_prepared(prepared, verify=True), volumes()
    assert isinstance(data.images, np.memmap)
    assert data.images.dtype == np.int16
    assert np.array_equal(data.images, original.images)
    assert data.labels is not None
    assert np.array_equal(data.labels, np.arange(10) % 2)
    assert data.attributes is not None
    assert np.array_equal(data.attributes, original.attributes)
    assert data.spec == original.spec
    assert data.facts == original.facts
    assert {name: part.tolist() for name, part in data.splits.items()} == {
        "train": list(range(7)), "val": [7], "test": [8, 9],
    }  # fmt: skip
    assert (data.batch([3, 9]).x == original.batch([3, 9]).x).all()
    opened = open_data(str(prepared))
    assert opened.facts == {**original.facts, "citation": "", "options": {}}
    assert opened.opened_as == str(prepared)


def test_written_in_pieces(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "CHUNK", 300)
    again = write_prepared(volumes(), tmp_path / "again")
    assert (again / "images.npy").read_bytes() == (prepared / "images.npy").read_bytes()
    assert np.array_equal(np.load(again / "images.npy"), volumes().images)


@pytest.mark.parametrize("keep", [0, 50, -1])
def test_cut_images_are_named(prepared: Path, keep: int):
    file = prepared / "images.npy"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(GvaeError, match=r"images\.npy is cut or damaged: \d+ of \d+ bytes; .*gvae data prepare"):
        open_data(str(prepared))


def test_missing_and_changed_files_are_named(prepared: Path):
    labels = prepared / "labels.npy"
    data = bytearray(labels.read_bytes())
    data[-8] ^= 1
    labels.write_bytes(data)
    with pytest.raises(GvaeError, match=r"labels\.npy was changed since it was written"):
        read_prepared(prepared)
    labels.unlink()
    with pytest.raises(GvaeError, match=r"labels\.npy is missing"):
        read_prepared(prepared)


def test_changed_images_are_found_on_demand(prepared: Path):
    file = prepared / "images.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    assert len(read_prepared(prepared)) == 10
    with pytest.raises(GvaeError, match=r"images\.npy was changed"):
        read_prepared(prepared, verify=True)


def test_damaged_or_foreign_json(prepared: Path):
    file = prepared / "dataset.json"
    text = json.loads(file.read_text())
    file.write_text(json.dumps({**text, "format": 99}))
    with pytest.raises(GvaeError, match="has format 99, this gvae reads format 1"):
        open_data(str(prepared))
    file.write_text("{}")
    with pytest.raises(GvaeError, match=r"dataset\.json is damaged or not of gvae: it lacks facts, files, format"):
        open_data(str(prepared))
    file.write_text('{"format": 1, "sp')
    with pytest.raises(GvaeError, match=r"dataset\.json is damaged"):
        open_data(str(prepared))
    file.unlink()
    with pytest.raises(GvaeError, match=r"is not prepared data: it has no dataset.json"):
        read_prepared(prepared)


def test_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GvaeError, match=r"could not write .*scans: .*No space left.*--out"):
        write_prepared(volumes(), tmp_path / "scans")
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_not_overwritten(prepared: Path):
    before = (prepared / "images.npy").read_bytes()
    with pytest.raises(GvaeError, match="exists already; remove it or choose another --out"):
        prepare("digits", prepared)
    assert (prepared / "images.npy").read_bytes() == before


def test_prepare_a_folder_by_way_of_a_scratch_file(tmp_path: Path):
    random = np.random.default_rng(0)
    for i in range(12):
        folder = tmp_path / "photos" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    direct = open_data(str(tmp_path / "photos"), size=16)
    data = prepare(str(tmp_path / "photos"), tmp_path / "new" / "set", size=16)
    assert isinstance(data.images, np.memmap)
    assert np.array_equal(data.images, direct.images)
    assert data.labels is not None
    assert direct.labels is not None
    assert np.array_equal(data.labels, direct.labels)
    assert data.spec == direct.spec
    assert data.facts.pop("prepared") == {"data": str(tmp_path / "photos"), **direct.facts.pop("options")}
    assert direct.opened_as == str(tmp_path / "photos")
    assert data.facts == direct.facts
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["set"]


def test_options_of_prepared_data(prepared: Path):
    assert open_data(str(prepared), size=5).spec.shape == (3, 4, 5)
    with pytest.raises(GvaeError, match="was prepared at 5 pixels, not 32"):
        open_data(str(prepared), size=32)
    with pytest.raises(GvaeError, match="option fit does not apply to prepared data"):
        open_data(str(prepared), fit="pad")
