"""A DICOM series as a volume in Hounsfield units; what would make it wrong is refused by name. Reading: pydicom.

Slices are sorted by their place along the normal of the image plane, not by file name or instance number; HU follow
from each slice's own rescale slope and intercept.
"""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np

from gvae.data.ct.volumes import Volume, medical, oriented, whole
from gvae.data.files.zips import File
from gvae.errors import GvaeError

ENDINGS = (".dcm", ".dicom", ".ima")
MAGIC, MAGIC_AT = b"DICM", 128
"""what a DICOM file of any name has at this byte"""
HU_TYPES = ("", "HU", "US")
"""rescale types that are Hounsfield units: given, unspecified, absent"""
UNEVEN = 0.1
"""part of the slice distance by which one slice may be off"""
CODECS = "pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"


def is_dicom(file: File) -> bool:
    """Whether a file says that it is DICOM, by its ending or its content (IRCAD's have no ending)."""
    name = file.where.name.lower()
    return name.endswith(ENDINGS) or (name != "dicomdir" and file.read(MAGIC_AT + len(MAGIC))[MAGIC_AT:] == MAGIC)


def identity(file: File) -> tuple[str, str]:
    """The patient and the series of a file as hashes, "" where it does not say: what is one must not be split."""
    header = _header(file)
    return _hashed(header.get("PatientID")), _hashed(header.get("SeriesInstanceUID"))


def read_series(files: Sequence[File], rescale: bool = True) -> Volume:
    """The slices of one series as a volume.

    Args:
        files: one slice each, in any order; localizers (scouts) are left out.
        rescale: to HU; without it, the stored numbers (masks).

    Raises:
        GvaeError: a file that is unreadable, not CT, of another series or size or orientation than the others, without
            position or HU; tilted gantry; two slices at one place; a slice missing; a codec that is not installed.
    """
    headers = [(file, _header(file)) for file in files]
    slices = [pair for pair in headers if "LOCALIZER" not in (pair[1].get("ImageType") or ())]
    if not slices:
        raise GvaeError(f"{files[0].path} and its neighbours are localizers (scouts) only; give a series of slices")
    for file, header in slices:
        _check_header(file, header, rescale)
    _check_alike(slices)
    normal = _normal(slices[0][1])
    slices.sort(key=lambda pair: float(normal @ np.asarray(pair[1].ImagePositionPatient, float)))
    step = _step(slices, normal)
    stack = np.stack([_values(file, rescale) for file, _ in slices])
    return oriented(stack, _affine(slices[0][1], step), slices[0][0].path)


def _header(file: File) -> Any:
    """Everything but the pixels."""
    return _parse(file, lambda data: medical("pydicom").dcmread(data, stop_before_pixels=True))


def _parse(file: File, parse: Callable[[BytesIO], Any]) -> Any:
    """Read a file with pydicom; its warnings on odd tags are not the user's, its errors name the file."""
    data = BytesIO(file.read())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parse(data)
    except GvaeError:
        raise
    except Exception as error:  # pydicom raises errors of every kind on damaged files
        kind = "is no DICOM file" if type(error).__name__ == "InvalidDicomError" else "is damaged"
        raise GvaeError(
            f"{file.path} {kind} ({str(error)[:200]}); move it away, or copy or download it again"
        ) from error


def _check_header(file: File, header: Any, rescale: bool) -> None:
    """Refuse a slice that is no CT image with a place and, if wanted, HU."""
    if (modality := header.get("Modality", "none")) != "CT":
        raise GvaeError(f"{file.path} is of modality {modality}, not CT; move it out of the folder")
    if int(header.get("NumberOfFrames") or 1) > 1:
        raise GvaeError(f"{file.path} holds many frames (enhanced CT); make a NIfTI file of it with dcm2niix")
    if header.get("SamplesPerPixel", 1) != 1:
        raise GvaeError(f"{file.path} is a colour picture, not a CT slice; move it out of the folder")
    lacking = [
        name for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing") if header.get(name) is None
    ]
    if lacking:
        raise GvaeError(
            f"{file.path} lacks {' and '.join(lacking)}, so its place in the body is unknown; export the series again"
        )
    if rescale and (header.get("RescaleSlope") is None or header.get("RescaleIntercept") is None):
        raise GvaeError(
            f"{file.path} has no rescale slope and intercept, so its values are not in HU; export the series again "
            "with all its tags"
        )
    if rescale and (unit := header.get("RescaleType") or "") not in HU_TYPES:
        raise GvaeError(f"{file.path} is rescaled to {unit}, not to HU; choose a series of CT images in HU")


