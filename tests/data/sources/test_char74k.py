"""Char74K: three trees of 62 classes; which is meant, how it is divided, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvae.data.options import ReadOptions
from gvae.data.sources.char74k import CLASSES, open_char74k
from gvae.errors import GvaeError


def character(file: Path, level: int, size: tuple[int, int] = (8, 8), mode: str = "L") -> None:
    """Write an image of one level, a PNG whatever it is called."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level if mode == "L" else (level, 0, 0)).save(file, "PNG")


@pytest.fixture
def english(tmp_path: Path) -> Path:
    """Three classes of each part: 10 fonts, 10 people, 3 photographs of three sizes, 1 poor one with its mask."""
    english = tmp_path / "root" / "chars" / "English"
    for number in (1, 11, 62):
        name = f"Sample{number:03}"
        for i in range(1, 11):
            character(english / "Fnt" / name / f"img{number:03}-{i:05}.png", 18 * i + number)
            character(english / "Hnd" / "Img" / name / f"img{number:03}-{i:03}.png", i, (12, 9))
        for i in range(1, 4):
            file = english / "Img" / "GoodImg" / "Bmp" / name / f"img{number:03}-{i:05}.png"
            character(file, 60 * i, (4 * i, 12), "RGB")
        character(english / "Img" / "BadImag" / "Bmp" / name / f"img{number:03}-00009.png", number, (5, 5))
        character(english / "Img" / "GoodImg" / "Msk" / name / f"img{number:03}-00001.png", 255)
        (english / "Hnd" / "Trj" / name).mkdir(parents=True)
        (english / "Hnd" / "Trj" / name / f"img{number:03}_001.m").write_text("x = 1")
    return english


def test_fonts_are_the_default(english: Path):
    data = open_char74k(english.parents[1])
    assert (data.spec.name, data.spec.channels, data.spec.shape) == ("char74k-fnt", 1, (8, 8))
    assert data.images.shape == (30, 8, 8, 1)
    assert data.labels is not None
    assert data.labels.tolist() == [0] * 10 + [10] * 10 + [61] * 10
    assert data.images[[0, 9, 10, 29], 3, 4, 0].tolist() == [19, 181, 29, 242]
    assert sorted(np.concatenate(list(data.splits.values()))) == list(range(30))
    assert all(len(part) for part in data.splits.values())
    assert data.facts["notes"][:2] == [
        "subset: 30 of the 62992 images of Fnt",
        "no images of: " + "123456789" + "BCDEFGHIJKLMNOPQRSTUVWXYZ" + "abcdefghijklmnopqrstuvwxy",
    ]
    assert data.facts["notes"][2:] == ["split about 80/10/10 by a hash of the file content"]
    assert data.facts["checksum"].startswith("sha256:")
    json.dumps(data.facts)


def test_names_of_the_classes():
    assert len(CLASSES) == 62
    assert (CLASSES[0], CLASSES[9], CLASSES[10], CLASSES[35], CLASSES[36], CLASSES[61]) == tuple("09AZaz")


@pytest.mark.parametrize("place", ["Img", "Img/GoodImg", "Img/GoodImg/Bmp"])
def test_photographs_are_brought_to_one_size(english: Path, place: str):
    shutil.rmtree(english / "Img" / "BadImag")
    data = open_char74k(english / place, ReadOptions(size=16))
    assert (data.spec.name, data.spec.channels) == ("char74k-img", 3)
    assert data.images.shape == (9, 16, 16, 3)
    assert data.images[:3, 8, 8].tolist() == [[60, 0, 0], [120, 0, 0], [180, 0, 0]]
    assert "images of another size, brought to 16x16 (stretch): 9" in data.facts["notes"]
    padded = open_char74k(english / place, ReadOptions(size=16, fit="pad", channels=1))
    assert padded.images.shape == (9, 16, 16, 1)
    assert padded.images[0, 8, 0, 0] == 0
    assert open_char74k(english / place).spec.shape == (64, 64)  # mixed sizes and none given


def test_good_photographs_come_before_poor_ones(english: Path):
    assert open_char74k(english / "Img").spec.name == "char74k-img"
    poor = open_char74k(english / "Img" / "BadImag")
    assert poor.spec.name == "char74k-bad"
    assert poor.images[:, 0, 0, 0].tolist() == [1, 11, 62]
    assert len(open_char74k(english.parent, part="Bad")) == 3


