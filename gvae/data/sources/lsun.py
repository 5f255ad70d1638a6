"""LSUN: photographs of ten kinds of scenes and twenty kinds of objects, shorter side 256 pixels, each kind an LMDB.

LSUN: Construction of a Large-scale Image Dataset using Deep Learning with Humans in the Loop (Yu, Seff, Zhang, Song,
Funkhouser, Xiao, 2015) https://arxiv.org/abs/1506.03365

bedroom_train_lmdb/data.mdb    a scene's training images: JPEG or WebP under keys of 40 hexadecimal digits
bedroom_val_lmdb/data.mdb      its 300 validation images, which are the test split here
cat/data.mdb                   an object's images
bedroom_jpg/KEY.jpg            the same as files, also in sub-folders: folders of the kind's name with _train, _val,
                               _jpg, _webp or _images behind it
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gvae.data.arrays.decoding import file_items
from gvae.data.arrays.items import Item, Joined
from gvae.data.dataset import Dataset
from gvae.data.files.locate import search
from gvae.data.files.paths import default_root, existing
from gvae.data.images.lists import divide
from gvae.data.images.reading import COLOUR, has_images, listed, read_images
from gvae.data.options import PLAIN, ReadOptions
from gvae.data.sources.lmdbs import FILE, lmdb_items
from gvae.errors import GvaeError, choose
from gvae.types import DataSpec

SCENES = {
    "bedroom": 3_033_042,
    "bridge": 818_687,
    "church_outdoor": 126_227,
    "classroom": 168_103,
    "conference_room": 229_069,
    "dining_room": 657_571,
    "kitchen": 2_212_277,
    "living_room": 1_315_802,
    "restaurant": 626_331,
    "tower": 708_264,
}
"""the scenes, and how many training images each has"""
OBJECTS = (
    *("airplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "dining_table", "dog"),
    *("horse", "motorbike", "person", "potted_plant", "sheep", "sofa", "train", "tv-monitor"),
)
ENDS = {"": "", "train": "train", "val": "test"}
"""what the end of a folder's name says, and the split that it is here"""
BASE = re.compile(r"(.+?)(?:_(train|val))?(?:_lmdb)?")
LOOSE = re.compile(rf"({'|'.join((*SCENES, *OBJECTS))})_(train|val)?_?(?:jpg|jpeg|webp|images)?")
"""names of the folder of an LMDB, and of a folder of image files"""
UNKNOWN = "test_lmdb"
"""official test images, of which the kind is not published"""
HOW = (
    "Get bedroom_train_lmdb.zip and bedroom_val_lmdb.zip (or another kind) with the download.py of "
    "https://github.com/fyu/lsun and unzip them so that {root}/lsun/bedroom_train_lmdb/data.mdb is there; or name the "
    "folder, as in --data lsun:FOLDER"
)


class Part(NamedTuple):
    """One LMDB or folder of images."""

    folder: Path
    category: str
    split: str
    """train, test, or "" if its name does not say"""
    loose: bool
    """image files, no LMDB"""


