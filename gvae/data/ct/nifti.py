"""NIfTI files as volumes: scans in Hounsfield units, and labels with the names of what they mark. Reading: nibabel."""

from __future__ import annotations

import gzip
import json
import math
import re
import zlib
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from gvae.data.ct.volumes import Volume, medical, oriented, whole
from gvae.data.files.zips import File
from gvae.errors import GvaeError

ENDINGS = (".nii", ".nii.gz")
LABEL = re.compile(r'<Label\s+Key="(\d+)"[^>]*>\s*<!\[CDATA\[([^\]]*)\]\]>')
"""an entry of the table of labels that TotalSegmentator and the Connectome Workbench put into a file"""
KINDS = {"Nifti1Image": 348, "Nifti2Image": 540}
"""nibabel's classes, and the number that a header of each begins with"""
UNITS = ("mm", "unknown")
"""of the spacing, as the header tells"""
AGAIN = "copy or download it again"


def is_nifti(file: File) -> bool:
    """Whether a file is NIfTI, by its ending."""
    return file.where.name.lower().endswith(ENDINGS)


def stem(where: PurePosixPath) -> str:
    """Name of a file without folder and ending.

    >>> stem(PurePosixPath("imagesTr/liver_1.nii.gz"))
    'liver_1'
    """
    return re.sub(r"\.nii(\.gz)?$", "", where.name, flags=re.IGNORECASE)


def read_nifti(file: File) -> Volume:
    """A scan, turned into the axes of `gvae.data.ct.volumes`; scale and offset of the header applied.

    Raises:
        GvaeError: cut or damaged; not one gray volume; NaN, infinity or values beyond 16 bits; no orientation, a
            spacing of zero, a sheared grid, or another unit than millimetres.
    """
    image = _load(file)
    values = whole(_array(image, file), file.path)
    return oriented(values, _affine(image, file), file.path)


def label_names(file: File, beside: dict[str, str]) -> dict[str, int]:
    """Names of the labels in a file and their numbers: from the table inside it, else from `beside`.

    Args:
        beside: number as text -> name, from a JSON file; see `names_in`.
    """
    image = _load(file)
    inside = [pair for extension in image.header.extensions for pair in LABEL.findall(_text(extension.get_content()))]
    table = dict(inside) or beside
    return {name: int(number) for number, name in table.items() if int(number) > 0}


def names_in(file: File) -> dict[str, str]:
    """Labels of a dataset.json, as the Medical Segmentation Decathlon (number: name) or nnU-Net (name: number) has it.

    Returns:
        number as text -> name.

    Raises:
        GvaeError: it is no such JSON.
    """
    try:
        labels = json.loads(file.read())["labels"]
        pairs = [(key, value) if str(key).isdigit() else (value, key) for key, value in labels.items()]
        return {str(int(number)): str(name) for number, name in pairs}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise GvaeError(
            f'{file.path} has no table of labels ({error}); write it as {{"labels": {{"1": "liver"}}}}'
        ) from error


def _load(file: File) -> Any:
    """Header, data and affine of a file."""
    tools, data = medical("nibabel"), file.read()
    try:
        data = gzip.decompress(data) if file.where.name.lower().endswith(".gz") else data
        sizes = {int.from_bytes(data[:4], order) for order in ("little", "big")}
        kind = next(name for name, size in KINDS.items() if size in sizes)
        image = getattr(tools, kind).from_bytes(data)
        needed = math.prod(image.shape) * image.get_data_dtype().itemsize
        if needed > len(data):  # or room for all of it would be asked for
            raise ValueError(f"its header claims {needed} bytes of values, the file has {len(data)}")
        return image
    except StopIteration:
        raise GvaeError(f"{file.path} is no NIfTI file; move it away, or {AGAIN}") from None
    except (EOFError, OSError, zlib.error, ValueError, *_errors(tools)) as error:
        raise _damaged(file, error) from error


def _errors(tools: Any) -> tuple[type[Exception], ...]:
    """What nibabel raises on damaged headers and data."""
    return tools.filebasedimages.ImageFileError, tools.spatialimages.HeaderDataError


def _damaged(file: File, error: Exception) -> GvaeError:
    return GvaeError(f"{file.path} is cut or damaged ({str(error)[:200]}); {AGAIN}")


def _array(image: Any, file: File) -> np.ndarray:
    """The volume (I, J, K), as stored or, where the header scales, float32."""
    shape = tuple(image.shape)
    if len(shape) < 3 or any(n != 1 for n in shape[3:]) or 0 in shape:
        raise GvaeError(
            f"{file.path} has shape {shape}; a scan is one volume of three axes, so cut a series of volumes into single "
            "files"
        )
    if image.get_data_dtype().kind not in "iuf":
        raise GvaeError(f"{file.path} holds {image.get_data_dtype()}, a picture in colour; give the CT scan")
    try:
        slope, offset = image.dataobj.slope, image.dataobj.inter
        plain = (slope, offset) == (1, 0)
        values = np.asarray(image.dataobj) if plain else image.get_fdata(dtype=np.float32)
    except (EOFError, OSError, ValueError, zlib.error) as error:
        raise _damaged(file, error) from error
    return values.reshape(shape[:3])


def _affine(image: Any, file: File) -> np.ndarray:
    """From (i, j, k, 1) to millimetres, if the header says where left and head are."""
    header = image.header
    if not int(header["sform_code"]) and not int(header["qform_code"]):
        raise GvaeError(
            f"{file.path} does not say how it is oriented (sform and qform codes are 0); convert it again from the DICOM "
            "files, with dcm2niix for example"
        )
    if (unit := header.get_xyzt_units()[0]) not in UNITS:
        raise GvaeError(f"{file.path} gives its spacing in {unit}; convert the header to mm")
    return np.asarray(image.affine, np.float64)


def _text(content: Any) -> str:
    """An extension of the header as text; those of other kinds hold no table."""
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
