"""Char74K: English characters in 62 classes, from computer fonts, drawn by hand, or cut from photographs.

Character recognition in natural images (de Campos, Babu, Varma, VISAPP 2009)
http://www.ee.surrey.ac.uk/CVSSP/demos/chars74k/

Fnt  62,992 from 254 fonts in four styles, 128x128, gray
Hnd   3,410 drawn on a tablet by 55 people, 1200x900
Img   7,705 cut from photographs, of all sizes, in colour; Bad holds the poor ones that the authors set apart

Sample001 to 010 are the digits, 011 to 036 the capitals, 037 to 062 the small letters. The splits are not the
authors', which were made for classifiers with 5 to 30 images per class.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from pathlib import Path

import numpy as np

from gvae.data.arrays.decoding import file_items
from gvae.data.arrays.pixels import ENDINGS
from gvae.data.dataset import Dataset
from gvae.data.files.locate import search
from gvae.data.files.paths import default_root
from gvae.data.images.lists import divide
from gvae.data.images.reading import read_images
from gvae.data.options import PLAIN, ReadOptions
from gvae.data.sources.folder import checked
from gvae.errors import GvaeError, choose
from gvae.types import DataSpec

CLASSES = tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase)
SAMPLE, IMAGE = re.compile(r"Sample(\d{3})"), re.compile(r"img(\d{3})-(\d+)")
"""names of a class's folder and, without ending, of its images"""
PARTS = {"Fnt": 62_992, "Hnd": 3_410, "Img": 7_705, "Bad": None}
"""the parts, and how many images each has"""
PLACES = {
    ("Fnt",): "Fnt",
    ("Hnd", "Img"): "Hnd",
    ("Hnd",): "Hnd",
    ("BadImag", "Bmp"): "Bad",
    ("BadImag",): "Bad",
    ("GoodImg", "Bmp"): "Img",
    ("GoodImg",): "Img",
    ("Img",): "Img",
}
"""last folders of a path, and the part they hold; the first that fits counts"""
NO_IMAGES = ("Msk", "Trj")
"""folders with Sample001 ... that hold masks and pen trajectories"""
HOW = (
    "Get EnglishFnt.tgz (or EnglishHnd.tgz, EnglishImg.tgz) from http://www.ee.surrey.ac.uk/CVSSP/demos/chars74k/ and "
    "unpack it in {root}/char74k, so that {root}/char74k/English/Fnt/Sample001 is there; or name the folder that "
    "holds Sample001 ..., as in --data char74k:FOLDER"
)


def open_char74k(
    root: Path | None = None, options: ReadOptions = PLAIN, scratch: Path | None = None, part: str = ""
) -> Dataset:
    """One part of Char74K, split about 80/10/10 by a hash of each file's content, the drawings by one of the person.

    Args:
        root: a folder with the part in it or some levels below; default: GVAE_DATA, else the user's cache.
        options, scratch: as in `gvae.data.sources.folder.open_folder`, but fit is stretch if none is given: it cuts off
            no stroke.
        part: Fnt, Hnd, Img or Bad; default: Fnt if it is there, else the only other one.

    Raises:
        GvaeError: no such part or several, folders or images that are not Char74K's, an unreadable image.
    """
    options = options.otherwise(fit="stretch")
    tree, part = _find(root, options, part)
    files, notes = _files(tree)
    images = read_images(tree, file_items(tree, files), options, scratch)
    names = [files[i] for i in images.kept]
    labels = np.array([int(name.parent.name[-3:]) - 1 for name in names], np.int64)
    # the number in the name of a drawing is the person's
    people = np.array([name.stem.split("-")[1] for name in names])
    keys, about = (people, "person") if part == "Hnd" else (images.keys, "file content")
    splits, divided = divide([""] * len(names), keys, about)
    facts = images.facts | {"notes": [*_completeness(labels, part), *notes, *divided, *images.facts["notes"]]}
    spec = DataSpec(f"char74k-{part.lower()}" if part else "char74k", images.pixels.shape[-1], images.size, CLASSES)
    return Dataset(spec, images.pixels, labels, splits, facts)


def _find(root: Path | None, options: ReadOptions, part: str) -> tuple[Path, str]:
    """The folder with Sample001 ..., and which part it is."""
    place = default_root().absolute() if root is None else root
    if root is not None or place.is_dir():
        place = checked(place, options.fit or "stretch")
    wanted = [[choose("part of Char74K", part, PARTS)]] if part else [["Fnt"], ["Hnd", "Img", ""], ["Bad"]]
    found = {tree: _part(tree) for tree in search(place, lambda path, folders, _: _is_tree(path, folders))}
    for group in wanted:
        trees = [tree for tree, kind in found.items() if kind in group]
        if len(trees) > 1:
            raise GvaeError(
                f"there are {len(trees)} folders of char74k below {place}: {', '.join(map(str, trees))}; choose one, "
                f"as in char74k:{trees[0]}"
            )
        if trees:
            return trees[0], found[trees[0]]
    name = f"char74k {part}".rstrip()
    others = f" (there is {', '.join(map(str, found))})" if found else ""
    raise GvaeError(f"{name} was not found below {place}{others}. {HOW.format(root=place)}")


def _is_tree(path: Path, folders: list[str]) -> bool:
    """Whether a folder holds the classes of one part."""
    return path.name not in NO_IMAGES and any(SAMPLE.fullmatch(name) for name in folders)


def _part(tree: Path) -> str:
    """The part that a folder is, by the end of its path; "" if that was renamed."""
    return next((part for end, part in PLACES.items() if tree.parts[-len(end) :] == end), "")


def _files(tree: Path) -> tuple[list[Path], list[str]]:
    """Images below a part, sorted, and notes on what was left out."""
    files, others = [], Counter()
    for folder in sorted(path for path in tree.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if not (match := SAMPLE.fullmatch(folder.name)):
            others[f"folder {folder.name}"] += 1
            continue
        if not 1 <= int(match[1]) <= len(CLASSES):
            raise GvaeError(
                f"{folder} is no class of English Char74K, which has Sample001 to Sample062; move it away, or read "
                f"the folders as they are with --data folder:{tree}"
            )
        for file in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
            if file.suffix.lower() in ENDINGS:
                _check_name(file, match[1])
                files.append(file.relative_to(tree))
            else:
                others[file.suffix.lower() or file.name] += 1
    if not files:
        raise GvaeError(f"the folders Sample001 ... of {tree} hold no images; unpack Char74K again")
    listed = ", ".join(f"{count} {kind}" for kind, count in others.most_common(5))
    return files, [f"files and folders that are no images of Char74K, left out: {listed}"] if others else []


def _check_name(file: Path, number: str) -> None:
    """Refuse an image whose name is not Char74K's or belongs to another class."""
    match = IMAGE.fullmatch(file.stem)
    if not match or match[1] != number:
        raise GvaeError(
            f"{file} is no image of class {CLASSES[int(number) - 1]!r}: its name is not img{number}-NUMBER; "
            "move it away"
        )


def _completeness(labels: np.ndarray, part: str) -> list[str]:
    """Notes on what is missing from the whole part."""
    counts, whole = np.bincount(labels, minlength=len(CLASSES)), PARTS.get(part)
    absent = "".join(name for name, count in zip(CLASSES, counts, strict=True) if not count)
    notes = []
    if whole and len(labels) != whole:
        notes.append(f"subset: {len(labels)} of the {whole} images of {part}")
    return [*notes, f"no images of: {absent}"] if absent else notes
