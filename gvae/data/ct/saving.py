"""Volumes as files that viewers of scans open (NIfTI)."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gvae.atomic import write_atomic
from gvae.data.ct.volumes import medical
from gvae.errors import GvaeError
from gvae.plots.sheets import check_volume

if TYPE_CHECKING:
    from torch import Tensor

    from gvae.types import DataSpec

ENDINGS = (".nii", ".nii.gz")


def save_volume(
    path: Path | str, x: Tensor, spec: DataSpec, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> None:
    """Write a volume that a network made as NIfTI in the data's own unit, Hounsfield units for CT.

    stored = low + (x + 1) (high - low) / 2, rounded, int16. The axes are those of `gvae.data.ct.volumes`, the middle of the
    volume lies at 0 mm; `gvae.data.ct.nifti.read_nifti` gives the same array back.

    Args:
        path: a file that ends in .nii or .nii.gz.
        x: (1, 1, D, H, W) in [-1, 1]; values outside are clipped.
        spec: says what -1 and +1 are.
        spacing: millimetres between slices, rows and columns.

    Raises:
        GvaeError: another ending or shape, a spacing that is not positive, nibabel is not installed, a full disk.
    """
    path = Path(path)
    if not path.name.endswith(ENDINGS):
        raise GvaeError(f"{path.name} has no ending of a volume; use {' or '.join(ENDINGS)}")
    check_volume(x)
    if min(spacing) <= 0:
        raise GvaeError(f"a spacing of {spacing} mm makes no grid; give three numbers above 0")
    data = medical("nibabel").Nifti1Image(_stored(x, spec), _affine(tuple(x.shape[2:]), spacing))
    data.header.set_xyzt_units("mm")
    content = data.to_bytes()
    # no time stamp: the same volume gives the same file
    packed = gzip.compress(content, mtime=0) if path.name.endswith(".gz") else content
    write_atomic(path, lambda name: Path(name).write_bytes(packed))


def _stored(x: Tensor, spec: DataSpec) -> np.ndarray:
    """A volume (W, H, D) int16 in the data's unit: viewers expect the columns first."""
    if x.shape[1] != 1:
        raise GvaeError(f"a volume of {x.shape[1]} channels is no scan; NIfTI files are written of one channel")
    values = x[0, 0].detach().double().cpu().numpy().clip(-1, 1)
    stored = np.rint(spec.low + (values + 1) * (spec.high - spec.low) / 2).astype(np.int16)
    return stored.transpose(2, 1, 0)


def _affine(shape: tuple[int, ...], spacing: tuple[float, float, float]) -> np.ndarray:
    """From (column, row, slice, 1) to millimetres to the right, front and head, the middle at 0."""
    steps = np.array([-spacing[2], -spacing[1], spacing[0]])
    affine = np.diag([*steps, 1.0])
    affine[:3, 3] = -steps * (np.array(shape[::-1]) - 1) / 2
    return affine
