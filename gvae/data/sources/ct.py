"""CT scans in Hounsfield units, in two dimensions or three: DICOM series, NIfTI files and zip archives of them.

See `gvae.data.ct.volumes` for the orientation, `cuts` for the forms, `patients` for the splits.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from gvae.data.ct.forms import Form
from gvae.data.ct.gather import assemble
from gvae.data.ct.masks import find_masks, mask_of
from gvae.data.ct.scans import HOW, find_scans
from gvae.data.dataset import Dataset
from gvae.data.files.paths import existing
from gvae.data.options import PLAIN, ReadOptions
from gvae.errors import GvaeError


def open_ct(root: Path | None, options: ReadOptions = PLAIN, scratch: Path | None = None) -> Dataset:
    """Read every CT scan below a folder.

    Args:
        root: a folder, a zip archive or a NIfTI file.
        options: form, slices (axial, two dimensions; default) or volumes (three);
            size, the side of the slices in pixels (default: their own, around an organ 128), of volumes the block;
            block, the side of a volume in voxels (default: 64);
            spacing, the millimetres per pixel (slices: within the slice) or voxel to resample to (default: the scanner's);
            window, centre and width in HU of what networks see (default: 40, 400); HU are stored as they are;
            organ, the label to crop around; slices without it are left out;
            skip_broken, to leave scans out that cannot be read, and list them in facts["skipped"].
        scratch: an .npy file to gather the images in, in place of memory.

    Returns:
        images (N, size, size, 1) or (N, block, block, block, 1) int16 HU, split by patient.

    Raises:
        GvaeError: no scan; one that is broken or no CT in HU (see `dicom`, `nifti`); slices of different sizes and no
            --size; no such organ; options that make no sense; too little memory.
    """
    form = Form.checked(options)
    found = find_scans(place_of(root))
    mask = partial(mask_of, masks=find_masks(found, form.organ)) if form.organ else None
    return assemble("ct", found, form, mask, options.skip_broken, scratch)


def place_of(root: Path | None) -> Path:
    """The folder or file that is meant.

    Raises:
        GvaeError: none given, or nothing there.
    """
    if root is None:
        raise GvaeError(f"which scans? {HOW[0].upper()}{HOW[1:]}")
    path = Path(root).expanduser()
    return (path if path.is_file() else existing(path)).absolute()
