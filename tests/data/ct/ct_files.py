"""Scans that the tests write for themselves: a body with marks that tell right from left, as DICOM and as NIfTI."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

SHAPE = (12, 16, 20)
SPACING = (2.5, 0.8, 0.7)
TAGS = {"PatientName": "DOE^JANE", "PatientID": "4711", "PatientBirthDate": "19600102", "StudyDate": "20200304"}
"""what must not survive"""


def body(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> np.ndarray:
    """A noisy cylinder of 40 HU in air, bone at the back, a bright mark on the patient's right; no symmetry is left."""
    noise = np.random.default_rng(seed).integers(-20, 20, shape)
    _, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    hu = np.where(x**2 + y**2 < 0.9, 40, -1000) + noise
    hu[:, -4:-2, shape[2] // 2 - 1 : shape[2] // 2 + 1] = 700
    hu[: shape[0] // 2, shape[1] // 2, 3] = 1200
    return hu.astype(np.int16)


def write_slice(path: Path, stored: np.ndarray, position: Any = (0, 0, 0), **tags: Any) -> None:
    """One DICOM file; a tag of None is left out.

    Args:
        stored: (rows, columns) int16.
        position: millimetres to the left, back and head of the first pixel.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = Dataset()
    image.file_meta = meta
    known = {
        **TAGS,
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "Modality": "CT",
        "SeriesInstanceUID": "1.2.3",
        "ImagePositionPatient": list(map(float, position)),
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": list(SPACING[1:]),
        "RescaleSlope": 1,
        "RescaleIntercept": 0,
        "Rows": stored.shape[0],
        "Columns": stored.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
    }
    for name, value in {**known, **tags}.items():
        if value is not None:
            setattr(image, name, value)
    image.PixelData = np.ascontiguousarray(stored, np.int16).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)


def write_series(folder: Path, hu: np.ndarray, ending: str = ".dcm", **tags: Any) -> list[Path]:
    """A series with slices (D, H, W) from foot to head, their names in another order.

    Returns:
        the files from foot to head.
    """
    order = np.random.default_rng(7).permutation(len(hu))
    paths = [folder / f"image_{k}{ending}" for k in order]
    for k, (path, image) in enumerate(zip(paths, hu, strict=True)):
        write_slice(path, image, (-5, -6, -100 + SPACING[0] * k), InstanceNumber=int(order[k]), **tags)
    return paths


def affine(spacing: tuple[float, ...] = SPACING) -> np.ndarray:
    """From (slice, row, column, 1) to millimetres to the right, front and head, as `write_series` has it."""
    grid = np.zeros((4, 4))
    grid[2, 0], grid[1, 1], grid[0, 2], grid[3, 3] = spacing[0], -spacing[1], -spacing[2], 1
    grid[:3, 3] = 5, 6, -100
    return grid


def write_nifti(path: Path, values: np.ndarray, grid: np.ndarray | None = None, dtype: Any = None) -> Path:
    """A NIfTI file of (slice, row, column), or of any axes with their own affine."""
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    image = nibabel.Nifti1Image(values.astype(dtype or values.dtype), affine() if grid is None else grid)
    nibabel.save(image, path)
    return path


def pack(folder: Path, archive: Path) -> Path:
    """Move a folder into a zip archive."""
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                out.write(path, path.relative_to(folder.parent))
                path.unlink()
    return archive


def files(place: Path) -> list[Any]:
    """What the readers take."""
    from gvae.data.files.zips import files_below

    return files_below(place)
