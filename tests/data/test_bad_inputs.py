"""Bad input of every kind: the message names the file and a cure, nothing runs, and nothing half-written is left."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from gvae.data import open_data, prepare
from gvae.data.dataset import Dataset
from gvae.data.files.archives import unpack
from gvae.data.prepared.store import write_prepared
from gvae.data.sources import idx
from gvae.data.sources.cifar10 import CLASSES
from gvae.errors import GvaeError
from gvae.types import DataSpec
from tests.data.files.test_archives import special, tarball

Call = Callable[[], object]
Case = tuple[str, Callable[[Path], Call], str, str]
"""name, function that builds the bad thing in a folder and returns the call, patterns of the file and of the cure"""


class Evil:
    """An object whose unpickling leaves a file behind."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.marker),)


def picture(path: Path, seed: int = 0, mode: str = "RGB", size: tuple[int, int] = (20, 16), **options) -> Path:
    """Write an image file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(array).convert(mode).save(path, **options)
    return path


def opened(data: bytes, name: str = "bad.png") -> Callable[[Path], Call]:
    """Opening a folder with one good image and a file of this content."""

    def build(root: Path) -> Call:
        folder = picture(root / "photos" / "good.png").parent
        (folder / name).write_bytes(data)
        return lambda: open_data(str(folder))

    return build


def half(name: str, **options) -> Callable[[Path], Call]:
    """Opening a folder with the first half of an image file."""

    def build(root: Path) -> Call:
        file = picture(root / "photos" / name, size=(90, 90), **options)
        data = file.read_bytes()
        file.write_bytes(data[: len(data) // 2])
        return lambda: open_data(str(root / "photos"), size=8)

    return build


def bomb() -> bytes:
    """A PNG that says it has 900 million pixels."""
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    parts = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def asked(**options) -> Callable[[Path], Call]:
    """Opening a good image with these options."""

    def build(root: Path) -> Call:
        folder = picture(root / "photos" / "a.png").parent
        return lambda: open_data(str(folder), **options)

    return build


def prepared(root: Path) -> Path:
    """A good prepared folder of ten labelled images."""
    images = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 1), dtype=np.uint8)
    spec = DataSpec("ten", 1, (8, 8), ("a", "b"), ("x",))
    splits = {"train": np.arange(8), "test": np.array([8, 9])}
    attributes = np.arange(10, dtype=np.uint8)[:, None] % 2
    return write_prepared(Dataset(spec, images, np.arange(10) % 2, splits, {}, attributes), root / "set")


def changed(name: str, change: Callable[[Path], object], vouch: bool = True) -> Callable[[Path], Call]:
    """Opening a prepared folder with one file changed, and dataset.json vouching for it."""

    def build(root: Path) -> Call:
        folder = prepared(root)
        file, note = folder / name, folder / "dataset.json"
        change(file)
        if vouch:
            about, data = json.loads(note.read_text()), file.read_bytes()
            about["files"][name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            note.write_text(json.dumps(about))
        return lambda: open_data(str(folder))

    return build


def saved(array: np.ndarray) -> Callable[[Path], object]:
    """Overwriting an .npy file."""
    return lambda file: np.save(file, array, allow_pickle=True)


def splits(**parts: list[int]) -> Callable[[Path], object]:
    """Overwriting splits.npz."""
    return lambda file: np.savez(file, allow_pickle=False, **{k: np.array(v) for k, v in parts.items()})


def evil_array(file: Path) -> None:
    """Overwrite an .npy file with an object that runs when it is unpickled."""
    saved(np.array([Evil(file.parents[1] / "marker")] * 10, object))(file)


def note(**changes) -> Callable[[Path], Call]:
    """Opening a prepared folder whose dataset.json says something else."""

    def change(file: Path) -> None:
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return changed("dataset.json", change, vouch=False)


def cut(file: Path) -> None:
    """Leave the first half of a file."""
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def idx_files(spoil: Callable[[Path], object]) -> Callable[[Path], Call]:
    """Opening MNIST with four small files, one of them spoilt."""

    def build(root: Path) -> Call:
        raw = root / "mnist" / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for part in ("train", "t10k"):
            idx.write(raw / f"{part}-images-idx3-ubyte.gz", np.zeros((4, 28, 28), np.uint8))
            idx.write(raw / f"{part}-labels-idx1-ubyte.gz", np.zeros(4, np.uint8))
        spoil(raw / "train-images-idx3-ubyte.gz")
        return lambda: open_data("mnist", root)

    return build


def cifar(data: Callable[[Path], bytes]) -> Callable[[Path], Call]:
    """Opening CIFAR-10 with these bytes as its first batch."""

    def build(root: Path) -> Call:
        folder = root / "cifar-10-batches-py"
        folder.mkdir()
        good = {"batch_label": "testing batch 1 of 1", "labels": [0] * 4, "data": np.zeros((4, 3072), np.uint8)}
        (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(CLASSES)}, 2))
        (folder / "test_batch").write_bytes(pickle.dumps(good, 2))
        (folder / "data_batch_1").write_bytes(data(root))
        return lambda: open_data("cifar10", root)

    return build


def archive(*members) -> Callable[[Path], Call]:
    """Unpacking an archive of these members."""

    def build(root: Path) -> Call:
        tarball(root / "x.tar.gz", *members)
        return lambda: unpack(root / "x.tar.gz", root / "inner")

    return build


def out(name: str, spoil: Callable[[Path], object], **options) -> Callable[[Path], Call]:
    """Preparing good images where something is in the way."""

    def build(root: Path) -> Call:
        folder = picture(root / "photos" / "a.png").parent
        spoil(root)
        return lambda: prepare(str(folder), root / name, **options)

    return build


def full_disk(root: Path) -> Call:
    """Preparing with next to no room on the disk."""
    folder = picture(root / "photos" / "a.png").parent

    def call() -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=100))
            return prepare(str(folder), root / "set")

    return call


def damaged_journal(root: Path) -> Call:
    """Going on with work whose note is damaged."""
    folder = picture(root / "photos" / "a.png").parent
    (root / "set.partial").mkdir()
    (root / "set.partial" / "lock").touch()
    (root / "set.partial" / "call.json").write_text('{"data": ')
    return lambda: prepare(str(folder), root / "set")


def loop(root: Path) -> Call:
    """A folder with nothing but a link to itself."""
    (root / "photos").mkdir()
    (root / "photos" / "again").symlink_to(root / "photos")
    return lambda: open_data(str(root / "photos"))


def nowhere(root: Path) -> Call:
    """A slip in a folder's name."""
    (root / "holiday").mkdir()
    return lambda: open_data(str(root / "hollyday"))