def test_drawings_are_divided_by_person(english: Path):
    data = open_char74k(english.parents[1], ReadOptions(size=9), part="Hnd")
    assert (data.spec.name, len(data)) == ("char74k-hnd", 30)
    people = {name: set(data.images[part, 0, 0, 0].tolist()) for name, part in data.splits.items()}
    assert {name: len(who) for name, who in people.items()} == {"train": 8, "val": 1, "test": 1}
    assert set.union(*people.values()) == set(range(1, 11))
    assert "split about 80/10/10 by a hash of the person" in data.facts["notes"]
    assert open_char74k(english / "Hnd").spec.shape == (9, 9)


def test_copies_share_a_split(english: Path):
    tree = english / "Fnt"
    for i in range(10, 40):
        shutil.copy(tree / "Sample001" / "img001-00001.png", tree / "Sample001" / f"img001-{i:05}.png")
    data = open_char74k(tree)
    assert any(set(np.flatnonzero(data.images[:, 0, 0, 0] == 19)) <= set(part) for part in data.splits.values())
    assert "files that are byte-identical copies of others: 30" in data.facts["notes"]


def test_renamed_parents_and_links(english: Path, tmp_path: Path):
    english.rename(tmp_path / "letters")
    expected = open_char74k(tmp_path / "letters" / "Fnt").facts["checksum"]
    (tmp_path / "letters" / "Fnt").rename(tmp_path / "fonts")
    (tmp_path / "fonts" / "again").symlink_to(tmp_path / "fonts")
    data = open_char74k(tmp_path / "fonts")
    assert data.spec.name == "char74k"  # the folder no longer says which part it is
    assert data.facts["checksum"] == expected


def test_decoding_into_a_file(english: Path, tmp_path: Path):
    data = open_char74k(english / "Fnt", scratch=tmp_path / "images.npy")
    assert np.array_equal(np.load(tmp_path / "images.npy"), data.images)


def test_other_files_are_counted(english: Path):
    tree = english / "Fnt"
    (tree / "Sample001" / "Thumbs.db").write_bytes(b"x")
    (tree / "Sample001" / ".hidden.png").write_bytes(b"x")
    (tree / "more").mkdir()
    data = open_char74k(tree)
    assert "files and folders that are no images of Char74K, left out: 1 .db, 1 folder more" in data.facts["notes"]
    assert len(data) == 30


def test_broken_images_can_be_skipped(english: Path):
    file = english / "Fnt" / "Sample011" / "img011-00003.png"
    file.write_bytes(file.read_bytes()[:40])
    data = open_char74k(english / "Fnt", ReadOptions(skip_broken=True))
    assert len(data) == 29
    assert data.labels is not None
    assert np.bincount(data.labels)[[0, 10, 61]].tolist() == [10, 9, 10]
    assert data.facts["skipped"][0].startswith("Sample011/img011-00003.png: ")
    assert f"skipped {data.facts['skipped'][0]}" in data.facts["notes"]


def put(name: str, data: bytes) -> Callable[[Path], None]:
    """A file of this content."""
    return lambda tree: (tree / name).write_bytes(data) and None


def stray(name: str) -> Callable[[Path], None]:
    """A good image of this name."""
    return lambda tree: character(tree / name, 7)


def cut(tree: Path) -> None:
    """An image without its end."""
    file = tree / "Sample001" / "img001-00002.png"
    Image.effect_noise((64, 64), 90).save(file)
    file.write_bytes(file.read_bytes()[:1500])


def dangling(tree: Path) -> None:
    """A link to nothing."""
    (tree / "Sample001" / "img001-00011.png").symlink_to(tree / "nowhere.png")


def hollow(tree: Path) -> None:
    """Classes without images."""
    for file in tree.rglob("*.png"):
        file.unlink()


def swap(tree: Path) -> None:
    """Two classes in each other's place."""
    (tree / "Sample001").rename(tree / "x")
    (tree / "Sample011").rename(tree / "Sample001")
    (tree / "x").rename(tree / "Sample011")


