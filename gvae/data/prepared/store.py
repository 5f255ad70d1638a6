"""The prepared form of a data set: a folder that training maps into memory, however large it is.

dataset.json    format, spec, facts, and the size and SHA-256 of each file below
images.npy      (N, *S, C) uint8 or int16
labels.npy      (N,) int64, for labelled data
attributes.npy  (N, A) uint8, for data with attributes
splits.npz      index arrays train, val, test
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gvae.atomic import write_text
from gvae.data.arrays.mapped import Pixels, at_random
from gvae.data.dataset import Dataset
from gvae.data.files.checksums import checksum, gib, npy_header, sha256
from gvae.data.options import PLAIN, ReadOptions
from gvae.errors import GvaeError
from gvae.types import DataSpec

FORMAT = 1
"""version of the folder's layout"""
CHUNK = 64 * 2**20
"""bytes that are copied at a time"""
AGAIN = "copy the folder once more or prepare the data anew with `gvae data prepare`"


def write_prepared(dataset: Dataset, out: Path) -> Path:
    """Write the prepared form, under another name first, then rename: `out` is whole or absent.

    Args:
        out: a folder that does not exist yet or is empty.

    Raises:
        GvaeError: `out` is not empty, or the disk is full.
    """
    out = Path(out).absolute()
    check_free(out)
    try:
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    except OSError as error:
        raise GvaeError(f"cannot write into {out.parent} ({error}); choose another --out") from error
    try:
        fill(folder / "set", dataset)
        os.replace(folder / "set", out)
    except OSError as error:
        raise not_written(out, dataset.images.nbytes, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return out


def not_written(out: Path, needed: int, error: OSError) -> GvaeError:
    """The error for a prepared folder that could not be written.

    Args:
        needed: bytes of its images.
    """
    return GvaeError(f"could not write {out}: {error}. It needs {gib(needed)}; free some space or choose another --out")


def read_prepared(folder: Path, options: ReadOptions = PLAIN, verify: bool = False) -> Dataset:
    """Open a prepared folder; its images are mapped into memory, not read.

    Args:
        options: a size is refused unless the data was prepared at it.
        verify: also compare the checksum of the images, which reads all of them.

    Raises:
        GvaeError: no or a damaged dataset.json, another format version, a missing, cut or changed file.
    """
    folder = Path(folder)
    about = _read_json(folder / "dataset.json")
    for name, expected in about["files"].items():
        _check_file(folder / name, expected, checksum=verify or name != "images.npy")
    try:
        dataset = _assemble(folder, about)
    except (ValueError, TypeError, KeyError, OSError, GvaeError) as error:
        raise GvaeError(f"{folder} contradicts itself ({error}); {AGAIN}") from error
    if options.size not in (None, dataset.spec.size):
        raise GvaeError(
            f"{folder} was prepared at {dataset.spec.size} pixels, not {options.size}; prepare it anew or leave --size out"
        )
    return dataset


def _assemble(folder: Path, about: dict[str, Any]) -> Dataset:
    """The data set that files and description make up; nothing is unpickled."""
    labels, attributes = (
        np.load(folder / name) if name in about["files"] else None for name in ("labels.npy", "attributes.npy")
    )
    with np.load(folder / "splits.npz") as file:
        splits = {name: file[name] for name in file.files}
    images = at_random(np.load(folder / "images.npy", mmap_mode="r"))
    facts = {"checksum": f"sha256:{about['files']['images.npy']['sha256']}", **about["facts"]}
    return Dataset(DataSpec.from_json(about["spec"]), images, labels, splits, facts, attributes)


def check_free(out: Path) -> None:
    """Make sure that a prepared folder can be made at `out`.

    Raises:
        GvaeError: something is there already, or the parent cannot be made.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise GvaeError(f"{out} exists already; remove it or choose another --out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GvaeError(f"cannot make the folder {out.parent} ({error}); choose another --out") from error


def fill(folder: Path, dataset: Dataset, scratch: Path | None = None) -> None:
    """Write all files; dataset.json, which vouches for the others, comes last.

    Args:
        folder: made anew; what an earlier attempt left there goes.
        scratch: an .npy file; if the images are mapped from it, it becomes images.npy without being copied.

    Raises:
        OSError: the disk is full.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    images, place = dataset.images, folder / "images.npy"
    files = {"images.npy": _take(scratch, place) if scratch and _is(images, scratch) else _save(place, images)}
    if dataset.labels is not None:
        files["labels.npy"] = _save(folder / "labels.npy", dataset.labels)
    if dataset.attributes is not None:
        files["attributes.npy"] = _save(folder / "attributes.npy", dataset.attributes)
    splits = folder / "splits.npz"
    np.savez(splits, allow_pickle=False, **dataset.splits)
    files[splits.name] = {"bytes": splits.stat().st_size, "sha256": sha256(splits)}
    about = {"format": FORMAT, "spec": dataset.spec.to_json(), "facts": dataset.facts, "files": files}
    write_text(folder / "dataset.json", json.dumps(about, indent=2) + "\n")


def _is(images: Pixels, file: Path) -> bool:
    """Whether an array is the whole content of an .npy file, mapped."""
    if not (isinstance(images, np.memmap) and images.filename and images.flags.c_contiguous):
        return False
    whole = len(npy_header(images.shape, images.dtype)) + images.nbytes == file.stat().st_size
    return whole and Path(images.filename) == file.resolve()


def _take(scratch: Path, place: Path) -> dict[str, Any]:
    """Give a file a second name, so that a kill before the end leaves it under the first; else move it."""
    total = checksum(scratch)
    try:
        os.link(scratch, place)
    except OSError:  # not every file system can
        os.replace(scratch, place)
    return {"bytes": place.stat().st_size, "sha256": total}


def _save(path: Path, array: Pixels) -> dict[str, Any]:
    """Write an .npy file piece by piece.

    Plain writes, not a writable memory map: a full disk then is an error instead of a killed process.
    """
    digest, length = hashlib.sha256(), 0
    with path.open("wb") as file:
        for piece in _pieces(array):
            file.write(piece)
            digest.update(piece)
            length += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": length, "sha256": digest.hexdigest()}


def _pieces(array: Pixels) -> Iterator[bytes]:
    """The bytes of an .npy file: header, then some rows at a time."""
    yield npy_header(array.shape, array.dtype)
    rows = max(1, CHUNK // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        yield array[start : start + rows].tobytes()


def _read_json(file: Path) -> dict[str, Any]:
    """dataset.json, if it is one of this format."""
    if not file.exists():
        raise GvaeError(f"{file.parent} is not prepared data: it has no dataset.json. `gvae data prepare` makes one")
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        missing = {"format", "spec", "facts", "files"} - about.keys()
    except (ValueError, AttributeError, OSError) as error:
        raise GvaeError(f"{file} is damaged ({error}); prepare the data anew with `gvae data prepare`") from error
    if missing:
        raise GvaeError(f"{file} is damaged or not of gvae: it lacks {', '.join(sorted(missing))}; {AGAIN}")
    if about["format"] != FORMAT:
        raise GvaeError(f"{file} has format {about['format']}, this gvae reads format {FORMAT}; prepare the data anew")
    return about


def _check_file(file: Path, expected: dict[str, Any], checksum: bool) -> None:
    """Compare a file's length, and its SHA-256 if asked, with what dataset.json says."""
    length = file.stat().st_size if file.exists() else 0
    if length != expected["bytes"]:
        state = "is missing" if not file.exists() else f"is cut or damaged: {length} of {expected['bytes']} bytes"
        raise GvaeError(f"{file} {state}; {AGAIN}")
    if checksum and sha256(file) != expected["sha256"]:
        raise GvaeError(f"{file} was changed since it was written (its SHA-256 differs); {AGAIN}")
