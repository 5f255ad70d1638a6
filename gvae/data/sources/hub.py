"""Sets of images on the Hugging Face hub, through its library `datasets`; also those that lie on this disk.

hub:OWNER/NAME[:CONFIG]   fetched into the library's own cache, or read from there without the network
hub:PATH[:CONFIG]         a folder that the library wrote (`save_to_disk`), or one of its Parquet or image-folder layouts

The column of images and the column of classes are those that the set declares; what is not clear is asked for. Images
are taken as they are stored and decoded by gvae, so they go through the same steps as every other source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gvae.data.arrays.items import Item
from gvae.data.dataset import Dataset
from gvae.data.images.layout import SPLIT_FOLDERS
from gvae.data.images.samples import Samples, classes_of
from gvae.data.options import PLAIN, ReadOptions
from gvae.data.sources.cards import about
from gvae.errors import GvaeError, choose
from gvae.imports import optional

LABELS = ("label", "labels", "class")
"""columns of numbers or words that are taken as classes without being declared as such"""
HOW = "give hub:OWNER/NAME, as in --data hub:ylecun/mnist"


def open_hub(root: Path | None, options: ReadOptions = PLAIN, scratch: Path | None = None) -> Dataset:
    """Read a set of images by its name on the hub.

    Splits called train, validation and test are taken over; what is missing is about a tenth of train, by a hash
    of each file's content.

    Args:
        root: OWNER/NAME or a folder, with :CONFIG behind it for one of several configurations.
        options: image_column, the column of the images (default: the only one, or the one called image); label_column,
            that of the classes (default: the only one declared as classes, or one called label); size, fit, channels and
            skip_broken, as in `gvae.data.sources.folder.open_folder`, and scratch likewise.

    Raises:
        GvaeError: the library is missing; no such set, no access or no network; several configurations; no column of
            images, or several; otherwise as for `gvae.data.sources.folder.open_folder`.
    """
    library = optional("datasets", "sets of the Hugging Face hub need the package", "hub")
    name, config = _named(root)
    parts, others = _split(_load(library, name, config))
    columns = next(iter(parts.values())).features
    image = _image_column(library, name, columns, options.image_column)
    label = _label_column(library, name, columns, options.label_column)
    classes, labels, unlabelled = _labels(parts, columns, label)
    items, splits = _items(library, parts, image)
    known = f"column {image} holds the images" + (f", column {label} the classes" if label else "")
    samples = Samples(
        "-".join([Path(name).name, *([config] if config else [])]),
        f"hub:{name}",
        items,
        splits if len(parts) > 1 or splits[0] == "train" else [""] * len(items),
        classes,
        labels,
        [known, *others, *unlabelled],
        about(name, config, parts),
    )
    return samples.dataset(options, scratch)


def _named(root: Path | None) -> tuple[str, str | None]:
    """Name or folder, and configuration.

    >>> _named(Path("uoft-cs/cifar100:plain")), _named(Path("ylecun/mnist"))
    (('uoft-cs/cifar100', 'plain'), ('ylecun/mnist', None))
    """
    if root is None:
        raise GvaeError(f"which set of the hub? {HOW[0].upper()}{HOW[1:]}")
    text = root.as_posix()
    name, colon, config = text.rpartition(":")
    return (text, None) if root.exists() or not colon else (name, config)


def _load(library: Any, name: str, config: str | None) -> dict[str, Any]:
    """The set's splits by name."""
    folder = Path(name)
    try:
        if (folder / "dataset_dict.json").exists() or (folder / "state.json").exists():
            found = library.load_from_disk(name)
        else:
            found = library.load_dataset(name, config)
    except library.exceptions.DatasetNotFoundError as error:
        raise _no_access(name, str(error)) from error
    except Exception as error:  # of its many readers each has errors of its own
        first = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise GvaeError(
            f"hub:{name} cannot be loaded: {first}; check the name and the connection, or name a configuration as in "
            f"hub:{name}:CONFIG"
        ) from error
    return dict(found) if isinstance(found, Mapping) else {str(found.split or "train"): found}