def a_file(root: Path) -> Call:
    """A file where a folder is expected."""
    file = picture(root / "photos" / "a.png")
    return lambda: open_data(str(file))


def floats(root: Path) -> Call:
    """Pixels without a range."""
    (root / "photos").mkdir()
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(root / "photos" / "bad.tif")
    return lambda: open_data(str(root / "photos"))


SKIP, PREPARE = "--skip-broken", "gvae data prepare"
AGAIN = r"fetch it again|gvae data fetch|fetch again|put the official file there"
CASES: list[Case] = [
    ("truncated JPEG", half("bad.jpg"), r"photos/bad\.jpg", SKIP),
    ("truncated PNG", half("bad.png"), r"photos/bad\.png", SKIP),
    ("truncated WebP", half("bad.webp"), r"photos/bad\.webp", SKIP),
    ("truncated CMYK", half("bad.jpg", mode="CMYK"), r"photos/bad\.jpg", SKIP),
    ("text called .png", opened(b"dear diary"), r"photos/bad\.png", SKIP),
    ("web page called .jpg", opened(b"<html>404</html>", "bad.jpg"), r"photos/bad\.jpg", SKIP),
    ("0 bytes", opened(b""), r"photos/bad\.png", SKIP),
    ("Unicode name", opened(b"x", "größe 図.png"), r"photos/größe 図\.png", SKIP),
    ("decompression bomb", opened(bomb()), r"photos/bad\.png", SKIP),
    ("NaN pixels", floats, r"photos/bad\.tif", "convert them to 8 or 16 bits"),
    ("only animations", lambda root: (picture(root / "p" / "a.gif"), lambda: open_data(str(root / "p")))[1],
     r"/p holds no images \(1 other files\)", r"supported.*\.png"),
    ("empty folder", lambda root: lambda: open_data(f"folder:{root}"), "holds no images", "supported"),
    ("symlink loop", loop, "photos holds no images", "supported"),
    ("folder that is a file", a_file, r"a\.png is a file", "give the folder"),
    ("slip in a path", nowhere, "hollyday", "did you mean .*holiday"),
    ("size too small", asked(size=3), "--size is 3", "from 4 to 65,535"),
    ("size zero", asked(size=0), "--size is 0", "from 4 to 65,535"),
    ("size beyond any file", asked(size=10**7), "--size is 10000000", "from 4 to 65,535"),
    ("unknown option", asked(sizes=8), "'sizes'", "did you mean 'size'"),
    ("unknown fit", asked(fit="cover"), "no value of --fit 'cover'", "crop, pad, stretch"),
    ("two channels", asked(channels=2), "no value of --channels '2'", "Known: 1, 3"),
    ("option of another source", asked(window=(40, 400)), "option window", "leave it out"),
    ("cut images.npy", changed("images.npy", cut, vouch=False), r"set/images\.npy is cut", PREPARE),
    ("missing splits", changed("splits.npz", Path.unlink, vouch=False), r"splits\.npz is missing", PREPARE),
    ("changed labels", changed("labels.npy", saved(np.arange(10) % 3), vouch=False), r"labels\.npy", PREPARE),
    ("too few labels", changed("labels.npy", saved(np.zeros(9, int))), r"set contradicts itself", PREPARE),
    ("labels NaN", changed("labels.npy", saved(np.full(10, np.nan))), r"set contradicts itself", PREPARE),
    ("labels beyond classes", changed("labels.npy", saved(np.full(10, 2))), r"set contradicts.*2 classes", PREPARE),
    ("labels that run", changed("labels.npy", evil_array), r"set contradicts itself", PREPARE),
    ("images that run", changed("images.npy", evil_array), r"set contradicts itself", PREPARE),
    ("too many attributes", changed("attributes.npy", saved(np.zeros((10, 2), np.uint8))), "set contra", PREPARE),
    ("attribute of 2", changed("attributes.npy", saved(np.full((10, 1), 2, np.uint8))), "set contra", PREPARE),
    ("float images", changed("images.npy", saved(np.zeros((10, 8, 8, 1)))), "set contradicts.*float64", PREPARE),
    ("splits overlap", changed("splits.npz", splits(train=[0, 1], test=[1])), "set contra.*overlap", PREPARE),
    ("split out of range", changed("splits.npz", splits(train=[0, 10])), r"set contra.*0\.\.9", PREPARE),
    ("split of unknown name", changed("splits.npz", splits(dev=[0])), "set contradicts.*'dev'", PREPARE),
    ("splits are text", changed("splits.npz", lambda file: file.write_text("x")), "set contradicts", PREPARE),
    ("wrong format version", note(format=99), r"dataset\.json has format 99", "prepare the data anew"),
    ("spec of the future", note(spec={"name": "a", "colour": 1}), "set contradicts.*colour", PREPARE),
    ("no facts", changed("dataset.json", lambda file: file.write_text("{}"), vouch=False), r"dataset\.json", PREPARE),
    ("JSON list", changed("dataset.json", lambda file: file.write_text("[1]"), vouch=False), r"dataset\.json", PREPARE),
    ("cut JSON", changed("dataset.json", cut, vouch=False), r"dataset\.json is damaged", PREPARE),
    ("IDX of another set", idx_files(lambda file: None), r"train-\w+-idx\d-ubyte.* is not the official", AGAIN),
    ("cut IDX", idx_files(cut), r"train-images-idx3-ubyte\.gz", AGAIN),
    ("IDX that is text", idx_files(lambda file: file.write_text("hi")), r"train-images-idx3-ubyte\.gz", AGAIN),
    ("pickle that runs", cifar(lambda root: pickle.dumps(Evil(root / "marker"), 2)), "data_batch_1", AGAIN),
    ("pickle that is text", cifar(lambda root: b"hello"), "data_batch_1", AGAIN),
    ("pickle that is a list", cifar(lambda root: pickle.dumps([1], 2)), "data_batch_1", AGAIN),
    ("path traversal", archive(("../evil", b"x")), r"x\.tar\.gz .*outside", AGAIN),
    ("link in an archive", archive((special("inner/a", b"2", "/etc"), b"")), r"x\.tar\.gz .*no plain file", AGAIN),
    ("archive of something else", archive(("other/a", b"x")), r"x\.tar\.gz", AGAIN),
    ("out is taken", out("set", lambda root: picture(root / "set" / "b.png")), "set exists already", "another --out"),
    ("out is a file", out("set", lambda root: (root / "set").write_text("x")), "set exists already", "another --out"),
    ("out below a file", out("f/set", lambda root: (root / "f").write_text("x")), "/f", "choose another --out"),
    ("foreign partial", out("set", lambda root: picture(root / "set.partial" / "b.png")), r"set\.partial", "move it"),
    ("damaged journal", damaged_journal, r"set\.partial/call\.json is damaged", r"remove .*set\.partial"),
    ("full disk", full_disk, r"set\.partial/images\.npy: there is too little room", "free some space"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_bad_input_is_named_with_a_cure(case: Case, tmp_path: Path):
    _, build, file, cure = case
    call = build(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(GvaeError) as told:
        call()
    message = str(told.value)
    for pattern in (file, cure):
        assert re.search(pattern, message, re.DOTALL), f"{pattern!r} is not in: {message}"
    assert sorted(tmp_path.rglob("*")) == before


def test_no_kind_is_there_twice():
    names = [case[0] for case in CASES]
    assert len(names) == len(set(names)) > 50


def test_odd_images_are_taken_and_it_is_said(tmp_path: Path):
    folder = tmp_path / "größe 図"
    picture(folder / "print.jpg", mode="CMYK")
    frames = [Image.new("RGB", (20, 16), (40 * i, 0, 0)) for i in range(3)]
    frames[0].save(folder / "film.png", save_all=True, append_images=frames[1:])
    picture(folder / "tall.png", size=(16, 40))
    (folder / "again").symlink_to(folder)
    data = open_data(str(folder))
    assert len(data) == 3
    notes = "\n".join(data.facts["notes"])
    assert "images in the colours of a print (CMYK), turned into RGB without a profile: 1" in notes
    assert "files of several pictures, of which the first was taken: 1" in notes
    assert "2 sizes (2 of 20x16, 1 of 16x40) and no --size was given: chose 64x64" in notes
    assert data.images[0].max() == 0  # the film's first frame is black