BAD: dict[str, tuple[Callable[[Path], None], dict, str]] = {
    "cut": (cut, {}, r"img001-00002\.png cannot be read: .*--skip-broken"),
    "empty": (put("Sample001/img001-00002.png", b""), {}, r"img001-00002\.png cannot be read"),
    "text": (put("Sample062/img062-00001.png", b"hello"), {}, r"Sample062/img062-00001\.png cannot be read"),
    "dangling": (dangling, {}, r"img001-00011\.png cannot be read"),
    "folder as image": (
        lambda tree: (tree / "Sample001" / "img001-00012.png").mkdir(),
        {},
        r"img001-00012\.png cannot be read",
    ),
    "other name": (stray("Sample001/cat.png"), {}, r"cat\.png is no image of class '0': its name is not img001-"),
    "other class": (stray("Sample011/img001-00001.png"), {}, r"img001-00001\.png is no image of class 'A'"),
    "classes swapped": (swap, {}, r"Sample001/img011-00001\.png is no image of class '0'"),
    "class 63": (stray("Sample063/img063-00001.png"), {}, r"Sample063 is no class.*Sample001 to Sample062.*folder:"),
    "class 0": (stray("Sample000/img000-00001.png"), {}, r"Sample000 is no class of English Char74K"),
    "no images": (hollow, {}, r"the folders Sample001 \.\.\. of .*Fnt hold no images"),
    "no such part": (lambda _: None, {"part": "Font"}, r"no part of Char74K 'Font'; did you mean 'Fnt'"),
    "other part": (lambda _: None, {"part": "Hnd"}, r"char74k Hnd was not found below .*Fnt\)\. Get EnglishFnt"),
    "fit": (lambda _: None, {"fit": "squeeze"}, r"no fit 'squeeze'"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str, english: Path):
    change, options, message = BAD[name]
    options = {"part": "", **options}
    part = options.pop("part")
    tree = english / "Fnt"
    change(tree)
    before = sorted(english.rglob("*"))
    with pytest.raises(GvaeError, match=message):
        open_char74k(tree, ReadOptions(**options), part=part)
    assert sorted(english.rglob("*")) == before


def test_several_places_are_listed(english: Path, tmp_path: Path):
    shutil.copytree(english / "Fnt", tmp_path / "root" / "other" / "Fnt")
    with pytest.raises(GvaeError, match=r"2 folders of char74k .*English/Fnt, .*other/Fnt; choose one, as in char74k:"):
        open_char74k(tmp_path / "root")
    shutil.rmtree(tmp_path / "root" / "other")
    shutil.rmtree(english / "Fnt")
    with pytest.raises(GvaeError, match=r"2 folders of char74k .*Hnd/Img, .*Img/GoodImg/Bmp; choose one"):
        open_char74k(tmp_path / "root")


def test_nothing_there_says_what_to_put_where(english: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", english / "Img" / "GoodImg" / "Msk", english / "Hnd" / "Trj"):
        with pytest.raises(GvaeError) as caught:
            open_char74k(place)
        text = str(caught.value)
        assert f"was not found below {place}" in text
        assert "EnglishFnt.tgz" in text
        assert "http://www.ee.surrey.ac.uk/CVSSP/demos/chars74k/" in text
        assert f"{place}/char74k/English/Fnt/Sample001" in text
    monkeypatch.setenv("GVAE_DATA", str(tmp_path / "not" / "there"))
    with pytest.raises(GvaeError, match="EnglishFnt"):
        open_char74k()
    with pytest.raises(GvaeError, match=f"there is no folder {tmp_path}/rooot; did you mean {tmp_path}/root"):
        open_char74k(tmp_path / "rooot")


def test_real_fonts(data_root: Path):
    data = open_char74k(data_root)
    assert data.spec.name == "char74k-fnt"
    assert data.images.shape == (3162, 28, 28, 1)
    assert data.labels is not None
    counts = np.bincount(data.labels, minlength=62)
    assert [CLASSES[i] for i in np.flatnonzero(counts == 93)] == list("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ")
    assert counts.sum() == 34 * 93
    distinct: dict[bytes, set[str]] = {}
    for split, part in data.splits.items():
        for image in data.images[part]:
            distinct.setdefault(image.tobytes(), set()).add(split)
    assert len(distinct) == 3025
    assert {len(splits) for splits in distinct.values()} == {1}
    with Image.open(data_root / "char74k/English/Fnt/Sample011/img011-00001.png") as image:
        assert np.array_equal(data.images[930, ..., 0], np.asarray(image))  # 10 digits of 93, then the first A
    assert np.median(data.images) == 255  # black on white
    assert "subset: 3162 of the 62992 images of Fnt" in data.facts["notes"]
    assert "no images of: IOabcdefghijklmnopqrstuvwxyz" in data.facts["notes"]


def test_real_photographs(data_root: Path):
    data = open_char74k(data_root / "char74k" / "English" / "Img", ReadOptions(size=32))
    assert data.spec.name == "char74k-img"
    assert data.images.shape == (504, 32, 32, 3)
    assert data.labels is not None
    assert np.bincount(data.labels, minlength=62).tolist() == [14] * 36 + [0] * 26
    assert "images of another size, brought to 32x32 (stretch): 504" in data.facts["notes"]
    with Image.open(data_root / "char74k/English/Img/GoodImg/Bmp/Sample001/img001-00001.png") as image:
        small = image.convert("RGB").resize((32, 32), Image.Resampling.LANCZOS)
    assert np.array_equal(data.images[0], np.asarray(small))
