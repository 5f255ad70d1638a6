"""LSUN: LMDBs in the order of their keys, splits and classes by the names of folders, and image files."""

from __future__ import annotations

import hashlib
import multiprocessing
import pickle
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvae.data import open_data, prepare
from gvae.data.arrays.items import Item
from gvae.data.options import ReadOptions
from gvae.data.sources import lmdbs
from gvae.data.sources.lsun import open_lsun
from gvae.errors import GvaeError
from tests.data.sources.face_files import photo, ramp

lmdb = pytest.importorskip("lmdb", reason='needs the package lmdb: pip install "gvae[lsun]"')


def key(seed: int) -> str:
    """40 hexadecimal digits, as LSUN's keys have."""
    return hashlib.sha1(str(seed).encode()).hexdigest()


def encoded(seed: int, size: tuple[int, int]) -> bytes:
    """An image without loss, WebP and PNG in turn."""
    stream = BytesIO()
    image = Image.fromarray(ramp(seed, size))
    image.save(stream, *(["WEBP"] if seed % 2 else ["PNG"]), **({"lossless": True, "exact": True} if seed % 2 else {}))
    return stream.getvalue()


def scene(folder: Path, count: int, start: int = 0, size: tuple[int, int] = (12, 10)) -> list[int]:
    """Write an LMDB; returns the seeds of its images in the order of their keys."""
    folder.mkdir(parents=True)
    seeds = list(range(start, start + count))
    with lmdb.open(str(folder), map_size=2**22) as base, base.begin(write=True) as part:
        for seed in seeds:
            part.put(key(seed).encode(), encoded(seed, size))
    (folder / "lock.mdb").unlink()
    return sorted(seeds, key=key)


def middle(seed: int) -> np.ndarray:
    """The middle of an image of 12x10 pixels."""
    return ramp(seed, (12, 10))[:, 1:11]


def test_images_come_in_the_order_of_their_keys(tmp_path: Path):
    seeds = scene(tmp_path / "bedroom_train_lmdb", 20)
    data = open_lsun(tmp_path)
    assert data.spec.name == "lsun-bedroom-subset"
    assert data.spec.shape == (10, 10)
    assert np.array_equal(data.images, np.stack([middle(seed) for seed in seeds]))
    assert data.labels is None
    assert sorted(np.concatenate(list(data.splits.values()))) == list(range(20))
    assert all(len(part) for part in data.splits.values())
    assert data.facts["notes"][:2] == [
        "subset: 20 of the 3033042 training images of bedroom",
        "all images are of the official train part; split about 80/10/10 by a hash of the file content",
    ]
    assert sorted(path.name for path in (tmp_path / "bedroom_train_lmdb").iterdir()) == ["data.mdb"]


def test_official_validation_images_are_the_test_split(tmp_path: Path):
    scene(tmp_path / "tower_train_lmdb", 20)
    held = scene(tmp_path / "tower_val_lmdb", 5, start=50)
    scene(tmp_path / "test_lmdb", 3, start=90)
    for root in (tmp_path, tmp_path / "tower_train_lmdb"):
        data = open_lsun(root)
        assert len(data) == 25
        assert np.array_equal(data.images[data.split("test")], np.stack([middle(seed) for seed in held]))
        assert len(data.split("val")) + len(data.split("train")) == 20
        assert "val is about a tenth of train, by a hash of the file content" in data.facts["notes"]
        assert "subset: 20 of the 708264 training images of tower" in data.facts["notes"]


def test_several_categories_are_classes(tmp_path: Path):
    scene(tmp_path / "tower_train_lmdb", 6)
    scene(tmp_path / "cat", 4, start=50)
    photo(tmp_path / "church_outdoor_jpg" / "0" / "a.jpg", 70, (12, 10))
    photo(tmp_path / "church_outdoor_jpg" / "1" / "b.webp", 71, (12, 10))
    data = open_lsun(tmp_path)
    assert data.spec.name == "lsun-subset"
    assert data.spec.classes == ("cat", "church_outdoor", "tower")
    assert data.labels is not None
    assert data.labels.tolist() == [0] * 4 + [1] * 2 + [2] * 6
    assert np.array_equal(data.images[4], middle(70))
    only = open_lsun(tmp_path, category="tower")
    assert np.array_equal(only.images, data.images[6:])
    assert (only.spec.name, only.spec.classes) == ("lsun-tower-subset", ())
    with pytest.raises(GvaeError, match=r"no category of LSUN here called 'towr'; did you mean 'tower'"):
        open_lsun(tmp_path, category="towr")


