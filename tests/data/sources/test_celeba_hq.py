"""CelebA-HQ: the layouts it is passed round in, their attributes, and whose splits count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvae.data import prepare
from gvae.data.options import ReadOptions
from gvae.data.sources.celeba_hq import open_celeba_hq
from gvae.errors import GvaeError
from tests.data.sources.face_files import attribute_list, pairs, photo, ramp

SQUARE = (16, 16)


def stargan(root: Path, count: int = 20) -> Path:
    """StarGAN v2's tree: even numbers are women."""
    for i in range(count):
        photo(root / ("male" if i % 2 else "female") / f"{i:06}.jpg", i, SQUARE)
    return root


def masked(root: Path, count: int = 20) -> Path:
    """CelebAMask-HQ's tree, with a mapping to CelebA's numbers 1000, 1010, ..."""
    for i in range(count):
        photo(root / "CelebA-HQ-img" / f"{i}.jpg", i, SQUARE)
        photo(root / "CelebAMask-HQ-mask-anno" / "0" / f"{i:05}_skin.png", i, SQUARE)
    rows = {f"{i}.jpg": [1 if i % 2 else -1, 1 if i > 3 else -1] for i in range(count)}
    attribute_list(root / "CelebAMask-HQ-attribute-anno.txt", ["Male", "Young"], rows)
    lines = [f"{i:<12}{999 + 10 * i:<12}{1000 + 10 * i:06}.jpg" for i in range(count)]
    (root / "CelebA-HQ-to-CelebA-mapping.txt").write_text("\n".join(["idx  orig_idx  orig_file", *lines]))
    return root


def test_stargan_folders_tell_male_without_a_list(tmp_path: Path):
    stargan(tmp_path / "anything")
    data = open_celeba_hq(tmp_path)
    order = [*range(0, 20, 2), *range(1, 20, 2)]
    assert data.spec.name == "celeba-hq-subset"
    assert data.spec.shape == (16, 16)
    assert np.array_equal(data.images, np.stack([ramp(i, SQUARE) for i in order]))
    assert data.spec.attributes == ("Male",)
    assert data.attributes is not None
    assert data.attributes[:, 0].tolist() == [0] * 10 + [1] * 10
    assert (data.labels, data.spec.classes) == (None, ())
    assert sorted(np.concatenate(list(data.splits.values()))) == list(range(20))
    assert all(len(part) for part in data.splits.values())
    assert "attribute Male is from the folders female and male" in data.facts["notes"]


def test_stargan_with_a_list(tmp_path: Path):
    stargan(tmp_path)
    rows = {f"{i:06}.jpg": [1, 1 if i % 2 else -1] for i in range(20)}
    attribute_list(tmp_path / "list_attr_celeba_hq.txt", ["Young", "Male"], rows)
    data = open_celeba_hq(tmp_path)
    assert data.spec.attributes == ("Young", "Male")
    assert data.attributes is not None
    assert data.attributes.tolist() == [[1, 0]] * 10 + [[1, 1]] * 10
    assert not [note for note in data.facts["notes"] if "warning" in note]
    rows["000003.jpg"] = [1, -1]
    attribute_list(tmp_path / "list_attr_celeba_hq.txt", ["Young", "Male"], rows)
    assert "warning: 1 images lie in female or male against the list's Male" in open_celeba_hq(tmp_path).facts["notes"]


def test_split_folders(tmp_path: Path):
    stargan(tmp_path / "train")
    photo(tmp_path / "val" / "female" / "000100.jpg", 100, SQUARE)
    photo(tmp_path / "val" / "male" / "000101.jpg", 101, SQUARE)
    data = open_celeba_hq(tmp_path)
    assert data.attributes is not None
    assert data.attributes[data.split("val"), 0].tolist() == [0, 1]
    assert np.array_equal(data.images[data.split("val")], np.stack([ramp(i, SQUARE) for i in (100, 101)]))
    assert len(data.split("train")) + len(data.split("test")) == 20
    assert "test is about a tenth of train, by a hash of the file content" in data.facts["notes"]


def test_celebamask_hq(tmp_path: Path):
    masked(tmp_path)
    data = open_celeba_hq(tmp_path)
    assert len(data) == 20  # no masks
    assert data.attributes is not None
    order = sorted(range(20), key=str)
    assert np.array_equal(data.images, np.stack([ramp(i, SQUARE) for i in order]))
    assert data.attributes.tolist() == [[i % 2, int(i > 3)] for i in order]
    assert "no official split: list_eval_partition.txt is not beside the images" in data.facts["notes"]


