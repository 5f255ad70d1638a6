"""Copies: exact ones are all found, near ones in spite of size, quality and brightness, and different images are not."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gvae.data import open_data
from gvae.data.dataset import Dataset
from gvae.data.prepared import duplicates
from gvae.data.prepared.duplicates import Pair, alike, copies, find, fingerprints, frequencies
from gvae.data.prepared.inspect import describe, inspect
from gvae.types import DataSpec


def scenes(count: int, side: int = 48, seed: int = 0) -> np.ndarray:
    """Random gray pictures (count, side, side, 3) with more of low than of high frequencies, as photographs have."""
    noise = np.fft.rfft2(np.random.default_rng(seed).normal(size=(count, side, side)))
    across, down = np.fft.rfftfreq(side), np.fft.fftfreq(side)[:, None]
    waves = np.fft.irfft2(noise / np.maximum(1 / side, np.hypot(across, down)), (side, side))
    gray = 128 + 50 * waves / waves.std(axis=(1, 2), keepdims=True)
    return np.clip(gray, 0, 255).astype(np.uint8)[..., None].repeat(3, -1)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """The image after it was saved as JPEG."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def half(image: np.ndarray) -> np.ndarray:
    """The image after it was half as large."""
    picture, side = Image.fromarray(image), len(image)
    return np.asarray(picture.resize((side // 2, side // 2)).resize((side, side)))


CHANGES = {
    "quality": lambda image: jpeg(image, 60),
    "size": half,
    "brightness": lambda image: np.clip(image * 0.95 + 12, 0, 255).astype(np.uint8),
    "noise": lambda image: np.clip(image + np.random.default_rng(1).normal(0, 6, image.shape), 0, 255).astype(np.uint8),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_near_copies_are_found_and_nothing_else(change: str):
    images = scenes(60)
    images[50:] = [CHANGES[change](image) for image in images[:10]]
    assert find(images) == [Pair(i, i + 50, False) for i in range(10)]


def test_different_images_are_no_copies():
    assert find(scenes(3000, side=16)) == []


def test_exact_copies_are_paired_with_the_first():
    images = scenes(9)
    images[4] = images[8] = images[1]
    assert find(images) == [Pair(1, 4, True), Pair(1, 8, True)]


def test_flat_images_do_not_disturb():
    images = np.zeros((4, 10, 12, 1), np.uint8)
    images[1:3] = 200
    assert sorted(find(images)) == [Pair(0, 3, True), Pair(1, 2, True)]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 40))
def test_buckets_lose_no_pair(seed: int, count: int):
    random = np.random.default_rng(seed)
    low = random.normal(size=(count, 64)).astype(np.float32)
    low[count // 2 :] = low[: count - count // 2] + random.normal(scale=0.03, size=(count - count // 2, 64))
    quarters = np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1).view(np.uint16)
    length = np.linalg.norm(low, axis=1)
    every = [
        (a, b) for a in range(count) for b in range(a + 1, count)
        if (quarters[a] == quarters[b]).any()
        and sum(int(x ^ y).bit_count() for x, y in zip(quarters[a], quarters[b], strict=True)) <= duplicates.BITS
        and np.linalg.norm(low[a] - low[b]) <= duplicates.DIFFERENCE * max(length[a], length[b])
    ]  # fmt: skip
    assert alike(low) == every


def test_frequencies_are_those_of_the_averaged_image():
    image = np.random.default_rng(0).random((64, 96))
    cells = image.reshape(32, 2, 32, 3).mean((1, 3))
    waves = np.cos(np.pi * np.arange(1, 9)[:, None] * (np.arange(32) + 0.5) / 32) / 4
    assert np.allclose(frequencies(64) @ image @ frequencies(96).T, waves @ cells @ waves.T, atol=1e-4)


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch):
    images = scenes(20)
    low, digests = fingerprints(images)
    monkeypatch.setattr(duplicates, "CHUNK", images[:3].size)
    again = fingerprints(images)
    assert np.allclose(low, again[0], atol=1e-3)
    assert np.array_equal(digests, again[1])


def test_inspect_tells_which_splits_share_an_image():
    images = scenes(8)
    images[6], images[3] = images[1], half(images[2])
    splits = {"train": np.arange(5), "test": np.arange(5, 8)}
    data = Dataset(DataSpec("scenes", 3, (48, 48)), images, splits=splits)
    assert copies(data) == {
        "exact": 1, "near": 1, "seen": 1, "alike": 0, "examples": ["train 1 = test 6", "train 2 ~ train 3"],
    }  # fmt: skip
    text = describe(inspect(data))
    assert "copies    1 images repeat another, 1 pairs look alike" in text
    assert "warning   1 images of val or test were seen in training" in text
    assert "look alike: these may" not in text
    assert "such as train 1 = test 6" in text
    assert "copies" not in describe(inspect(open_data("digits")))


SPLITS = {"train": np.arange(3), "val": np.arange(3, 5), "test": np.arange(5, 7)}
"""of eight images; the last is in none, as in the gap between slabs of a scan"""


@pytest.mark.parametrize(
    ("copied", "seen", "alike"),
    [
        ({4: 3}, 0, 0),  # val and val
        ({5: 3}, 0, 0),  # val and test
        ({7: 0}, 0, 0),  # train and no split
        ({7: 6}, 0, 0),
        ({1: 0}, 0, 0),  # train and train
        ({3: 0}, 1, 0),
        ({5: 0}, 1, 0),
        ({3: 0, 5: 0}, 2, 0),
        ({3: 0, 1: 0}, 1, 0),
        ({4: 3, 5: 3, 2: 3}, 3, 0),
        ({4: -3}, 0, 0),  # a minus: half the size, which looks alike
        ({7: -6}, 0, 0),
        ({1: -6}, 0, 1),
        ({5: -2}, 0, 1),
        ({5: 3, 2: -3}, 0, 1),
        ({1: 3, 6: -3}, 1, 1),
    ],
)
def test_only_what_train_shares_with_what_is_held_out_is_called_seen(copied: dict[int, int], seen: int, alike: int):
    images = scenes(8)
    for to, source in sorted(copied.items(), key=lambda pair: pair[1], reverse=True):
        images[to] = images[source] if source >= 0 else half(images[-source])
    data = Dataset(DataSpec("scenes", 3, (48, 48)), images, splits=SPLITS)
    found, text = copies(data), describe(inspect(data))
    assert (found["seen"], found["alike"]) == (seen, alike)
    assert (f"warning   {seen} images of val or test were seen in training" in text) == bool(seen)
    assert (f"warning   {alike} pairs of an image of train and one of val or test look alike" in text) == bool(alike)
    assert found["exact"] + found["near"] == len(copied)


def test_fonts_that_look_the_same(real_root: Path):
    found = copies(open_data(f"char74k:{real_root}/char74k/English/Fnt"))
    assert found["exact"] == 137  # 3,025 of the 3,162 images are distinct
    assert found["near"] == pytest.approx(110, abs=30)
