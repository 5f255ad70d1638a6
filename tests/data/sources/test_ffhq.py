"""FFHQ: thumbnails and images, the official split of the whole set, and attributes from estimates."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gvae.data import prepare
from gvae.data.sources import ffhq
from gvae.data.sources.ffhq import open_ffhq
from gvae.data.sources.ffhq_features import RULES, read_features
from gvae.errors import GvaeError
from tests.data.sources.face_files import photo, ramp

SQUARE = (16, 16)
PLAIN: dict[str, Any] = {
    "smile": 0.5,
    "gender": "female",
    "age": 17.0,
    "facialHair": {"moustache": 0.1, "beard": 0.5, "sideburns": 0.0},
    "glasses": "NoGlasses",
    "makeup": {"eyeMakeup": False, "lipMakeup": False},
    "accessories": [],
    "hair": {"bald": 0.5, "invisible": True, "hairColor": []},
}
"""a face with none of the attributes"""


BROWN = {"color": "brown", "confidence": 0.9}


def face(side: int = 60, **changes: Any) -> dict[str, Any]:
    """A face as the service describes it."""
    return {"faceRectangle": {"width": side, "height": side}, "faceAttributes": copy.deepcopy(PLAIN) | changes}


def features(folder: Path, faces: dict[str, list[dict[str, Any]]]) -> Path:
    """Write the JSON files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, found in faces.items():
        (folder / f"{name}.json").write_text(json.dumps(found))
    return folder


def thumbnails(root: Path, count: int = 20) -> Path:
    """The official tree, two images to a folder in place of a thousand."""
    for i in range(count):
        photo(root / "thumbnails128x128" / f"{i // 2 * 1000:05}" / f"{i:05}.png", i, SQUARE)
    return root


def attributes_of(folder: Path, name: str) -> list[str]:
    """Names of the attributes that an image has."""
    values, _ = read_features(folder, [name])
    return [column for column, value in zip(RULES, values[0], strict=True) if value]


def test_images_in_the_order_of_their_numbers(tmp_path: Path):
    thumbnails(tmp_path / "any" / "where")
    data = open_ffhq(tmp_path)
    assert data.spec.name == "ffhq-subset"
    assert np.array_equal(data.images, np.stack([ramp(i, SQUARE) for i in range(20)]))
    assert (data.attributes, data.labels) == (None, None)
    assert sorted(np.concatenate(list(data.splits.values()))) == list(range(20))
    assert all(len(part) for part in data.splits.values())
    assert data.facts["notes"] == [
        "subset: 20 of the 70000 images",
        "split about 80/10/10 by a hash of the file content",
    ]


def test_flat_and_renamed_copies(tmp_path: Path):
    photo(tmp_path / "FFHQ256" / "00000.jpg", 1, SQUARE)
    assert np.array_equal(open_ffhq(tmp_path).images[0], ramp(1, SQUARE))
    photo(tmp_path / "faces" / "00000" / "00005.png", 2, SQUARE)
    assert np.array_equal(open_ffhq(tmp_path / "faces").images[0], ramp(2, SQUARE))
    photo(tmp_path / "images16x16" / "00005.png", 2, SQUARE)
    with pytest.raises(GvaeError, match=r"2 folders of ffhq .*FFHQ256, .*images16x16; choose one, as in ffhq:"):
        open_ffhq(tmp_path)


