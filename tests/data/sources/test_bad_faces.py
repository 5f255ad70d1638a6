"""What is wrong with face sets and LSUN in practice: each is refused with the file's name and a cure."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gvae.data import open_data
from gvae.data.options import ReadOptions
from gvae.data.sources.celeba import open_celeba
from gvae.data.sources.celeba_hq import open_celeba_hq
from gvae.data.sources.ffhq import open_ffhq
from gvae.data.sources.lsun import open_lsun
from gvae.errors import GvaeError
from tests.data.sources.face_files import attribute_list, celeba, pairs, photo

lmdb = pytest.importorskip("lmdb", reason='needs the package lmdb: pip install "gvae[lsun]"')

Case = tuple[str, Callable[[Path], Callable[[], Any]], str, str]
"""name, what builds the bad thing and returns the call, regex of the file, regex of the cure"""
ATTRIBUTES, PARTITION, IDENTITY = "list_attr_celeba.txt", "list_eval_partition.txt", "identity_CelebA.txt"


def edited(file: str, edit: Callable[[list[str]], list[str]]) -> Callable[[Path], Callable[[], Any]]:
    """CelebA with one list whose lines were edited."""

    def build(root: Path) -> Callable[[], Any]:
        celeba(root)
        lines = (root / file).read_text().splitlines()
        (root / file).write_text("\n".join(edit(lines)) + "\n")
        return partial(open_celeba, root)

    return build


def line(number: int, old: str, new: str) -> Callable[[list[str]], list[str]]:
    """An edit of one line, counted from 1."""

    def edit(lines: list[str]) -> list[str]:
        assert old in lines[number - 1]
        return [text.replace(old, new) if i == number else text for i, text in enumerate(lines, 1)]

    return edit


def binary_list(root: Path) -> Callable[[], Any]:
    """An attribute list that is an archive."""
    celeba(root)
    (root / ATTRIBUTES).write_bytes(b"\x89PNG\xff\xfe\x00")
    return partial(open_celeba, root)


def truncated_jpeg(root: Path) -> Callable[[], Any]:
    """An image cut in its middle, under a name that is no ASCII."""
    folder = celeba(root / "Gesichter für 顔")
    file = folder / "000003.jpg"
    Image.open(file).convert("RGB").save(file, "JPEG")
    file.write_bytes(file.read_bytes()[:700])
    return partial(open_celeba, root)


def mixed_sizes(root: Path) -> Callable[[], Any]:
    """Halved images among full ones."""
    photo(celeba(root) / "000007.jpg", 7, (10, 12))
    return partial(open_celeba, root)


def twice(root: Path) -> Callable[[], Any]:
    """One image as JPEG and as PNG."""
    photo(celeba(root) / "000007.png", 7)
    return partial(open_celeba, root)


def with_options(**options: Any) -> Callable[[Path], Callable[[], Any]]:
    """A good CelebA with options that cannot be."""

    def build(root: Path) -> Callable[[], Any]:
        celeba(root)
        return partial(open_celeba, root, ReadOptions(**options))

    return build


def no_option(root: Path) -> Callable[[], Any]:
    """An option that the source has not."""
    photo(root / "ffhq" / "00000.png", 0, (8, 8))
    return partial(open_data, f"ffhq:{root}", crop=4)


def mapping(text: str) -> Callable[[Path], Callable[[], Any]]:
    """CelebAMask-HQ with a bad mapping."""

    def build(root: Path) -> Callable[[], Any]:
        for i in range(2):
            photo(root / "CelebA-HQ-img" / f"{i}.jpg", i, (8, 8))
        (root / "CelebA-HQ-to-CelebA-mapping.txt").write_text(text)
        return partial(open_celeba_hq, root)

    return build


def hq_list(root: Path) -> Callable[[], Any]:
    """CelebA-HQ with a list of other images."""
    photo(root / "female" / "000001.jpg", 1, (8, 8))
    photo(root / "male" / "000002.jpg", 2, (8, 8))
    attribute_list(root / "list_attr_celeba_hq.txt", ["Male"], {"000001.jpg": [-1], "000009.jpg": [1]})
    return partial(open_celeba_hq, root)


def features(text: str | None) -> Callable[[Path], Callable[[], Any]]:
    """FFHQ whose second image has this in its JSON file."""

    def build(root: Path) -> Callable[[], Any]:
        for i in range(2):
            photo(root / "thumbnails128x128" / f"{i:05}.png", i, (8, 8))
        (root / "features_json").mkdir()
        (root / "features_json" / "00000.json").write_text("[]")
        if text is not None:
            (root / "features_json" / "00001.json").write_text(text)
        return partial(open_ffhq, root)

    return build


def scene(folder: Path, entries: int = 40) -> Path:
    """An LMDB of PNG images on several pages."""
    file = photo_bytes(folder.parent)
    folder.mkdir(parents=True)
    with lmdb.open(str(folder), map_size=2**22, lock=False) as base, base.begin(write=True) as part:
        for i in range(entries):
            part.put(f"{i:040x}".encode(), file)
    return folder / "data.mdb"


def photo_bytes(folder: Path) -> bytes:
    """An encoded image."""
    file = folder / "one.tmp"
    photo(file, 1, (8, 8))
    data = file.read_bytes()
    file.unlink()
    return data


def damaged(change: Callable[[bytes], bytes]) -> Callable[[Path], Callable[[], Any]]:
    """An LMDB whose bytes were changed."""

    def build(root: Path) -> Callable[[], Any]:
        file = scene(root / "bedroom_train_lmdb")
        file.write_bytes(change(file.read_bytes()))
        return partial(open_lsun, root)

    return build


def zero_page(data: bytes) -> bytes:
    """An LMDB whose second leaf is zeros; LMDB itself would end the process."""
    leaves = [i for i in range(2 * 4096, len(data), 4096) if data[i + 10 : i + 12] == b"\2\0"]
    assert len(leaves) > 1
    return data[: leaves[1]] + bytes(4096) + data[leaves[1] + 4096 :]


def empty_scene(root: Path) -> Callable[[], Any]:
    """An LMDB without entries."""
    scene(root / "bedroom_train_lmdb", 0)
    return partial(open_lsun, root)


def text_value(root: Path) -> Callable[[], Any]:
    """An LMDB of text."""
    scene(root / "bedroom_train_lmdb", 3)
    with (
        lmdb.open(str(root / "bedroom_train_lmdb"), map_size=2**22, lock=False) as base,
        base.begin(write=True) as part,
    ):
        part.put(b"f" * 40, b"<html>")
    return partial(open_lsun, root)


def both_forms(root: Path) -> Callable[[], Any]:
    """The same scene as LMDB and as files."""
    scene(root / "bedroom_train_lmdb", 3)
    photo(root / "bedroom_jpg" / "a.jpg", 1, (8, 8))
    return partial(open_lsun, root)


def wrong_path(root: Path) -> Callable[[], Any]:
    """A mistyped folder."""
    scene(root / "bedroom_train_lmdb", 3)
    return partial(open_data, f"lsun:{root}/bedrom_train_lmdb")


def wrong_category(root: Path) -> Callable[[], Any]:
    """A mistyped category."""
    scene(root / "bedroom_train_lmdb", 3)
    return partial(open_lsun, root, category="bathroom")


CASES: list[Case] = [
    ("header names a column less", edited(ATTRIBUTES, line(2, "Male Smiling", "Male")),
     rf"{ATTRIBUTES}, line 3: 000001 has 2 values for 1 columns", "get it again"),
    ("first line counts other rows", edited(ATTRIBUTES, line(1, "12", "202599")),
     rf"{ATTRIBUTES} has 12 rows where its first line says 202599", "get it again"),
    ("rows missing for images", edited(ATTRIBUTES, lambda rows: ["10", *rows[1:-2]]),
     rf"{ATTRIBUTES} has no row for image 000011 \(2 of 12 images", "take the complete list, or move it away"),
    ("attribute of 0", edited(ATTRIBUTES, line(4, " 1", " 0")),
     rf"{ATTRIBUTES}, line 4: 000002 has the value 0, but only -1, 1", "mend the line"),
    ("attribute of 2", edited(ATTRIBUTES, line(14, "-1", " 2")),
     rf"{ATTRIBUTES}, line 14: 000012 has the value 2", "mend the line"),
    ("attribute that is a word", edited(ATTRIBUTES, line(5, "-1", "no")),
     rf"{ATTRIBUTES}, line 5: 000003 has a value that is no whole number", "get the list again"),
    ("a row twice", edited(ATTRIBUTES, lambda rows: ["13", *rows[1:], rows[-1]]),
     rf"{ATTRIBUTES}, line 15: 000012 is there twice", "remove one of its lines"),
    ("a list that is no text", binary_list, rf"{ATTRIBUTES} cannot be read as text", "get it again"),
    ("an empty list", edited(PARTITION, lambda _: []), rf"{PARTITION} has 0 rows", "get it again"),
    ("partition 3", edited(PARTITION, line(6, " 0", " 3")),
     rf"{PARTITION}, line 6: 000006 has the value 3, but only 0, 1, 2", "mend the line"),
    ("identities cut within a row", edited(IDENTITY, lambda rows: [*rows[:8], "000009.jpg"]),
     rf"{IDENTITY}, line 9: 000009 has 0 values for 1 columns", "get it again"),
    ("identities cut between rows", edited(IDENTITY, lambda rows: rows[:8]),
     rf"{IDENTITY} has no row for image 000009 \(4 of 12 images", "take the complete list"),
    ("truncated JPEG below a Unicode name", truncated_jpeg,
     r"Gesichter für 顔/img_align_celeba/000003\.jpg cannot be read", "--skip-broken"),
    ("mixed resolutions", mixed_sizes, r"000007\.jpg has 10x12 pixels, 000001\.jpg has 20x24", "folders of their own"),
    ("an image as JPEG and as PNG", twice, r"000007\.jpg and 000007\.png", "remove one"),
    ("crop below 4", with_options(crop=0), "a square of 0 pixels .*img_align_celeba", "give --crop from 4 to 20"),
    ("crop larger than the image", with_options(crop=178),
     r"178 pixels cannot be cut from the images of .*img_align_celeba, which have 20x24", "give --crop from 4 to 20"),
    ("crop where there is none", no_option, "option crop does not apply to ffhq", "leave it out"),
    ("mapping without columns", mapping("idx orig_idx orig_file\n0 1\n"),
     r"CelebA-HQ-to-CelebA-mapping\.txt has not three words", "get it again"),
    ("mapping cut", mapping("idx orig_idx orig_file\n0 119613 119614.jpg\n"),
     r"CelebA-HQ-to-CelebA-mapping\.txt has no row for image 1 ", "take the complete file"),
    ("list of other images", hq_list, r"list_attr_celeba_hq\.txt has no row for image 000002", "move it away"),
    ("features that are no JSON", features("[{"), r"features_json/00001\.json cannot be read as JSON", "get it again"),
    ("features that are no list", features('{"a": 1}'), r"00001\.json is no list of faces", "get it again"),
    ("features without a field", features('[{"faceRectangle": {"width": 9, "height": 9}, "faceAttributes": {"age": 3}}]'),
     r"00001\.json lacks a field of a face .*'gender'", "get it again"),
    ("features missing", features(None), r"features_json/00001\.json is missing \(1 of 2", "move it away"),
    ("LMDB cut", damaged(lambda data: data[: len(data) // 2]),
     r"bedroom_train_lmdb/data\.mdb is damaged \(it is cut: \d+ of \d+ bytes\)", "copy or download it again"),
    ("LMDB with a page of zeros", damaged(zero_page), r"data\.mdb is damaged", "copy or download it again"),
    ("LMDB of no bytes", damaged(lambda _: b""), r"data\.mdb is damaged", "copy or download it again"),
    ("LMDB that is text", damaged(lambda _: b"text" * 4096),
     r"data\.mdb is damaged \(.*not an LMDB", "copy or download it again"),
    ("LMDB without entries", empty_scene, r"data\.mdb holds no images", "copy or download it again"),
    ("LMDB value that is no image", text_value, "bedroom_train_lmdb/f{40} cannot be read", "--skip-broken"),
    ("LMDB beside JPEG", both_forms, "bedroom_jpg and .*bedroom_train_lmdb", "choose one, as in lsun:"),
    ("a mistyped folder", wrong_path, "no folder .*bedrom_train_lmdb", "did you mean .*bedroom_train_lmdb"),
    ("no such category", wrong_category, "'bathroom'", "did you mean 'bedroom'"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_bad_input_is_named_with_its_cure(case: Case, tmp_path: Path):
    _, build, file, cure = case
    call = build(tmp_path)
    before = sorted(path for path in tmp_path.rglob("*"))
    with pytest.raises(GvaeError) as caught:
        call()
    text = str(caught.value)
    assert re.search(file, text), text
    assert re.search(cure, text[re.search(file, text).end() :]), text  # type: ignore[union-attr]
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_images_missing_for_rows_are_a_subset(tmp_path: Path):
    folder = celeba(tmp_path)
    for name in ("000002.jpg", "000009.jpg"):
        (folder / name).unlink()
    assert (
        f"rows of {ATTRIBUTES} without an image: 2 of 12" in open_celeba(tmp_path, ReadOptions(size=4)).facts["notes"]
    )


def test_loops_of_links_end(tmp_path: Path):
    folder = celeba(tmp_path)
    (folder / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "more").symlink_to(folder, target_is_directory=True)
    assert len(open_celeba(tmp_path, ReadOptions(size=4))) == 12


def test_a_read_only_lmdb_is_read(tmp_path: Path):
    file = scene(tmp_path / "bedroom_train_lmdb", 6)
    file.chmod(0o444)
    file.parent.chmod(0o555)
    try:
        assert len(open_lsun(tmp_path)) == 6
        assert os.listdir(file.parent) == ["data.mdb"]
    finally:
        file.parent.chmod(0o755)


def test_a_person_in_two_official_parts_is_said(tmp_path: Path):
    celeba(tmp_path)
    pairs(tmp_path / PARTITION, {f"{i:06}.jpg": 0 if i < 10 else 2 for i in range(1, 13)})
    notes = open_celeba(tmp_path, ReadOptions(size=4)).facts["notes"]
    assert "warning: 1 test images have their person in common with train" in notes


def test_unpacked_twice(tmp_path: Path):
    folder = celeba(tmp_path / "a")
    shutil.copytree(folder, tmp_path / "b" / "img_align_celeba")
    with pytest.raises(GvaeError, match="2 folders of celeba"):
        open_celeba(tmp_path)
