"""A CT scan as an array in one fixed orientation, its place in millimetres, and the change to another spacing.

Axes: slice from foot to head, row from front to back, column from the patient's right to the left. A slice drawn row
by row is then the radiologist's view: the patient's right is on the picture's left, the spine is at the bottom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gvae.errors import GvaeError
from gvae.imports import optional

AIR = -1024
"""HU beyond the edge of a scan"""
AXES = ("S", "P", "L")
"""where the axes of a volume point: superior, posterior, left"""
LEAST, MOST = np.iinfo(np.int16).min, np.iinfo(np.int16).max
TILT = 0.5
"""degrees by which an axis may be off a right angle to the others"""


@dataclass(frozen=True)
class Volume:
    """A scan, or the labels of one.

    Args:
        values: (D, H, W) HU int16 or labels, with the axes of this module.
        affine: (4, 4) from (slice, row, column, 1) to millimetres to the right, front and head (RAS).

    >>> grid = np.array([[0, 0, -0.7, 90.0], [0, -0.8, 0, 80.0], [2.5, 0, 0, -300.0], [0, 0, 0, 1]])
    >>> Volume(np.zeros((2, 3, 4), np.int16), grid).spacing
    (2.5, 0.8, 0.7)
    """

    values: np.ndarray
    affine: np.ndarray

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between slices, rows and columns."""
        slices, rows, columns = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()
        return slices, rows, columns

    def place(self, index: tuple[float, ...]) -> np.ndarray:
        """Millimetres (3,) to the right, front and head of a voxel (slice, row, column)."""
        return self.affine[:3, :3] @ np.asarray(index) + self.affine[:3, 3]


def medical(module: str) -> Any:
    """Import an optional package that reads scans.

    Raises:
        GvaeError: it is not installed.
    """
    return optional(module, "reading scans needs", "medical")


def oriented(values: np.ndarray, affine: np.ndarray, name: str) -> Volume:
    """An array of any orientation, turned and mirrored into the axes of this module; nothing is interpolated.

    Args:
        values: (I, J, K).
        affine: (4, 4) from (i, j, k, 1) to millimetres to the right, front and head.
        name: the scan, for messages.

    Raises:
        GvaeError: an affine without a volume, or with axes that are not at right angles.

    >>> turned = oriented(np.arange(2, dtype=np.int16).reshape(2, 1, 1), np.eye(4), "ras.nii")
    >>> turned.values.ravel().tolist(), turned.affine[0].tolist()
    ([1, 0], [0.0, 0.0, -1.0, 1.0])
    """
    _check_affine(affine, name)
    tools = medical("nibabel.orientations")
    turn = tools.ornt_transform(tools.io_orientation(affine), tools.axcodes2ornt(AXES))
    turned = np.ascontiguousarray(tools.apply_orientation(values, turn))
    return Volume(turned, affine @ tools.inv_ornt_aff(turn, values.shape))


def same_grid(one: Volume, other: Volume, anywhere: bool = False) -> bool:
    """Whether two volumes have the same voxels, to a tenth of a voxel.

    Args:
        anywhere: compare shape, spacing and directions only, not the place.
    """
    if one.values.shape != other.values.shape:
        return False
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in one.values.shape])).reshape(3, -1)
    apart = (one.affine - other.affine)[:3, :3] @ corners
    apart = apart + (0 if anywhere else (one.affine - other.affine)[:3, 3:])
    return bool(np.abs(apart).max() <= 0.1 * min(one.spacing))


