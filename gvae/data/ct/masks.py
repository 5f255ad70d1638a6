"""The mask of an organ for a scan, from the labels that lie beside it.

Labels are a file with a number for each structure (TotalSegmentator's --ml, the Decathlon's labelsTr), or a folder with
a mask for each, named after it (TotalSegmentator's segmentations, IRCAD's MASKS_DICOM).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import numpy as np

from gvae.data.ct import dicom, nifti
from gvae.data.ct.scans import Found, Scan, is_label, shared
from gvae.data.ct.volumes import Volume, same_grid
from gvae.data.files.zips import File
from gvae.errors import GvaeError, choose


@dataclass(frozen=True)
class Mask:
    """One structure of one scan.

    Attributes:
        organ: its name.
        home: folder below which the scan lies.
        title: name that tells whose it is, where a folder holds scans of several patients.
        path: for messages.
        read: 0 outside; raises GvaeError.
    """

    organ: str
    home: PurePosixPath
    title: str
    path: str
    read: Callable[[], Volume]


def find_masks(found: Found, organ: str) -> dict[PurePosixPath, list[Mask]]:
    """The masks of an organ, by its name or, in files of labels, its number.

    Returns:
        place of a scan -> masks that may be its.

    Raises:
        GvaeError: no labels at all, labels without names, or no such organ (with the nearest name).
    """
    masks, nameless = [], []
    stems = {_title(scan.where) for scan in found.scans}
    for group in found.masks:
        new = _of(group, found, stems, organ)
        masks += new
        nameless += [] if new else [group[0].path]
    if not found.masks:
        raise GvaeError(
            f"there are no labels beside the scans, such as {found.scans[0].path}, to find the {organ} by; put masks into "
            "a folder segmentations beside each, named after the organs, or leave --organ out"
        )
    if nameless and organ not in {mask.organ for mask in masks}:
        raise GvaeError(
            f"{nameless[0]} does not say what its labels are; write a dataset.json beside it, as in "
            '{"labels": {"1": "liver"}}, or give the number, as in --organ 1'
        )
    choose("organ", organ, {mask.organ for mask in masks})
    owned: dict[PurePosixPath, list[Mask]] = {}
    for mask in masks:
        for scan in _nearest(mask, found.scans) if mask.organ == organ else ():
            owned.setdefault(scan.where, []).append(mask)
    return owned


def mask_of(scan: Scan, volume: Volume, masks: dict[PurePosixPath, list[Mask]]) -> tuple[np.ndarray | None, str]:
    """The organ's voxels (D, H, W) bool in a scan, or None and why there are none.

    Raises:
        GvaeError: a file of masks is damaged.
    """
    reason = f"{scan.path} has no labels of the organ; put its mask beside it, or leave --organ out"
    for mask in masks.get(scan.where, ()):
        marked = mask.read()
        if same_grid(marked, volume):
            return marked.values > 0, ""
        reason = (
            f"{mask.path} has {_shown(marked)}, its scan {scan.path} {_shown(volume)}: labels must be on the grid of "
            "their scan, so resample one of the two"
        )
    return None, reason


def _of(group: list[File], found: Found, stems: set[str], organ: str) -> list[Mask]:
    """The masks in one file of labels, or the one of a file or folder of slices named after its organ."""
    file, parts = group[0], group[0].where.parts
    first = next(i for i, part in enumerate(parts) if is_label(part))
    home, own = PurePosixPath(*parts[:first]), _title(file.where)
    if not nifti.is_nifti(file):
        name, path = file.where.parent.name, str(PurePosixPath(file.path).parent)
        return [Mask(name, home, "", path, partial(dicom.read_series, group, rescale=False))]
    if first < len(parts) - 1 and own not in stems and not is_label(own):
        return [Mask(own, home, parts[first], file.path, partial(nifti.read_nifti, file))]
    table = nifti.label_names(file, _beside(file, home, found))
    table |= {organ: int(organ)} if organ.isdecimal() else {}
    return [Mask(name, home, own, file.path, partial(_only, file, number)) for name, number in table.items()]


def _only(file: File, number: int) -> Volume:
    """The voxels of one label."""
    labels = nifti.read_nifti(file)
    return Volume((labels.values == number).astype(np.uint8), labels.affine)


def _beside(file: File, home: PurePosixPath, found: Found) -> dict[str, str]:
    """Names of labels from a JSON file beside a file of labels or the scans."""
    for folder in (file.where.parent, home):
        for name in (f"{nifti.stem(file.where)}.json", "dataset.json"):
            if table := found.files.get(folder / name):
                return nifti.names_in(table)
    return {}


def _nearest(mask: Mask, scans: list[Scan]) -> list[Scan]:
    """The scans beside a mask, and of several those whose names are most like its own."""
    near = [scan for scan in scans if scan.where.is_relative_to(mask.home)]
    likeness = [_likeness(mask, scan) for scan in near]
    return [scan for scan, like in zip(near, likeness, strict=True) if like == max(likeness)]


def _likeness(mask: Mask, scan: Scan) -> tuple[bool, int]:
    """Whether a mask and a scan have one name, else how many letters they begin with in common."""
    own = _title(scan.where)
    return own == mask.title, shared(own, mask.title)


def _title(where: PurePosixPath) -> str:
    """Name of a file without ending and nnU-Net's channel."""
    return nifti.stem(where).removesuffix("_0000")


def _shown(volume: Volume) -> str:
    """A grid in words."""
    shape = " x ".join(map(str, volume.values.shape))
    place = ", ".join(f"{x:.1f}" for x in volume.place((0, 0, 0)))
    return f"{shape} voxels of {' x '.join(f'{x:.2f}' for x in volume.spacing)} mm from ({place})"