def _check_alike(slices: list[tuple[File, Any]]) -> None:
    """Refuse slices of several series, sizes or orientations."""
    series = Counter(header.get("SeriesInstanceUID") for _, header in slices)
    if len(series) > 1:
        first = {header.get("SeriesInstanceUID"): file for file, header in reversed(slices)}
        listed = ", ".join(f"{n} slices such as {first[uid].path}" for uid, n in series.most_common(5))
        raise GvaeError(
            f"{len(series)} series are mixed in one folder: {listed}; move each into a folder of its own and give that of "
            "the one you want"
        )
    file, header = slices[0]
    for other, this in slices[1:]:
        for name in ("Rows", "Columns", "PixelSpacing", "ImageOrientationPatient"):
            one, two = np.atleast_1d(header.get(name)), np.atleast_1d(this.get(name))
            if not np.allclose(np.asarray(one, float), np.asarray(two, float), rtol=1e-3, atol=1e-3):
                raise GvaeError(
                    f"{other.path} has {name} {two.tolist()}, but {file.path} has {one.tolist()}; a series has one, so "
                    "move the odd files away"
                )


def _normal(header: Any) -> np.ndarray:
    """Direction (3,) across the slices, in DICOM's coordinates (left, back, head)."""
    row, column = np.asarray(header.ImageOrientationPatient, float).reshape(2, 3)
    return np.cross(row, column)


def _step(slices: list[tuple[File, Any]], normal: np.ndarray) -> np.ndarray:
    """The way (3,) from a slice to the next in millimetres, if it is the same all along."""
    places = np.array([header.ImagePositionPatient for _, header in slices], float)
    heights = places @ normal
    if len(slices) == 1:
        header = slices[0][1]
        return normal * float(header.get("SpacingBetweenSlices") or header.get("SliceThickness") or 1)
    steps = np.diff(heights)
    usual = float(np.median(steps))
    if len(same := np.flatnonzero(steps < max(1e-3, UNEVEN * usual))):
        one, two = slices[same[0]][0], slices[same[0] + 1][0]
        raise GvaeError(
            f"{one.path} and {two.path} lie at one place ({heights[same[0]]:.2f} mm along the body); remove the copy, or "
            "move the two series into folders of their own"
        )
    if len(odd := np.flatnonzero(np.abs(steps - usual) > UNEVEN * usual)):
        k = odd[0]
        raise GvaeError(
            f"a slice is missing between {slices[k][0].path} and {slices[k + 1][0].path}: they are {steps[k]:.2f} mm "
            f"apart at {heights[k]:.2f} mm, the others {usual:.2f} mm ({len(odd)} such places); copy the series again"
        )
    return (places[-1] - places[0]) / (len(slices) - 1)


def _affine(header: Any, step: np.ndarray) -> np.ndarray:
    """(4, 4) from (slice, row, column, 1) to millimetres to the right, front and head; DICOM counts left and back."""
    across, down = np.asarray(header.ImageOrientationPatient, float).reshape(2, 3)
    between_rows, between_columns = map(float, header.PixelSpacing)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([step, down * between_rows, across * between_columns], axis=1)
    affine[:3, 3] = np.asarray(header.ImagePositionPatient, float)
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def _values(file: File, rescale: bool) -> np.ndarray:
    """Pixels (rows, columns) in HU, int16, or as stored."""

    def pixels(data: BytesIO) -> np.ndarray:
        image = medical("pydicom").dcmread(data)
        try:
            stored = image.pixel_array
        except (NotImplementedError, RuntimeError) as error:  # what pydicom raises without a decoder
            syntax = image.file_meta.TransferSyntaxUID.name
            raise GvaeError(
                f"{file.path} is compressed ({syntax}), and its decoder is not installed or failed; type: {CODECS}"
            ) from error
        if not rescale:
            return whole(stored, file.path)
        return whole(stored * float(image.RescaleSlope) + float(image.RescaleIntercept), file.path)

    return _parse(file, pixels)


def _hashed(value: Any) -> str:
    return hashlib.sha256(str(value).encode()).hexdigest() if value else ""
