"""CelebA: 202,599 aligned faces of 10,177 people, 178x218 pixels in colour, with 40 attributes.

Deep Learning Face Attributes in the Wild (Liu, Luo, Wang, Tang, ICCV 2015) https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html

img_align_celeba/000001.jpg ... 202599.jpg, or img_align_celeba_png with .png
list_attr_celeba.txt     the attributes
list_eval_partition.txt  the official split: 162,770 / 19,867 / 19,962 images, no person in two parts
identity_CelebA.txt      the person of each image, for subsets that lie in one part

The lists lie beside the images, up to two folders above, or there in the folders Anno and Eval.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gvae.data.arrays.decoding import file_items
from gvae.data.arrays.pixels import ENDINGS
from gvae.data.dataset import Dataset
from gvae.data.files.locate import beside, find, unique
from gvae.data.images.lists import read_table
from gvae.data.images.reading import COLOUR, Known, as_dataset, has_images, listed, read_images
from gvae.data.options import PLAIN, ReadOptions
from gvae.data.splits import PARTS
from gvae.errors import GvaeError

FOLDERS = ("img_align_celeba", "img_align_celeba_png")
"""names of the folder of images"""
ZIP = "img_align_celeba.zip"
"""the archive it comes in"""
ATTRIBUTES = ("list_attr_celeba.txt", "list_attr_celeba.csv")
PARTITION = ("list_eval_partition.txt", "list_eval_partition.csv")
IDENTITY = ("identity_CelebA.txt", "identity_CelebA.csv")
PARTITIONS = ("train", *PARTS)
"""what 0, 1 and 2 mean"""
WHOLE, SIZE = 202_599, 64
"""number of images; side in pixels that is usual, and the default"""
HOW = (
    "Its terms (non-commercial research, no copies to others) forbid fetching it for you: agree to them on "
    "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html, get img_align_celeba.zip, list_attr_celeba.txt, "
    "list_eval_partition.txt and identity_CelebA.txt, and unzip them so that "
    "{root}/celeba/img_align_celeba/000001.jpg is there with the lists beside its folder; or name the folder, as in "
    "--data celeba:FOLDER"
)


def open_celeba(root: Path | None = None, options: ReadOptions = PLAIN, scratch: Path | None = None) -> Dataset:
    """CelebA's aligned images with their attributes; a centre square is cut, then scaled.

    The split is the official one. Images that are all of one part are split about 80/10/10 by a hash of the person.

    Args:
        root: a folder with the images in it or some levels below; default: GVAE_DATA, else the user's cache.
        options: size (default: 64), skip_broken, and crop, the side of the centre square in pixels of the files, which a
            scaled copy has fewer of; default: the images' width, 178. Papers also use 108, 128, 140, 148 and 160.
        scratch: as in `gvae.data.sources.folder.open_folder`.

    Raises:
        GvaeError: no images or several folders of them, images of different sizes, lists that are cut or lack
            images, an unreadable image.
    """
    folder = find("celeba", root, _is_celeba, has_images, HOW)
    layout = listed(folder)
    files = unique(layout.files, folder)
    names = [file.stem for file in files]
    columns, attributes, about = read_attributes(folder, ATTRIBUTES, names)
    splits, people, told = read_people(folder, names)
    known = Known(splits, people, columns, attributes, [*layout.notes, *about, *told])
    options = options.otherwise(size=SIZE, channels=COLOUR)
    images = read_images(folder, file_items(folder, files), options, scratch, alike=True)
    return as_dataset("celeba", WHOLE, known, images)


def _is_celeba(path: Path, _: Sequence[str], files: Sequence[str]) -> bool:
    """Whether a folder is the official one, by its name and the names of its files.

    Raises:
        GvaeError: the archive is there, not unpacked.
    """
    if ZIP in files and not any((path / name).is_dir() for name in FOLDERS):
        raise GvaeError(f"{path / ZIP} is not unpacked; type: unzip {path / ZIP} -d {path}")
    return path.name in FOLDERS and any(name.lower().endswith(ENDINGS) for name in files)


def read_attributes(
    folder: Path, lists: Sequence[str], names: Sequence[str]
) -> tuple[tuple[str, ...], np.ndarray | None, list[str]]:
    """Attributes from a list near the images.

    Args:
        lists: names that the list may have.
        names: (N,) the images, without ending.

    Returns:
        names of the attributes, (N, A) uint8 of 0 and 1, and notes; without a list: (), None and a note.

    Raises:
        GvaeError: a list that is cut or altered, or lacks images.
    """
    file = beside(folder, lists)
    if file is None:
        return (), None, [f"no attributes: {lists[0]} is not beside the images"]
    table = read_table(file, allowed=(-1, 1))
    return table.columns, (table.of(names) > 0).astype(np.uint8), table.spare(names)


def read_people(folder: Path, names: Sequence[str]) -> tuple[list[str], np.ndarray | None, list[str]]:
    """What CelebA's lists say about splits.

    Args:
        names: (N,) the images by their numbers in CelebA, as 000001.

    Returns:
        split of each image ("" where nothing is known), person of each (N,) or None, and notes.

    Raises:
        GvaeError: a list that is cut or altered, or lacks images.
    """
    parts, people = beside(folder, PARTITION), beside(folder, IDENTITY)
    given, notes = [""] * len(names), []
    if parts is None:
        notes.append(f"no official split: {PARTITION[0]} is not beside the images")
    else:
        values = read_table(parts, (0, 1, 2), "partition").of(names)
        given = [PARTITIONS[part] for part in values[:, 0]]
    if people is None:
        notes.append(f"{IDENTITY[0]} is not beside the images: which are of one person is not known")
        return given, None, notes
    return given, read_table(people, column="person").of(names)[:, 0], notes