def test_the_whole_set_has_the_official_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    thumbnails(tmp_path)
    monkeypatch.setattr(ffhq, "WHOLE", 20)
    monkeypatch.setattr(ffhq, "TRAIN", 15)
    data = open_ffhq(tmp_path)
    assert data.spec.name == "ffhq"
    assert data.split("val").tolist() == [15, 16, 17, 18, 19]
    assert sorted(np.concatenate(list(data.splits.values()))) == list(range(20))
    assert all(len(part) for part in data.splits.values())
    assert data.facts["notes"][:2] == [
        "the splits are the official ones",
        "test is about a tenth of train, by a hash of the file content",
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"gender": "male"}, ["Male"]),
        ({"age": 18.0, "smile": 0.501}, ["Adult", "Smiling"]),
        ({"glasses": "Sunglasses"}, ["Sunglasses"]),
        ({"glasses": "ReadingGlasses"}, ["Reading_Glasses"]),
        ({"facialHair": {"moustache": 0.6, "beard": 0.51, "sideburns": 0.9}}, ["Mustache", "Beard", "Sideburns"]),
        ({"makeup": {"eyeMakeup": True, "lipMakeup": False}}, ["Eye_Makeup"]),
        ({"accessories": [{"type": "headwear", "confidence": 0.9}]}, ["Headwear"]),
        ({"accessories": [{"type": "glasses", "confidence": 0.9}]}, []),
        (
            {"hair": {"bald": 0.51, "hairColor": [BROWN | {"confidence": 0.6}, BROWN | {"color": "red"}]}},
            ["Bald", "Red_Hair"],
        ),
    ],
)  # fmt: skip
def test_attributes_by_their_thresholds(tmp_path: Path, changes: dict[str, Any], expected: list[str]):
    features(tmp_path / "json", {"00000": [face(**changes)]})
    assert attributes_of(tmp_path / "json", "00000") == expected


def test_the_largest_of_several_faces_counts(tmp_path: Path):
    features(tmp_path, {"00000": [face(20), face(90, gender="male"), face(30)]})
    assert attributes_of(tmp_path, "00000") == ["Male"]


def test_images_without_a_face_have_no_attributes_and_are_listed(tmp_path: Path):
    thumbnails(tmp_path, 4)
    known = {f"{i:05}": [face(gender="male")] if i != 2 else [] for i in range(4)}
    features(tmp_path / "features_json", known)
    data = open_ffhq(tmp_path)
    assert data.attributes is not None
    assert data.spec.attributes == tuple(RULES)
    assert data.attributes[:, 0].tolist() == [1, 1, 0, 1]
    assert data.attributes[:, 1:].sum() == 0
    assert "images without a face for that machine, all their attributes 0: 1 (00002)" in data.facts["notes"]


def test_prepared_form_keeps_attributes(tmp_path: Path):
    thumbnails(tmp_path / "in", 6)
    features(tmp_path / "in" / "features_json", {f"{i:05}": [face(smile=i / 5)] for i in range(6)})
    (tmp_path / "in" / "thumbnails128x128" / "00000" / "00001.png").write_bytes(b"no image")
    data = prepare(f"ffhq:{tmp_path / 'in'}", tmp_path / "out", size=8, skip_broken=True)
    assert data.attributes is not None
    assert data.attributes[:, list(RULES).index("Smiling")].tolist() == [0, 0, 1, 1, 1]  # of 0, 2, 3, 4, 5
    assert data.images.shape == (5, 8, 8, 3)
    assert data.facts["skipped"][0].startswith("00000/00001.png")


def test_nothing_there(tmp_path: Path):
    with pytest.raises(GvaeError, match=r"ffhq was not found .*github.com/NVlabs/ffhq-dataset.*00000/00000\.png"):
        open_ffhq(tmp_path)


def test_real_thumbnails(data_root: Path):
    data = open_ffhq(data_root)
    assert data.images.shape == (113, 128, 128, 3)
    assert data.attributes is not None
    positives = dict(zip(data.spec.attributes, data.attributes.sum(0).tolist(), strict=True))
    assert positives["Male"] == 57
    assert positives["Smiling"] == 68
    assert (positives["Reading_Glasses"], positives["Sunglasses"]) == (22, 4)
    assert "images without a face for that machine, all their attributes 0: 1 (00036)" in data.facts["notes"]
    for i, file in enumerate(sorted((data_root / "ffhq/thumbnails128x128/00000").iterdir())):
        if i % 50 == 0:
            with Image.open(file) as image:
                assert np.array_equal(data.images[i], np.asarray(image))
