"""Folders of images: every kind of file, every size, every arrangement of sub-folders."""

from __future__ import annotations

import dataclasses
import shutil
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gvae.config import TrainConfig
from gvae.data import open_data, prepare
from gvae.data.arrays import decoding, on_demand, rows
from gvae.data.arrays.on_demand import OnDemand
from gvae.data.arrays.pixels import bring, decode, read_header
from gvae.data.prepared.inspect import inspect
from gvae.errors import GvaeError
from gvae.training.batches import Batches


def pixels(size: tuple[int, int] = (12, 12), depth: int = 3, seed: int = 0) -> np.ndarray:
    """Random pixels (H, W, depth), or (H, W) for depth 0."""
    shape = (size[1], size[0], depth) if depth else (size[1], size[0])
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, array: np.ndarray, **options) -> np.ndarray:
    """Write an image file, its folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return array


def some(root: Path, count: int, size: tuple[int, int] = (12, 12), start: int = 0) -> None:
    """Write `count` different gray images."""
    for i in range(start, start + count):
        save(root / f"{i:03d}.png", pixels(size, 0, seed=i))


def notes(data) -> str:
    """All notes as one text."""
    return "\n".join(data.facts["notes"])


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "webp", "PNG"])
def test_lossless_files_keep_every_pixel(tmp_path: Path, ending: str):
    options = {"lossless": True, "exact": True} if ending == "webp" else {}
    array = save(tmp_path / f"a.{ending}", pixels(), **options)
    assert np.array_equal(open_data(str(tmp_path)).images, array[None])


def test_jpeg_keeps_about_every_pixel(tmp_path: Path):
    ramp = np.stack([np.tile(np.arange(0, 240, 8, dtype=np.uint8), (30, 1))] * 3, -1)
    save(tmp_path / "a.jpg", ramp, quality=95, subsampling=0)
    data = open_data(str(tmp_path))
    assert data.spec.channels == 3
    assert data.spec.shape == (30, 30)
    assert np.abs(data.images[0].astype(int) - ramp).max() <= 6


def test_exif_rotation_is_applied(tmp_path: Path):
    array = pixels((8, 6), 0)
    exif = Image.Exif()
    exif[274] = 6  # the camera lay on its side: turn clockwise
    save(tmp_path / "a.png", array, exif=exif)
    assert read_header(tmp_path / "a.png").size == (6, 8)
    assert np.array_equal(decode(tmp_path / "a.png", 6, "crop", 1)[..., 0], np.rot90(array, -1)[1:7])


def test_transparency_is_laid_on_white(tmp_path: Path):
    rgba = np.zeros((4, 4, 4), np.uint8)
    rgba[0, 0] = (200, 0, 0, 255)
    rgba[0, 1] = (0, 0, 0, 51)
    save(tmp_path / "a.png", rgba)
    data = open_data(str(tmp_path))
    assert data.images[0, 0, :2].tolist() == [[200, 0, 0], [204, 204, 204]]
    assert (data.images[0, 1:] == 255).all()
    assert "images with transparency, laid on white: 1" in notes(data)


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_16_bits_are_scaled(tmp_path: Path, ending: str):
    save(tmp_path / f"a.{ending}", np.array([[0, 257], [32896, 65535]], np.uint16).repeat(3, 0).repeat(3, 1))
    data = open_data(str(tmp_path))
    assert data.images[0, ::3, ::3, 0].tolist() == [[0, 1], [128, 255]]
    assert "images of 16 bits, scaled to 8 bits (65535 becomes 255): 1" in notes(data)


def test_palettes_one_bit_and_gray_alpha(tmp_path: Path):
    gray, colour = pixels(depth=0) // 86 * 85, pixels() // 128 * 255
    Image.fromarray(gray).convert("P").save(tmp_path / "gray.png")
    Image.fromarray(gray > 100).save(tmp_path / "bits.png")
    Image.fromarray(np.stack([gray, np.full_like(gray, 255)], -1)).save(tmp_path / "alpha.png")
    data = open_data(str(tmp_path))
    assert data.spec.channels == 1
    assert np.array_equal(data.images[..., 0], [gray, (gray > 100) * np.uint8(255), gray])
    Image.fromarray(colour).quantize(8).save(tmp_path / "palette.png")
    data = open_data(str(tmp_path))
    assert data.spec.channels == 3
    assert np.array_equal(data.images[3], colour)
    assert "images without colours, given three equal channels: 3" in notes(data)
    assert open_data(str(tmp_path), channels=1).images.shape == (4, 12, 12, 1)


def test_32_bits_are_refused(tmp_path: Path):
    Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(GvaeError, match=r"a\.tif cannot be read: .*32-bit pixels have no fixed range"):
        open_data(str(tmp_path))


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 40), height=st.integers(1, 40), size=st.integers(4, 24),
    fit=st.sampled_from(["crop", "pad", "stretch"]), value=st.integers(0, 255),
)  # fmt: skip
def test_any_size_becomes_the_size_asked_for(width: int, height: int, size: int, fit: str, value: int):
    out = np.asarray(bring(Image.new("L", (width, height), value), size, fit))
    assert out.shape == (size, size)
    assert set(np.unique(out)) <= ({value, 0} if fit == "pad" else {value})
    if fit == "pad":
        area = (out == value).mean()
        assert value == 0 or area == pytest.approx(min(width, height) / max(width, height), abs=1 / size)


def test_crop_takes_the_middle_and_large_images_are_averaged(tmp_path: Path):
    array = pixels((21, 12), 0)
    save(tmp_path / "a.png", array)
    assert np.array_equal(open_data(str(tmp_path)).images[0, ..., 0], array[:, 4:16])
    assert open_data(str(tmp_path), fit="pad").images.shape == (1, 21, 21, 1)
    checks = np.indices((64, 64)).sum(0) % 2 * np.uint8(255)
    save(tmp_path / "a.png", checks.astype(np.uint8))
    middle = open_data(str(tmp_path), size=16).images[0, 4:-4, 4:-4]
    assert np.abs(middle.astype(int) - 127.5).max() < 3  # nearest-neighbour would give 0 or 255


def test_the_middle_is_cut_out_before_scaling(tmp_path: Path):
    array = save(tmp_path / "a.png", pixels((17, 14)))
    with (tmp_path / "a.png").open("rb") as stream:
        assert np.array_equal(decode(stream, 6, "crop", 3, crop=6), array[4:10, 5:11])
    with pytest.raises(ValueError, match="17x14 pixels are less than the crop of 15"):
        decode(tmp_path / "a.png", 6, "crop", 3, crop=15)
    (header,) = decoding.Reader(tmp_path).headers(decoding.file_items(tmp_path, [Path("a.png")])).values()
    assert header.size == (17, 14)


def test_encoded_images_may_come_from_anywhere(tmp_path: Path):
    values, array = {}, pixels((9, 9))
    for name in ("one", "two"):
        buffer = BytesIO()
        Image.fromarray(array).save(buffer, "PNG")
        values[name] = buffer.getvalue()
    values["two"] = values["two"][:90]
    reader = decoding.Reader(tmp_path / "data.mdb", skip_broken=True)
    items = [(name, partial(BytesIO, data)) for name, data in values.items()]
    assert list(reader.headers(items)) == [0, 1]
    images, kept = reader.images(items, 9, "crop", 3)
    assert (kept, list(reader.broken)) == ([0], ["two"])
    assert np.array_equal(images, array[None])
    reader.skip_broken = False
    with pytest.raises(GvaeError, match=r"data\.mdb/two cannot be read: "):
        reader.images(items, 9, "crop", 3)


def test_mixed_sizes_are_brought_to_64_and_it_is_said(tmp_path: Path):
    save(tmp_path / "a.png", pixels((90, 70), 0))
    save(tmp_path / "b.png", pixels((30, 200), 0))
    data = open_data(str(tmp_path))
    assert data.spec.shape == (64, 64)
    assert "2 sizes (1 of 90x70, 1 of 30x200) and no --size was given: chose 64x64" in notes(data)
    assert "images with a side below 64 pixels, enlarged: 1" in notes(data)
    assert open_data(str(tmp_path), size=32).spec.shape == (32, 32)


def test_large_images_come_with_a_warning(tmp_path: Path):
    save(tmp_path / "a.png", pixels((300, 300), 0))
    assert "300x300 pixels train slowly; --size 64" in notes(open_data(str(tmp_path)))


def test_sub_folders_become_classes_in_the_order_of_their_numbers(tmp_path: Path):
    for name in ("10", "9", "cat"):
        some(tmp_path / name / "deeper", 2, start=len(name))
    data = open_data(str(tmp_path))
    assert data.spec.classes == ("9", "10", "cat")
    assert data.labels is not None
    assert data.labels.tolist() == [1, 1, 0, 0, 2, 2]
    assert "3 sub-folders became classes: 9, 10, cat" in notes(data)


def test_no_classes_where_they_would_be_guesses(tmp_path: Path):
    some(tmp_path / "only", 3)
    assert open_data(str(tmp_path)).labels is None
    some(tmp_path / "more", 3, start=5)
    some(tmp_path, 1, start=9)
    data = open_data(str(tmp_path))
    assert data.labels is None
    assert data.spec.classes == ()
    assert "no labels: 1 images lie beside the sub-folders more, only" in notes(data)


def test_split_folders_are_respected(tmp_path: Path):
    for split, start in (("train", 0), ("Test", 50)):
        for label in ("a", "b"):
            some(tmp_path / split / label, 20, start=start + (label == "b") * 20)
    some(tmp_path, 1, start=99)
    data = open_data(str(tmp_path))
    assert data.labels is not None
    assert data.labels.tolist() == np.repeat([0, 1, 0, 1], 20).tolist()  # Test/a, Test/b, train/a, train/b
    assert data.split("test").tolist() == list(range(40))
    assert sorted([*data.split("train"), *data.split("val")]) == list(range(40, 80))
    assert "val is about a tenth of train, by a hash of the file content" in notes(data)
    assert "outside the split folders, left out: 1" in notes(data)
    shutil.copy(tmp_path / "train" / "a" / "000.png", tmp_path / "Test" / "a" / "copy.png")
    assert "1 test images have their file content in common with train" in notes(open_data(str(tmp_path)))


def test_a_class_may_be_called_train(tmp_path: Path):
    some(tmp_path / "train", 3)
    some(tmp_path / "car", 3, start=5)
    assert open_data(str(tmp_path)).spec.classes == ("car", "train")


def test_copies_stay_in_one_split_and_splits_cover_everything(tmp_path: Path):
    some(tmp_path, 20)
    for i in range(20):
        shutil.copy(tmp_path / f"{i:03d}.png", tmp_path / f"{i:03d}-copy.png")
    data = open_data(str(tmp_path))
    assert sorted(np.concatenate(list(data.splits.values()))) == list(range(40))
    for part in data.splits.values():
        assert len(np.unique(data.images[part].reshape(len(part), -1), axis=0)) == len(part) / 2
    again = open_data(str(tmp_path))
    assert all(np.array_equal(part, again.splits[name]) for name, part in data.splits.items())
    assert data.facts["checksum"] == again.facts["checksum"]


def test_a_file_more_or_less_moves_no_other(tmp_path: Path):
    some(tmp_path, 80)

    def member() -> dict[bytes, str]:
        data = open_data(str(tmp_path))
        return {data.images[i].tobytes(): name for name, part in data.splits.items() for i in part}

    before = member()
    assert set(before.values()) == {"train", "val", "test"}
    save(tmp_path / "0" / "first.png", pixels(depth=0, seed=99))
    (tmp_path / "040.png").rename(tmp_path / "renamed.png")
    (tmp_path / "020.png").unlink()
    after = member()
    assert len(after) == 80
    assert {image: after[image] for image in before if image in after} == {
        image: name for image, name in before.items() if image != pixels(depth=0, seed=20).tobytes()
    }


def test_broken_images_are_named_or_skipped(tmp_path: Path):
    some(tmp_path, 4)
    whole = (tmp_path / "002.png").read_bytes()
    (tmp_path / "002.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "003.jpg").write_bytes(b"<html>")
    with pytest.raises(GvaeError, match=r"003\.jpg cannot be read: UnidentifiedImageError.*--skip-broken"):
        open_data(str(tmp_path))
    (tmp_path / "003.jpg").unlink()
    with pytest.raises(GvaeError, match=r"002\.png cannot be read: .*--skip-broken"):
        open_data(str(tmp_path))
    data = open_data(str(tmp_path), skip_broken=True)
    assert len(data) == 3
    assert len(data.facts["skipped"]) == 1
    assert data.facts["skipped"][0].startswith("002.png: ")
    assert "skipped 002.png" in notes(data)
    assert np.array_equal(data.images[2, ..., 0], pixels(depth=0, seed=3))


def test_only_broken_images(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(GvaeError, match=r"none of the images.* can be read, as .*a\.png"):
        open_data(str(tmp_path), skip_broken=True)


def test_other_files_are_mentioned_and_hidden_ones_are_not(tmp_path: Path):
    some(tmp_path, 1)
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "._000.png").write_text("x")
    data = open_data(str(tmp_path))
    assert len(data) == 1
    assert "no images of a known kind, left out: 1 .txt" in notes(data)


def test_empty_folder_wrong_path_and_wrong_options(tmp_path: Path):
    photos = tmp_path / "photos"
    photos.mkdir()
    with pytest.raises(GvaeError, match=r"photos holds no images \(0 other files\); supported"):
        open_data(str(photos))
    with pytest.raises(GvaeError, match=f"fotos; did you mean {photos}"):
        open_data(f"folder:{tmp_path}/fotos")
    some(photos, 1)
    with pytest.raises(GvaeError, match=r"000\.png is a file; give the folder"):
        open_data(str(photos / "000.png"))
    with pytest.raises(GvaeError, match="did you mean 'crop'"):
        open_data(str(photos), fit="corp")
    with pytest.raises(GvaeError, match="--size is 2; it must be from 4 to 65,535"):
        open_data(str(photos), size=2)
    with pytest.raises(GvaeError, match="no value of --channels '2'"):
        open_data(str(photos), channels=2)


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch):
    """A machine with 600 bytes, on which two images of 144 fit into half of the memory."""
    monkeypatch.setattr(rows, "_memory", lambda: 600)
    monkeypatch.setattr(on_demand, "BATCH", 2)


def test_more_than_memory_holds_is_decoded_on_demand(tmp_path: Path, little_memory: None):
    some(tmp_path, 9)
    data = open_data(str(tmp_path))
    assert isinstance(data.images, OnDemand)
    assert data.images.shape == (9, 12, 12, 1)
    assert "decoded whenever it is used" in notes(data)
    assert "gvae data prepare" in notes(data)
    for i in range(9):
        assert np.array_equal(data.images[i], pixels((12, 12), 0, seed=i)[..., None])
    assert np.array_equal(data.images[2:7:2], np.stack([data.images[i] for i in (2, 4, 6)]))
    mirrored = prepare(str(tmp_path), tmp_path.parent / "set").images
    assert np.array_equal(data.images[::-1], mirrored[::-1])
    assert inspect(data) == inspect(dataclasses.replace(data, images=np.array(mirrored)))


def test_training_on_demand_is_training_from_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    some(tmp_path, 30)
    config, device = TrainConfig(batch=16, seed=4), torch.device("cpu")
    from_memory = Batches(open_data(str(tmp_path)), config, device)
    monkeypatch.setattr(rows, "_memory", lambda: 600)
    monkeypatch.setattr(on_demand, "BATCH", 2)
    data = open_data(str(tmp_path))
    assert isinstance(data.images, OnDemand)
    decoded, resumed = Batches(data, config, device), Batches(data, config, device)
    resumed.order.position = 3
    for step in range(7):
        batch = from_memory.next()
        assert torch.equal(decoded.next().x, batch.x)
        assert step < 3 or torch.equal(resumed.next().x, batch.x)


def test_passes_are_whole_and_come_to_no_more_images_than_are_of_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    some(tmp_path, 30)
    data = open_data(str(tmp_path))
    n = len(data.split("train"))
    config, cpu = TrainConfig(batch=8, seed=4), torch.device("cpu")
    monkeypatch.setattr("gvae.training.batches.BLOCK", 1)
    for enough, passes in ((10 * n, 5), (2 * n, 2), (2 * n - 1, 1), (n - 1, 1)):
        monkeypatch.setattr("gvae.training.batches.ENOUGH", enough)
        assert sum(len(batch.x) for batch in Batches(data, config, cpu).passes()) == passes * n


def test_a_file_that_breaks_during_training_is_named(tmp_path: Path, little_memory: None):
    some(tmp_path, 9)
    data = open_data(str(tmp_path))
    (tmp_path / "004.png").write_bytes((tmp_path / "004.png").read_bytes()[:60])
    data.ahead(np.array([3, 4]))
    for which in (np.array([3, 4]), 4):
        with pytest.raises(GvaeError, match=r"004\.png cannot be read: .*--skip-broken"):
            data.images[which]
    assert data.images[3].shape == (12, 12, 1)


def test_real_photographs_of_mixed_sizes(real_root: Path):
    data = open_data(str(real_root / "lsun_bedroom_subset" / "bedroom_jpg"))
    assert data.images.shape == (200, 64, 64, 3)
    assert {name: len(part) for name, part in data.splits.items()} == {"train": 171, "val": 9, "test": 20}
    assert 100 < data.images.mean() < 160