def test_other_names_and_object_categories(tmp_path: Path):
    scene(tmp_path / "rooms", 5)
    assert open_lsun(tmp_path / "rooms").spec.name == "lsun-rooms"
    photo(tmp_path / "files" / "a.png", 1, (12, 10))
    assert open_lsun(tmp_path / "files").spec.name == "lsun-files"


def test_sizes_and_fits(tmp_path: Path):
    scene(tmp_path / "bedroom_train_lmdb", 3)
    assert open_lsun(tmp_path, ReadOptions(size=6)).spec.shape == (6, 6)
    assert (open_lsun(tmp_path, ReadOptions(fit="pad")).images[:, 0] == 0).all()
    scene(tmp_path / "bedroom_val_lmdb", 2, start=50, size=(10, 14))
    data = open_lsun(tmp_path)
    assert data.spec.shape == (64, 64)
    assert any("2 sizes" in note for note in data.facts["notes"])


def test_a_value_that_is_no_image(tmp_path: Path):
    folder = tmp_path / "bedroom_train_lmdb"
    scene(folder, 3)
    with lmdb.open(str(folder), map_size=2**22, lock=False) as base, base.begin(write=True) as part:
        part.put(key(9).encode(), b"no image")
    with pytest.raises(GvaeError, match=f"bedroom_train_lmdb/{key(9)} cannot be read.*--skip-broken"):
        open_lsun(tmp_path)
    data = open_lsun(tmp_path, ReadOptions(skip_broken=True))
    assert len(data) == 3
    assert data.facts["skipped"][0].startswith(key(9))


def test_items_travel_to_other_processes(tmp_path: Path):
    scene(tmp_path / "bedroom_train_lmdb", 12)
    items = lmdbs.lmdb_items(tmp_path / "bedroom_train_lmdb")
    expected = [opener().read() for _, opener in items]  # the file is open here now
    assert len(pickle.dumps(items[0])) < 500  # a path and a key, no open file
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.map(_read, items) == expected


def _read(item: Item) -> bytes:
    """Runs in another process."""
    with item[1]() as stream:
        return stream.read()


def test_a_file_that_changed_is_read_anew(tmp_path: Path):
    scene(tmp_path / "bedroom_train_lmdb", 3)
    first = open_lsun(tmp_path)
    (tmp_path / "bedroom_train_lmdb").rename(tmp_path / "old")
    seeds = scene(tmp_path / "bedroom_train_lmdb", 4, start=30)
    (tmp_path / "old").rename(tmp_path.with_name(f"{tmp_path.name}-old"))
    data = open_lsun(tmp_path)
    assert np.array_equal(data.images, np.stack([middle(seed) for seed in seeds]))
    assert data.facts["checksum"] != first.facts["checksum"]


def test_prepared_form_keeps_labels(tmp_path: Path):
    scene(tmp_path / "in" / "tower_train_lmdb", 6)
    scene(tmp_path / "in" / "cat", 4, start=50)
    direct = open_data(f"lsun:{tmp_path / 'in'}", size=8)
    data = prepare(f"lsun:{tmp_path / 'in'}", tmp_path / "out", size=8)
    assert data.spec == direct.spec
    assert np.array_equal(data.images, direct.images)
    assert np.array_equal(data.labels, direct.labels)  # type: ignore[arg-type]


def test_nothing_there_and_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(
        GvaeError, match=r"lsun was not found below .*github.com/fyu/lsun.*bedroom_train_lmdb/data\.mdb"
    ):
        open_lsun(tmp_path)
    scene(tmp_path / "bedroom_train_lmdb", 3)
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(GvaeError, match=r'pip install "gvae\[lsun\]"'):
        open_lsun(tmp_path)


def test_real_bedrooms(data_root: Path):
    root = data_root / "lsun_bedroom_subset"
    data = open_lsun(root / "bedroom_train_lmdb", ReadOptions(size=64))
    assert data.images.shape == (1000, 64, 64, 3)
    items = lmdbs.lmdb_items(root / "bedroom_train_lmdb")
    for i in (0, 500, 999):
        assert np.array_equal(data.images[i], _square(items[i][1]().read(), 64))
    loose = open_lsun(root / "bedroom_jpg", ReadOptions(size=64))
    assert loose.images.shape == (200, 64, 64, 3)
    first = sorted((root / "bedroom_jpg").iterdir())[0]
    assert np.array_equal(loose.images[0], _square(first.read_bytes(), 64))
    with pytest.raises(GvaeError, match=r"bedroom of LSUN is there twice, as .*bedroom_jpg and .*bedroom_train_lmdb"):
        open_lsun(root)


def _square(data: bytes, size: int) -> np.ndarray:
    """The middle of an encoded image, scaled."""
    with Image.open(BytesIO(data)) as image:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        box = (left, top, left + side, top + side)
        return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.LANCZOS, box))
