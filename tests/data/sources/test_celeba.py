"""CelebA: what is cut, which attributes and splits belong to which image, and where the files may lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gvae.data import open_data, prepare
from gvae.data.images.lists import divide, read_table
from gvae.data.options import ReadOptions
from gvae.data.sources.celeba import open_celeba
from gvae.errors import GvaeError
from tests.data.sources.face_files import attribute_list, celeba, pairs, photo, ramp

COUNTS = {"Male": 2083, "Smiling": 2406, "Eyeglasses": 315, "Young": 3913, "Blond_Hair": 730, "Bald": 117}
"""positives among the first 5,000 images"""


def scaled(image: Image.Image, box: tuple[int, int, int, int], size: int) -> np.ndarray:
    """A part of an image, scaled: what the reader is to give."""
    return np.asarray(image.convert("RGB").crop(box).resize((size, size), Image.Resampling.LANCZOS))


def test_the_middle_is_cut_and_attributes_follow_their_images(tmp_path: Path):
    celeba(tmp_path / "renamed")
    data = open_celeba(tmp_path, ReadOptions(size=20))
    assert data.spec.name == "celeba-subset"
    assert (data.spec.channels, data.spec.shape, data.spec.attributes) == (3, (20, 20), ("Male", "Smiling"))
    assert np.array_equal(data.images, np.stack([ramp(i)[2:22] for i in range(12)]))
    assert data.attributes is not None
    assert data.attributes.tolist() == [[i % 2, int(i % 3 == 0)] for i in range(12)]
    assert data.labels is None
    notes = data.facts["notes"]
    assert notes[:2] == [
        "subset: 12 of the 202599 images",
        "all images are of the official train part; split about 80/10/10 by a hash of the person",
    ]
    assert "cut: the centre 20x20 of 20x24 pixels" in notes


def test_64_pixels_are_the_default_and_crop_counts_the_files_pixels(tmp_path: Path):
    celeba(tmp_path)
    assert open_celeba(tmp_path).spec.shape == (64, 64)
    data = open_celeba(tmp_path, ReadOptions(size=8, crop=8))
    assert np.array_equal(data.images[3], ramp(3)[8:16, 6:14])
    assert "cut: the centre 8x8 of 20x24 pixels" in data.facts["notes"]


@settings(max_examples=20, deadline=None)
@given(crop=st.integers(4, 20))
def test_every_crop_is_centred(tmp_path_factory: pytest.TempPathFactory, crop: int):
    root = tmp_path_factory.getbasetemp() / "centred"
    if not root.exists():
        celeba(root, count=2)
    left, top = (20 - crop) // 2, (24 - crop) // 2
    pixels = open_celeba(root, ReadOptions(size=crop, crop=crop)).images
    assert np.array_equal(pixels[1], ramp(1)[top : top + crop, left : left + crop])


def test_people_stay_in_one_split(tmp_path: Path):
    celeba(tmp_path, count=40)
    splits = open_celeba(tmp_path, ReadOptions(size=4)).splits
    assert {name: len(part) for name, part in splits.items()} == {"train": 32, "val": 6, "test": 2}
    for part in splits.values():
        people, counts = np.unique(np.asarray(part) // 2, return_counts=True)
        assert (counts == 2).all()
        assert len(people) == len(part) // 2


def test_official_partition(tmp_path: Path):
    celeba(tmp_path)
    pairs(tmp_path / "list_eval_partition.txt", {f"{i:06}.jpg": min(2, (i - 1) // 5) for i in range(1, 13)})
    data = open_celeba(tmp_path, ReadOptions(size=4))
    assert {name: part.tolist() for name, part in data.splits.items()} == {
        "train": [0, 1, 2, 3, 4],
        "val": [5, 6, 7, 8, 9],
        "test": [10, 11],
    }
    assert "the splits are the official ones" in data.facts["notes"]


def test_a_part_that_is_absent_is_drawn_from_train(tmp_path: Path):
    celeba(tmp_path, count=24)
    pairs(tmp_path / "list_eval_partition.txt", {f"{i:06}.jpg": 2 * (i > 20) for i in range(1, 25)})
    data = open_celeba(tmp_path, ReadOptions(size=4))
    assert data.split("test").tolist() == [20, 21, 22, 23]
    assert {name: len(part) for name, part in data.splits.items()} == {"train": 14, "val": 6, "test": 4}
    assert len(set(data.split("val") // 2)) == 3
    assert "val is about a tenth of train, by a hash of the person" in data.facts["notes"]


def test_the_whole_set_has_the_plain_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = celeba(tmp_path)
    monkeypatch.setattr("gvae.data.sources.celeba.WHOLE", 12)
    data = open_celeba(tmp_path, ReadOptions(size=4))
    assert data.spec.name == "celeba"
    assert not [note for note in data.facts["notes"] if "subset" in note]
    (folder / "000002.jpg").unlink()
    assert open_celeba(tmp_path, ReadOptions(size=4)).spec.name == "celeba-subset"


def test_without_lists(tmp_path: Path):
    celeba(tmp_path)
    for file in tmp_path.glob("*.txt"):
        file.unlink()
    data = open_celeba(tmp_path, ReadOptions(size=4))
    assert data.attributes is None
    assert data.spec.attributes == ()
    assert data.facts["notes"][1:5] == [
        "no attributes: list_attr_celeba.txt is not beside the images",
        "no official split: list_eval_partition.txt is not beside the images",
        "identity_CelebA.txt is not beside the images: which are of one person is not known",
        "split about 80/10/10 by a hash of the file content",
    ]


def test_official_folders_and_png(tmp_path: Path):
    folder = celeba(tmp_path, ending="png")
    (tmp_path / "CelebA" / "Img").mkdir(parents=True)
    folder.rename(tmp_path / "CelebA" / "Img" / "img_align_celeba_png")
    for name, place in (("list_attr_celeba", "Anno"), ("identity_CelebA", "Anno"), ("list_eval_partition", "Eval")):
        (tmp_path / "CelebA" / place).mkdir(exist_ok=True)
        (tmp_path / f"{name}.txt").rename(tmp_path / "CelebA" / place / f"{name}.txt")
    for root in (tmp_path, tmp_path / "CelebA" / "Img" / "img_align_celeba_png"):
        data = open_celeba(root, ReadOptions(size=4))
        assert data.spec.attributes == ("Male", "Smiling")
        assert (
            "all images are of the official train part; split about 80/10/10 by a hash of the person"
            in data.facts["notes"]
        )


def test_lists_with_commas(tmp_path: Path):
    celeba(tmp_path)
    expected = open_celeba(tmp_path, ReadOptions(size=4))
    for name, header in (("list_attr_celeba", "image_id,Male,Smiling"), ("list_eval_partition", "image_id,partition")):
        lines = (tmp_path / f"{name}.txt").read_text().splitlines()[2 if name == "list_attr_celeba" else 0 :]
        text = "\n".join([header, *[",".join(line.split()) for line in lines]])
        (tmp_path / f"{name}.csv").write_text(text)
        (tmp_path / f"{name}.txt").unlink()
    data = open_celeba(tmp_path, ReadOptions(size=4))
    assert data.spec.attributes == ("Male", "Smiling")
    assert np.array_equal(data.attributes, expected.attributes)  # type: ignore[arg-type]
    assert all(np.array_equal(part, expected.splits[name]) for name, part in data.splits.items())


def test_rows_without_images_are_counted(tmp_path: Path):
    folder = celeba(tmp_path)
    (folder / "000004.jpg").unlink()
    data = open_celeba(tmp_path, ReadOptions(size=4))
    assert "rows of list_attr_celeba.txt without an image: 1 of 12" in data.facts["notes"]
    assert data.attributes is not None
    assert data.attributes[3].tolist() == [0, 0]  # the fifth row now belongs to the fourth image


def test_a_skipped_image_takes_its_attributes_along(tmp_path: Path):
    folder = celeba(tmp_path)
    (folder / "000002.jpg").write_bytes(b"no image")
    with pytest.raises(GvaeError, match=r"000002\.jpg cannot be read.*--skip-broken"):
        open_celeba(tmp_path)
    data = open_celeba(tmp_path, ReadOptions(size=4, skip_broken=True))
    assert data.attributes is not None
    assert data.attributes.tolist() == [[i % 2, int(i % 3 == 0)] for i in range(12) if i != 1]
    assert [line.split(":")[0] for line in data.facts["skipped"]] == ["000002.jpg"]


def test_checksum_is_of_the_files_and_of_what_is_made_of_them(tmp_path: Path):
    folder = celeba(tmp_path)
    first = open_celeba(tmp_path, ReadOptions(size=4)).facts["checksum"]
    assert first == open_celeba(folder, ReadOptions(size=4, crop=20)).facts["checksum"]  # 20 is what is cut anyway
    others = [ReadOptions(size=4, crop=12), ReadOptions(size=8)]
    assert first not in [open_celeba(folder, options).facts["checksum"] for options in others]
    photo(folder / "000003.jpg", 99)
    assert open_celeba(tmp_path, ReadOptions(size=4)).facts["checksum"] != first


def test_prepared_form_keeps_attributes(tmp_path: Path):
    celeba(tmp_path / "faces")
    direct = open_data(f"celeba:{tmp_path / 'faces'}", size=12, crop=16)
    data = prepare(f"celeba:{tmp_path / 'faces'}", tmp_path / "out", size=12, crop=16)
    assert data.spec == direct.spec
    assert np.array_equal(data.images, direct.images)
    assert np.array_equal(data.attributes, direct.attributes)  # type: ignore[arg-type]
    assert data.facts["checksum"] == direct.facts["checksum"]
    assert data.facts["licence"].startswith("non-commercial research only")
    assert data.batch([0]).y is not None


def test_several_copies_and_none(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(GvaeError) as caught:
        open_celeba(tmp_path / "empty")
    for word in (
        "mmlab.ie.cuhk.edu.hk",
        "img_align_celeba.zip",
        "list_attr_celeba.txt",
        f"{tmp_path}/empty/celeba/img",
    ):
        assert word in str(caught.value)
    celeba(tmp_path / "a")
    celeba(tmp_path / "b")
    with pytest.raises(
        GvaeError, match=r"2 folders of celeba .*a/img_align_celeba, .*b/img.*choose one, as in celeba:"
    ):
        open_celeba(tmp_path)


def test_an_archive_is_to_be_unpacked(tmp_path: Path):
    (tmp_path / "celeba").mkdir()
    archive = tmp_path / "celeba" / "img_align_celeba.zip"
    archive.write_bytes(b"PK")
    with pytest.raises(GvaeError, match=f"{archive} is not unpacked; type: unzip {archive} -d {archive.parent}"):
        open_celeba(tmp_path)
    celeba(tmp_path / "celeba")
    assert len(open_celeba(tmp_path, ReadOptions(size=4))) == 12


@settings(max_examples=50, deadline=None)
@given(
    given_splits=st.lists(st.sampled_from(["train", "val", "test"]), min_size=1, max_size=60), seed=st.integers(0, 1000)
)
def test_splits_cover_all_images_once_and_keep_what_is_official(given_splits: list[str], seed: int):
    people = np.random.default_rng(seed).integers(0, 20, len(given_splits))
    splits, notes = divide(given_splits, people, "person")
    assert sorted(np.concatenate(list(splits.values()))) == list(range(len(given_splits)))
    if "train" in given_splits and len(set(given_splits)) > 1:
        for name in {"val", "test"} & set(given_splits):
            assert splits[name].tolist() == [i for i, split in enumerate(given_splits) if split == name]
        for name in {"val", "test"} - set(given_splits):
            assert not set(people[splits[name]]) & set(people[splits["train"]])
        assert notes[0] == "the splits are the official ones"
    else:
        assert not set(people[splits["train"]]) & set(people[splits["test"]])
        assert notes[-1].endswith("split about 80/10/10 by a hash of the person")


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.lists(st.sampled_from([-1, 1]), min_size=3, max_size=3), min_size=1, max_size=20))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, values: list[list[int]]):
    file = tmp_path_factory.getbasetemp() / "list.txt"
    attribute_list(file, ["a", "b", "c"], {f"{i}.jpg": row for i, row in enumerate(values)})
    table = read_table(file, (-1, 1))
    assert table.columns == ("a", "b", "c")
    order = [str(i) for i in reversed(range(len(values)))]
    assert table.of(order).tolist() == values[::-1]


def test_real_halved_images(data_root: Path):
    root = data_root / "celeba" / "half_89x109"
    data = open_celeba(root)
    assert data.images.shape == (5000, 64, 64, 3)
    assert len(data.spec.attributes) == 40
    assert data.attributes is not None
    positives = dict(zip(data.spec.attributes, data.attributes.sum(0).tolist(), strict=True))
    assert {name: positives[name] for name in COUNTS} == COUNTS
    for i in (0, 1234, 4999):
        with Image.open(root / f"img_align_celeba/{i + 1:06}.jpg") as image:
            assert image.size == (89, 109)
            assert np.array_equal(data.images[i], scaled(image, (0, 10, 89, 99), 64))
    identity = dict(line.split() for line in (root / "identity_CelebA.txt").read_text().splitlines())
    people = np.array([identity[f"{i:06}.jpg"] for i in range(1, 5001)])
    split = {name: set(people[part]) for name, part in data.splits.items()}
    assert len(set(people)) == 3571 == sum(map(len, split.values()))
    assert all(abs(len(data.splits[name]) - 500) < 30 for name in ("val", "test"))


@pytest.mark.parametrize(
    ("crop", "left", "top"), [(178, 0, 20), (148, 15, 35), (140, 19, 39), (108, 35, 55), (72, 53, 73)]
)
def test_real_full_size_images(data_root: Path, crop: int, left: int, top: int):
    root = data_root / "celeba" / "full_178x218"
    data = open_celeba(root, ReadOptions(crop=crop, size=64))
    assert data.images.shape == (32, 64, 64, 3)
    with Image.open(root / "img_align_celeba/000017.jpg") as image:
        assert np.array_equal(data.images[16], scaled(image, (left, top, left + crop, top + crop), 64))
    assert f"cut: the centre {crop}x{crop} of 178x218 pixels" in data.facts["notes"]


def test_real_copies_are_listed(data_root: Path):
    with pytest.raises(GvaeError, match=r"2 folders of celeba .*full_178x218.*half_89x109.*choose one"):
        open_celeba(data_root)
