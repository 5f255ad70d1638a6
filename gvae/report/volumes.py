"""Volumes as files that viewers of scans open (NIfTI), and as one picture of slices in all three directions."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gvae.data.volumes import medical
from gvae.errors import GvaeError
from gvae.report.figures import GAP_LEVEL, grid
from gvae.runs import write_atomic

if TYPE_CHECKING:
    from torch import Tensor

    from gvae.types import DataSpec

ENDINGS = (".nii", ".nii.gz")
SHOWN = 8
"""slices of each direction on a sheet"""


def save_volume(
    path: Path | str, x: Tensor, spec: DataSpec, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> None:
    """Write a volume that a network made as NIfTI in the data's own unit, Hounsfield units for CT.

    stored = low + (x + 1) (high - low) / 2, rounded, int16. The axes are those of `gvae.data.volumes`, the middle of the
    volume lies at 0 mm; `gvae.data.nifti.read_nifti` gives the same array back.

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
    _check(x)
    if min(spacing) <= 0:
        raise GvaeError(f"a spacing of {spacing} mm makes no grid; give three numbers above 0")
    data = medical("nibabel").Nifti1Image(_stored(x, spec), _affine(tuple(x.shape[2:]), spacing))
    data.header.set_xyzt_units("mm")
    content = data.to_bytes()
    # no time stamp: the same volume gives the same file
    packed = gzip.compress(content, mtime=0) if path.name.endswith(".gz") else content
    write_atomic(path, lambda name: Path(name).write_bytes(packed))


def sheet(
    x: Tensor, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0), shown: int = SHOWN
) -> Image.Image:
    """Slices of one volume: a row of axial ones from foot to head, of coronal ones from front to back, of sagittal ones.

    In coronal and sagittal slices the head is on top; millimetres are alike in all directions.

    Args:
        x: (1, C, D, H, W) in [-1, 1], C is 1 or 3.
        spacing: millimetres between slices, rows and columns.
        shown: slices of each direction, evenly spread.

    Raises:
        GvaeError: another shape.

    >>> import torch
    >>> sheet(torch.zeros(1, 1, 16, 16, 16), shown=4).size
    (938, 676)
    """
    _check(x)
    volume = x[0].movedim(0, 1)  # (D, C, H, W)
    between, rows, columns = spacing
    upright = volume.flip(0)
    views = [
        (volume, rows / columns),
        (upright.permute(2, 1, 0, 3), between / columns),
        (upright.permute(3, 1, 0, 2), between / rows),
    ]
    return _below([_row(view, ratio, shown) for view, ratio in views])


def _check(x: Tensor) -> None:
    """Refuse what is not one volume."""
    if x.ndim != 5 or x.shape[0] != 1 or 0 in x.shape:
        raise GvaeError(f"{tuple(x.shape)} is not one volume; give (1, C, D, H, W)")


def _stored(x: Tensor, spec: DataSpec) -> np.ndarray:
    """A volume (W, H, D) int16 in the data's unit: viewers expect the columns first."""
    if x.shape[1] != 1:
        raise GvaeError(
            f"a volume of {x.shape[1]} channels is no scan; NIfTI files are written of one channel"
        )
    values = x[0, 0].detach().double().cpu().numpy().clip(-1, 1)
    stored = np.rint(spec.low + (values + 1) * (spec.high - spec.low) / 2).astype(np.int16)
    return stored.transpose(2, 1, 0)


def _affine(shape: tuple[int, ...], spacing: tuple[float, float, float]) -> np.ndarray:
    """From (column, row, slice, 1) to millimetres to the right, front and head, the middle at 0."""
    steps = np.array([-spacing[2], -spacing[1], spacing[0]])
    affine = np.diag([*steps, 1.0])
    affine[:3, 3] = -steps * (np.array(shape[::-1]) - 1) / 2
    return affine


def _row(view: Tensor, ratio: float, shown: int) -> Image.Image:
    """Evenly spread slices of a view (N, C, H, W), stretched to the patient's proportions."""
    count = min(shown, len(view))
    places = ((np.arange(count) + 0.5) * len(view) / count).astype(int)
    row = grid(view[places.tolist()], columns=count)
    return row if abs(ratio - 1) < 0.01 else row.resize((row.width, max(1, round(row.height * ratio))))


def _below(rows: list[Image.Image]) -> Image.Image:
    """Pictures below each other, from the left."""
    width, height = max(row.width for row in rows), sum(row.height for row in rows) + 2 * (len(rows) - 1)
    canvas = Image.new(rows[0].mode, (width, height), (GAP_LEVEL,) * len(rows[0].getbands()))
    top = 0
    for row in rows:
        canvas.paste(row, (0, top))
        top += row.height + 2
    return canvas