def open_lsun(
    root: Path | None = None, options: ReadOptions = PLAIN, scratch: Path | None = None, category: str = ""
) -> Dataset:
    """Images of LSUN in the order of their keys; several categories are classes.

    The official validation images are the test split, val is about a tenth of train; without them about 80/10/10: by a
    hash of each file's content.

    Args:
        root: a folder with the LMDBs in it or some levels below, or one of them, to which the other split beside it
            is added; default: GVAE_DATA, else the user's cache.
        options: size, fit and skip_broken, as in `gvae.data.sources.folder.open_folder`, and scratch likewise.
        category: the only one to take; default: all that are there.

    Raises:
        GvaeError: no images, no such category, a category twice, a damaged LMDB, an unreadable image.
    """
    parts, place = _find(root)
    names = sorted({part.category for part in parts})
    if category:
        names = [choose("category of LSUN here called", category, names)]
        parts = [part for part in parts if part.category == category]
    _check_once(parts)
    items, owner, notes = _items(parts)
    images = read_images(place, items, options.otherwise(channels=COLOUR), scratch)
    owner = owner[images.kept]
    given = [parts[i].split for i in owner]
    splits, divided = divide(given, images.keys, "file content")
    count = {name: sum(parts[i].category == name and parts[i].split != "test" for i in owner) for name in names}
    short = [f"subset: {n} of the {SCENES[name]} training images of {name}" for name, n in count.items()
             if n != SCENES.get(name, n)]  # fmt: skip
    facts = images.facts | {"notes": [*short, *notes, *divided, *images.facts["notes"]]}
    several = len(names) > 1
    labels = np.array([names.index(parts[i].category) for i in owner], np.int64) if several else None
    name = "-".join(["lsun", *([] if several else names), *(["subset"] if short else [])])
    spec = DataSpec(name, COLOUR, images.size, tuple(names) if several else ())
    return Dataset(spec, images.pixels, labels, splits, facts)


def _find(root: Path | None) -> tuple[list[Part], Path]:
    """The parts below a folder, sorted, and the folder that holds them all."""
    place = default_root().absolute() if root is None else existing(Path(root)).absolute()
    try:
        folders = [path for path in search(place, _is_part) if path.name != UNKNOWN]
        if not folders and root is not None and has_images(place):
            folders = [place]
    except OSError as error:
        raise GvaeError(f"{place} cannot be searched for lsun ({error}); make it readable") from error
    if not folders:
        raise GvaeError(f"lsun was not found below {place}. {HOW.format(root=place)}")
    if folders == [place]:
        folders += _other_split(place)
    return [_part(folder) for folder in folders], Path(os.path.commonpath(folders))


def _is_part(path: Path, _: Sequence[str], files: Sequence[str]) -> bool:
    """Whether a folder is an LMDB, or image files by its name."""
    return FILE in files or LOOSE.fullmatch(path.name) is not None


def _part(folder: Path) -> Part:
    """What the name of a folder says."""
    loose = not (folder / FILE).exists()
    match = (LOOSE if loose else BASE).fullmatch(folder.name)
    category, end = match.groups() if match else (folder.name, "")
    return Part(folder, category, ENDS[end or ""], loose)


def _other_split(folder: Path) -> list[Path]:
    """bedroom_val_lmdb for bedroom_train_lmdb, if it is beside it."""
    other = folder.with_name(folder.name.replace("_train_lmdb", "_val_lmdb"))
    return [other] if other != folder and (other / FILE).exists() else []


def _check_once(parts: Sequence[Part]) -> None:
    """Refuse parts that may hold the same images."""
    first: dict[tuple[str, str], Part] = {}
    for part in parts:
        for split in {part.split} if part.split else {"", "train", "test"}:
            other = first.setdefault((part.category, split), part)
            if other is not part:
                raise GvaeError(
                    f"{part.category} of LSUN is there twice, as {other.folder} and {part.folder}; choose one, as in "
                    f"lsun:{other.folder}, or move the other away"
                )


def _items(parts: Sequence[Part]) -> tuple[Sequence[Item], np.ndarray, list[str]]:
    """All images, the part of each, and notes."""
    found: list[Sequence[Item]] = []
    notes: list[str] = []
    place = Path(os.path.commonpath([part.folder for part in parts]))
    for part in parts:
        within = part.folder.relative_to(place)
        if part.loose:
            layout = listed(part.folder)
            notes += layout.notes
            files = file_items(part.folder, layout.files)
            found.append([((within / name).as_posix(), opener) for name, opener in files])
        else:
            found.append(lmdb_items(part.folder, "" if within == Path() else f"{within.as_posix()}/"))
    return Joined(found), np.repeat(np.arange(len(parts)), [len(items) for items in found]), notes