def resample(volume: Volume, spacing: tuple[float, float, float], nearest: bool = False) -> Volume:
    """A volume at another spacing, with the same middle; linear, over a wider range where it gets coarser.

    Args:
        spacing: millimetres between slices, rows and columns; an axis that has it already stays as it is.
        nearest: take the nearest voxel instead (labels).

    >>> ramp = Volume(np.arange(0, 800, 100, dtype=np.int16).reshape(8, 1, 1), np.eye(4)[[2, 1, 0, 3]])
    >>> resample(ramp, (2.0, 1.0, 1.0)).values.ravel().tolist()
    [71, 250, 450, 629]
    """
    values, affine = volume.values, volume.affine.copy()
    for axis, (old, new) in enumerate(zip(volume.spacing, spacing, strict=True)):
        n = values.shape[axis]
        if np.isclose(old, new, rtol=1e-4):
            continue
        m, step = max(1, round(n * old / new)), new / old
        values = _nearest(values, axis, m, step) if nearest else _linear(values, axis, m, step)
        affine[:3, 3] += affine[:3, axis] * _centres(n, m, step)[0]
        affine[:3, axis] *= step
    kept = values if values.dtype == volume.values.dtype else np.rint(values).astype(volume.values.dtype)
    return Volume(kept, affine)


def whole(values: np.ndarray, name: str) -> np.ndarray:
    """Numbers of any kind as whole HU, int16.

    Raises:
        GvaeError: NaN, infinity, or more than 16 bits.
    """
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise GvaeError(f"{name} holds {bad} voxels that are NaN or infinite; replace them, with -1024 HU for air")
    low, high = values.min(), values.max()
    if low < LEAST or high > MOST:
        raise GvaeError(
            f"{name} holds values from {low:g} to {high:g}, HU lie in {LEAST} to {MOST}; convert it to HU first"
        )
    return (values if values.dtype.kind in "iu" else np.rint(values)).astype(np.int16)


def _check_affine(affine: np.ndarray, name: str) -> None:
    """Refuse axes that are missing, of no length, or not at right angles (gantry tilt)."""
    axes = np.asarray(affine, float)[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if not np.isfinite(affine).all() or lengths.min() < 1e-6 or np.linalg.matrix_rank(axes / lengths) < 3:
        shown = np.round(axes, 3).tolist()
        raise GvaeError(
            f"{name} has no usable grid: its axes are {shown} mm per voxel, and a spacing of zero or two axes in one "
            "direction hold no volume; convert it again from the DICOM files"
        )
    cosines = np.abs((axes / lengths).T @ (axes / lengths) - np.eye(3)).max()
    if cosines > np.sin(np.radians(TILT)):
        raise GvaeError(
            f"{name} was taken with a tilted gantry: its axes are {np.degrees(np.arcsin(min(1, cosines))):.1f} degrees "
            "off a right angle; straighten it first, as dcm2niix does (the file that ends in _Tilt)"
        )


def _centres(n: int, m: int, step: float) -> np.ndarray:
    """Places (m,) of the new voxels among n old ones, in old voxels; both grids have one middle."""
    return (np.arange(m) - (m - 1) / 2) * step + (n - 1) / 2


def _nearest(values: np.ndarray, axis: int, m: int, step: float) -> np.ndarray:
    n = values.shape[axis]
    places = np.clip(np.rint(_centres(n, m, step)), 0, n - 1).astype(int)
    return np.take(values, places, axis)


def _linear(values: np.ndarray, axis: int, m: int, step: float) -> np.ndarray:
    """Weighted means along one axis with a triangle as wide as the coarser of the two grids."""
    n, width = values.shape[axis], max(1.0, step)
    apart = np.abs(_centres(n, m, step)[:, None].clip(0, n - 1) - np.arange(n)) / width
    weights = np.maximum(0.0, 1.0 - apart)
    weights /= weights.sum(1, keepdims=True)
    shape = [m if a == axis else length for a, length in enumerate(values.shape)]
    moved, other = np.empty(shape, np.float32), int(axis == 0)
    for k in range(values.shape[other]):  # plane by plane: a scan as floats would double the memory
        plane = np.take(values, k, other).astype(np.float32, copy=False)
        moved[(slice(None),) * other + (k,)] = _along(weights.astype(np.float32), plane, axis == 2)
    return moved


def _along(weights: np.ndarray, plane: np.ndarray, columns: bool) -> np.ndarray:
    """Weighted means of the rows of a plane, or of its columns."""
    return plane @ weights.T if columns else weights @ plane
