"""FFHQ: 70,000 aligned faces of Flickr at 1024x1024 pixels, thumbnails at 128x128.

A Style-Based Generator Architecture for Generative Adversarial Networks (Karras, Laine, Aila, CVPR 2019)
https://github.com/NVlabs/ffhq-dataset

thumbnails128x128/00000/00000.png ...   the thumbnails, a folder for each thousand; also without those folders
images1024x1024/00000/00000.png ...     the images; copies of other sizes likewise, as images256x256 or ffhq256
features_json/00000.json ...            optional: `gvae.data.sources.ffhq_features`, beside the folder or up to two above
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from gvae.data.arrays.decoding import file_items
from gvae.data.arrays.pixels import ENDINGS
from gvae.data.dataset import Dataset
from gvae.data.files.locate import beside, find, unique
from gvae.data.images.reading import COLOUR, Known, as_dataset, has_images, listed, read_images
from gvae.data.options import PLAIN, ReadOptions
from gvae.data.sources.ffhq_features import FOLDERS, RULES, read_features

WHOLE, TRAIN = 70_000, 60_000
"""number of images; those of a lower number are the official training images, the others validate"""
NAME = re.compile(r"(thumbnails|images)\d+x\d+|.*ffhq.*", re.IGNORECASE)
THOUSAND = re.compile(r"\d{5}")
"""names of the folder of images, and of the folders in it"""
HOW = (
    "Get thumbnails128x128 (2 GB) or images1024x1024 (89 GB) with the download_ffhq.py of "
    "https://github.com/NVlabs/ffhq-dataset, whose terms are CC BY-NC-SA 4.0, so that "
    "{root}/ffhq/thumbnails128x128/00000/00000.png is there; or name the folder, as in --data ffhq:FOLDER"
)


def open_ffhq(root: Path | None = None, options: ReadOptions = PLAIN, scratch: Path | None = None) -> Dataset:
    """FFHQ, with attributes where the features are there.

    The whole set is split as its authors did, first 60,000 to train and last 10,000 to validate; test is about a
    tenth of train. A subset is split about 80/10/10, by a hash of each file's content.

    Args:
        root: a folder with the images in it or some levels below; default: GVAE_DATA, else the user's cache.
        options: size (default: the images' own) and skip_broken.
        scratch: as in `gvae.data.sources.folder.open_folder`.

    Raises:
        GvaeError: no images or several copies, features that are missing or damaged, an unreadable image.
    """
    folder = find("ffhq", root, is_ffhq, lambda path: has_images(path) or _has_thousands(path), HOW)
    layout = listed(folder)
    files = unique(layout.files, folder)
    names = [file.stem for file in files]
    features = beside(folder, FOLDERS)
    attributes, about = read_features(features, names) if features else (None, [])
    columns = tuple(RULES) if features else ()
    known = Known(_splits(names), None, columns, attributes, [*layout.notes, *about])
    images = read_images(folder, file_items(folder, files), options.otherwise(channels=COLOUR), scratch)
    return as_dataset("ffhq", WHOLE, known, images)


def is_ffhq(path: Path, folders: Sequence[str], files: Sequence[str]) -> bool:
    """Whether a folder is called as FFHQ's are, and holds images or folders of a thousand."""
    if not NAME.fullmatch(path.name):
        return False
    return any(name.lower().endswith(ENDINGS) for name in files) or any(map(THOUSAND.fullmatch, folders))


def _has_thousands(folder: Path) -> bool:
    """Whether folders of a thousand images lie in a folder."""
    return any(THOUSAND.fullmatch(path.name) and path.is_dir() for path in folder.iterdir())


def _splits(names: Sequence[str]) -> list[str]:
    """The official split of the whole set; "" for a subset."""
    if set(names) != {f"{i:05}" for i in range(WHOLE)}:
        return [""] * len(names)
    return ["train" if int(name) < TRAIN else "val" for name in names]