def test_celebas_split_by_way_of_the_mapping(tmp_path: Path):
    masked(tmp_path)
    pairs(tmp_path / "list_eval_partition.txt", {f"{1000 + 10 * i:06}.jpg": min(2, i // 8) for i in range(20)})
    data = open_celeba_hq(tmp_path)
    order = sorted(range(20), key=str)
    assert {order[i] for i in data.split("test")} == set(range(16, 20))
    assert {order[i] for i in data.split("val")} == set(range(8, 16))


def test_people_by_way_of_the_mapping(tmp_path: Path):
    masked(tmp_path)
    pairs(tmp_path / "identity_CelebA.txt", {f"{1000 + 10 * i:06}.jpg": i // 2 for i in range(20)})
    data = open_celeba_hq(tmp_path)
    order = sorted(range(20), key=str)
    assert data.facts["notes"].count("split about 80/10/10 by a hash of the person") == 1
    for part in data.splits.values():
        assert sorted(order[i] ^ 1 for i in part) == sorted(order[i] for i in part)


def test_a_plain_folder_beside_masks(tmp_path: Path):
    photo(tmp_path / "celeba_hq" / "images" / "af01.jpg", 1, SQUARE)
    photo(tmp_path / "celeba_hq" / "masks" / "af01.png", 2, SQUARE)
    data = open_celeba_hq(tmp_path)
    assert np.array_equal(data.images[0], ramp(1, SQUARE))
    assert data.spec.attributes == ()
    assert "which images are of one person is not known" in data.facts["notes"]
    photo(tmp_path / "faces" / "x.jpg", 3, SQUARE)
    assert np.array_equal(open_celeba_hq(tmp_path / "faces", ReadOptions(size=16)).images[0], ramp(3, SQUARE))


def test_prepared_form_keeps_attributes(tmp_path: Path):
    stargan(tmp_path / "in")
    direct = open_celeba_hq(tmp_path / "in", ReadOptions(size=8))
    data = prepare(f"celeba-hq:{tmp_path / 'in'}", tmp_path / "out", size=8)
    assert data.spec == direct.spec
    assert np.array_equal(data.images, direct.images)
    assert np.array_equal(data.attributes, direct.attributes)  # type: ignore[arg-type]


def test_nothing_there_and_several(tmp_path: Path):
    with pytest.raises(
        GvaeError, match=r"celeba-hq was not found .*CelebAMask-HQ\.zip.*stargan-v2.*CelebA-HQ-img/0\.jpg"
    ):
        open_celeba_hq(tmp_path)
    stargan(tmp_path / "a")
    masked(tmp_path / "b")
    with pytest.raises(
        GvaeError, match=r"2 folders of celeba-hq .*/a, .*/b/CelebA-HQ-img; choose one, as in celeba-hq:"
    ):
        open_celeba_hq(tmp_path)


def test_real_images_at_1024(data_root: Path):
    root = data_root / "celeba_hq" / "1024"
    data = open_celeba_hq(root, ReadOptions(size=256))
    assert data.images.shape == (46, 256, 256, 3)
    assert len(data.spec.attributes) == 40
    assert data.attributes is not None
    assert data.attributes[:, data.spec.attributes.index("Male")].tolist() == [0] * 25 + [1] * 21
    with Image.open(sorted((root / "female").iterdir())[0]) as image:
        assert image.size == (1024, 1024)
        assert np.array_equal(data.images[0], np.asarray(image.resize((256, 256), Image.Resampling.LANCZOS)))


def test_real_images_beside_masks(data_root: Path):
    root = data_root / "celeba_hq" / "512_with_masks"
    data = open_celeba_hq(root, ReadOptions(size=64))
    assert data.images.shape == (200, 64, 64, 3)
    with Image.open(sorted((root / "images").iterdir())[199]) as image:
        assert np.array_equal(data.images[199], np.asarray(image.resize((64, 64), Image.Resampling.LANCZOS)))
    with pytest.raises(GvaeError, match=r"2 folders of celeba-hq .*1024, .*512_with_masks/images"):
        open_celeba_hq(data_root)
