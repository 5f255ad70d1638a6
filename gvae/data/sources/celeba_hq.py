"""CelebA-HQ: 30,000 faces out of CelebA at 1024x1024 pixels, and the copies of it that are passed round.

Progressive Growing of GANs (Karras, Aila, Laine, Lehtinen, ICLR 2018) https://arxiv.org/abs/1710.10196

train/female/012712.jpg ...            StarGAN v2's, by CelebA's number; also val, or female and male alone
CelebA-HQ-img/0.jpg ... 29999.jpg      CelebAMask-HQ's, with CelebAMask-HQ-attribute-anno.txt and
                                       CelebA-HQ-to-CelebA-mapping.txt beside the folder
any folder of images                   whose path says celeba-hq, as celeba_hq_256; folders of masks are left out

Attributes come from list_attr_celeba_hq.txt, CelebAMask-HQ's list or CelebA's own; without a list StarGAN v2's folders
still tell Male.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gvae.data.arrays.decoding import file_items
from gvae.data.arrays.pixels import ENDINGS
from gvae.data.dataset import Dataset
from gvae.data.files.locate import beside, find, unique
from gvae.data.images.reading import COLOUR, Known, as_dataset, has_images, listed, read_images
from gvae.data.options import PLAIN, ReadOptions
from gvae.data.sources.celeba import ATTRIBUTES, read_attributes, read_people
from gvae.errors import GvaeError

WHOLE = 30_000
"""number of images"""
LISTS = ("list_attr_celeba_hq.txt", "CelebAMask-HQ-attribute-anno.txt", *ATTRIBUTES)
MAPPING = "CelebA-HQ-to-CelebA-mapping.txt"
"""number in CelebA-HQ, number in CelebA, file in CelebA"""
SEXES = ("female", "male")
"""StarGAN v2's folders"""
SPLITS = ("train", "val", "test")
NAME = re.compile(r"celeb-?a(mask)?[-_ ]?hq", re.IGNORECASE)
MASKS = re.compile(r"masks?|.*mask-anno", re.IGNORECASE)
"""what a path says, and what the folders of masks are called"""
HOW = (
    "Its terms (non-commercial, and CelebA's) forbid fetching it for you: get CelebAMask-HQ.zip from "
    "https://github.com/switchablenorms/CelebAMask-HQ, or celeba_hq.zip with the download.sh of "
    "https://github.com/clovaai/stargan-v2, and unzip it so that {root}/celeba_hq/CelebA-HQ-img/0.jpg or "
    "{root}/celeba_hq/train/female is there; or name the folder of images, as in --data celeba-hq:FOLDER"
)


def open_celeba_hq(root: Path | None = None, options: ReadOptions = PLAIN, scratch: Path | None = None) -> Dataset:
    """CelebA-HQ with its attributes.

    The splits are those of the folders (train, val), else CelebA's by way of the mapping, else about
    80/10/10 by a hash: of the person where CelebA's identity list is there, else of the file. What is missing of val and
    test is about a tenth of train.

    Args:
        root: a folder with the images in it or some levels below; default: GVAE_DATA, else the user's cache.
        options: size (default: the images' own, 1024 or what the copy has) and skip_broken.
        scratch: as in `gvae.data.sources.folder.open_folder`.

    Raises:
        GvaeError: no images or several copies, lists that are cut or lack images, an unreadable image.
    """
    folder = find("celeba-hq", root, is_celeba_hq, has_images, HOW)
    layout = listed(folder)
    files = unique(layout.files, folder)
    columns, attributes, about = _attributes(folder, files)
    splits, people, told = _people(folder, files, dict(zip(layout.files, layout.splits, strict=True)))
    known = Known(splits, people, columns, attributes, [*layout.notes, *about, *told])
    images = read_images(folder, file_items(folder, files), options.otherwise(channels=COLOUR), scratch)
    return as_dataset("celeba-hq", WHOLE, known, images)


def is_celeba_hq(path: Path, folders: Sequence[str], files: Sequence[str]) -> bool:
    """Whether a folder is one of the known layouts, or holds images and is called celeba-hq or lies in one so called."""
    inner = [path / name for name in SPLITS if name in folders]
    trees = {*folders, *(sex for sex in SEXES for split in inner if (split / sex).is_dir())}
    if trees.issuperset(SEXES) or path.name == "CelebA-HQ-img":
        return True
    holds = any(name.lower().endswith(ENDINGS) for name in files)
    near = path.parts[-3:]  # a path that says it further up may mean something else
    return holds and any(map(NAME.search, near)) and not any(map(MASKS.fullmatch, near))


def _attributes(folder: Path, files: Sequence[Path]) -> tuple[tuple[str, ...], np.ndarray | None, list[str]]:
    """Attributes from a list; without one, from StarGAN v2's folders; and notes."""
    columns, attributes, notes = read_attributes(folder, LISTS, [file.stem for file in files])
    sexes = np.array([file.parent.name == "male" for file in files], np.uint8)
    if any(file.parent.name not in SEXES for file in files):
        return columns, attributes, notes
    if attributes is None:
        return ("Male",), sexes[:, None], [*notes, "attribute Male is from the folders female and male"]
    if "Male" in columns and (wrong := int((attributes[:, columns.index("Male")] != sexes).sum())):
        notes.append(f"warning: {wrong} images lie in female or male against the list's Male")
    return columns, attributes, notes


def _people(
    folder: Path, files: Sequence[Path], folders: dict[Path, str]
) -> tuple[list[str], np.ndarray | None, list[str]]:
    """Split and person of each image, as `gvae.data.sources.celeba.read_people` has them; splits of folders come first."""
    mapping = beside(folder, [MAPPING])
    numbers = [file.stem for file in files] if mapping is None else _numbers(mapping, files)
    if any(len(number) != 6 or not number.isdecimal() for number in numbers):
        given, people, notes = [""] * len(files), None, ["which images are of one person is not known"]
    else:
        given, people, notes = read_people(folder, numbers)
    if any(folders.values()):
        given = [folders[file] for file in files]
    return given, people, notes


def _numbers(mapping: Path, files: Sequence[Path]) -> list[str]:
    """Number of each image in CelebA, as 000001.

    Raises:
        GvaeError: a mapping that is cut or lacks images.
    """
    try:
        rows = [line.split() for line in mapping.read_text(encoding="utf-8").splitlines()[1:] if line.strip()]
        known = {number: Path(name).stem for number, _, name in rows}
    except (OSError, ValueError) as error:
        raise GvaeError(f"{mapping} has not three words in every row ({error}); get it again") from error
    missing = [file.stem for file in files if file.stem not in known]
    if missing:
        raise GvaeError(
            f"{mapping} has no row for image {missing[0]} ({len(missing)} of {len(files)} images have none); take the "
            "complete file, or move it away to read the images without it"
        )
    return [known[file.stem] for file in files]