def _no_access(name: str, reason: str) -> GvaeError:
    """The error for a set that is not there, or not for everyone."""
    if "gated" in reason:
        return GvaeError(
            f"hub:{name} is gated: its authors ask you to accept their terms; do so on its page, then type: hf auth login"
        )
    return GvaeError(f"there is no set {name} on the hub, or you have no access to it; {HOW}")


def _split(found: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Parts under train, val and test, and notes on others, which are left out; a lone part is taken whatever its name."""
    known = {SPLIT_FOLDERS[name.lower()]: part for name, part in found.items() if name.lower() in SPLIT_FOLDERS}
    if not known and len(found) == 1:
        known = {"": next(iter(found.values()))}
    if not known:
        raise GvaeError(
            f"the set has the splits {', '.join(found)}, of which none is train, validation or test; load the one you want "
            "with the library, save it with save_to_disk(FOLDER), and give hub:FOLDER"
        )
    left = [name for name in found if name.lower() not in SPLIT_FOLDERS] if "" not in known else []
    parts = {name: known[name] for name in ("train", "val", "test", "") if name in known}
    return parts, [f"splits that are neither train, validation nor test, left out: {', '.join(left)}"] * bool(left)


def _image_column(library: Any, name: str, columns: Mapping[str, Any], asked: str | None) -> str:
    """The column of images."""
    if asked is not None:
        return choose(f"column of {name} called", asked, columns)
    found = [column for column, kind in columns.items() if isinstance(kind, library.Image)]
    if not found:
        listed = ", ".join(f"{column} ({_kind(kind)})" for column, kind in columns.items())
        raise GvaeError(
            f"hub:{name} declares no column of images: {listed}; if one holds encoded images, name it with --image-column"
        )
    return _one(name, "images", "--image-column", found, ("image", "img"))


def _label_column(library: Any, name: str, columns: Mapping[str, Any], asked: str | None) -> str | None:
    """The column of classes, if there is one."""
    if asked is not None:
        return choose(f"column of {name} called", asked, columns)
    found = [column for column, kind in columns.items() if isinstance(kind, library.ClassLabel)]
    plain = [column for column in LABELS if _kind(columns.get(column)) in ("int64", "int32", "string")]
    found = found or plain[:1]
    return _one(name, "classes", "--label-column", found, LABELS) if found else None


def _one(name: str, what: str, option: str, found: Sequence[str], usual: Sequence[str]) -> str:
    """The only column, or the one with a usual name."""
    named = [column for column in usual if column in found]
    if len(found) > 1 and not named:
        raise GvaeError(
            f"hub:{name} has several columns of {what} ({', '.join(found)}); choose one, as in {option} {found[0]}"
        )
    return (named or found)[0]


def _kind(kind: Any) -> str:
    """The type of a column in words."""
    return str(getattr(kind, "dtype", type(kind).__name__))


def _labels(
    parts: dict[str, Any], columns: Mapping[str, Any], label: str | None
) -> tuple[tuple[str, ...], np.ndarray | None, list[str]]:
    """Names of the classes, the class of each image, and a note if images without one forbid it."""
    if label is None:
        return (), None, []
    values = list(chain.from_iterable(part[label] for part in parts.values()))
    names = getattr(columns[label], "names", None)
    missing = sum(value is None or (names is not None and value < 0) for value in values)
    if missing:
        return (), None, [f"no labels: {missing} of {len(values)} images have none in column {label}"]
    if names is not None:
        return tuple(names), np.array(values, np.int64), []
    return *classes_of(values), []


def _items(library: Any, parts: dict[str, Any], image: str) -> tuple[list[Item], list[str]]:
    """Every image and its split; nothing is read yet."""
    items: list[Item] = []
    splits: list[str] = []
    for split, part in parts.items():
        table = part.select_columns([image]).cast_column(image, library.Image(decode=False))
        items += [(f"{split or 'row'}/{i}", partial(_stored, table, i, image)) for i in range(len(table))]
        splits += [split] * len(table)
    return items, splits


def _stored(table: Any, row: int, image: str) -> BinaryIO:
    """The bytes of an image, or its file."""
    value = table[row][image]
    if value is None:
        raise ValueError("there is no image in this row")
    return open(value["path"], "rb") if value["bytes"] is None else BytesIO(value["bytes"])
