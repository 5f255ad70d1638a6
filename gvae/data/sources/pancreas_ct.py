"""Pancreas-CT: abdominal CT scans of 80 patients with the pancreas outlined by hand, or crops of their slices.

Data From Pancreas-CT (Roth, Farag, Turkbey, Lu, Liu, Summers), The Cancer Imaging Archive, 2016
https://doi.org/10.7937/K9/TCIA.2016.tNB1kqBU; 82 scans at first: 0025 and 0070 were withdrawn in 2020 as cut-outs of
the scan of 0002. Where they are still there, the three share a split.

release  Pancreas-CT/PANCREAS_0001/.../*.dcm and TCIA_pancreas_labels-02-05-2017/label0001.nii.gz
crops    crops/PANCREAS_0001_slice_113.png and index.csv: slices cut to the pancreas, 8 bits for -150 to 250 HU
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from gvae.data.ct.forms import Form
from gvae.data.ct.gather import assemble
from gvae.data.ct.nifti import read_nifti
from gvae.data.ct.scans import Found, Scan, find_scans
from gvae.data.ct.volumes import Volume, same_grid
from gvae.data.dataset import Dataset
from gvae.data.files.locate import find
from gvae.data.files.zips import File, files_below
from gvae.data.options import PLAIN, ReadOptions
from gvae.data.sources.pancreas_crops import COPIES, HIGH, LOW, NAME, open_crops
from gvae.errors import GvaeError

PATIENT, LABEL = re.compile(r"PANCREAS_(\d{4})"), re.compile(r"label(\d{4})\.nii(\.gz)?")
LABELS = "TCIA_pancreas_labels*"
"""folder or archive of the labels"""
PATIENTS = 80
TISSUE, MOST = (-100, 300), 0.5
"""HU of a pancreas and the fat in it, and the part of its voxels that must lie there"""
HOW = (
    "Get the collection Pancreas-CT and its labels from https://www.cancerimagingarchive.net/collection/pancreas-ct/ "
    "and put both into {root}/pancreas_ct, so that {root}/pancreas_ct/Pancreas-CT/PANCREAS_0001 and "
    "{root}/pancreas_ct/TCIA_pancreas_labels-02-05-2017/label0001.nii.gz are there; or name the folder that holds them, as "
    "in --data pancreas-ct:FOLDER"
)


def open_pancreas_ct(root: Path | None = None, options: ReadOptions = PLAIN, scratch: Path | None = None) -> Dataset:
    """Pancreas-CT, split about 80/10/10 by a hash of the patient.

    Args:
        root: a folder with the release or the crops in it; default: GVAE_DATA, else the user's cache.
        options, scratch: as in `gvae.data.sources.ct.open_ct`; the organ is pancreas, or none for whole scans. Crops are
            slices, windowed already, of unknown spacing: of these options they take size (default: 64) and skip_broken.

    Returns:
        of the release int16 HU; of the crops (N, size, size, 1) uint8, 0 for -150 HU and 255 for 250 HU.

    Raises:
        GvaeError: nothing there (with what to download), a broken file, a label on another grid than its scan, options
            that do not apply.
    """
    form = Form.checked(options)
    if form.organ not in (None, "pancreas"):
        raise GvaeError(f"{NAME} has labels of the pancreas only, not of {form.organ}; type --organ pancreas")
    place = find(NAME, root, lambda _, folders, files: _kind(folders, files) != "", lambda _: False, HOW)
    if (place / "index.csv").exists():
        _check_crops(options)
        return open_crops(place, options, scratch)
    found = _release(place)
    mask = partial(_mask, labels=_labels(found)) if form.organ else None
    return assemble(NAME, found, form, mask, options.skip_broken, scratch)


def _kind(folders: list[str], files: list[str]) -> str:
    """Which form a folder holds, by its names."""
    if "index.csv" in files and "crops" in folders:
        return "crops"
    return "release" if any(name == "Pancreas-CT" or PATIENT.fullmatch(name) for name in folders) else ""


def _release(place: Path) -> Found:
    """The scans of the release, each with its patient, and its labels, wherever below or beside the scans."""
    found = find_scans(place)
    scans = []
    for scan in found.scans:
        numbers = PATIENT.findall(scan.path)
        if not numbers:
            raise GvaeError(f"{scan.path} is not of {NAME}: no folder above it is called PANCREAS_0001; move it away")
        scans.append(replace(scan, patient=COPIES.get(numbers[-1], numbers[-1])))
    count = len({PATIENT.findall(scan.path)[-1] for scan in scans})
    subset = [f"subset: {count} of the {PATIENTS} patients"] if count < PATIENTS else []
    return replace(found, scans=scans, notes=[*subset, *found.notes])


def _labels(found: Found) -> dict[str, File]:
    """The file of labels of each patient's number.

    Raises:
        GvaeError: there are none.
    """
    beside = [file for folder in found.root.parent.glob(LABELS) for file in files_below(folder)]
    files = [*beside, *found.files.values()]
    numbers = {match[1]: file for file in files if (match := LABEL.fullmatch(file.where.name))}
    if not numbers:
        raise GvaeError(
            f"{found.root} holds no labels of the pancreas (label0001.nii.gz ...). {HOW.format(root=found.root)}"
        )
    return numbers


def _mask(scan: Scan, volume: Volume, labels: dict[str, File]) -> tuple[np.ndarray | None, str]:
    """The pancreas in a scan.

    The labels' affines know the directions, but not the place of the DICOM files: only the grid is compared, and that
    what is marked has the density of tissue.
    """
    number = PATIENT.findall(scan.path)[-1]
    if (file := labels.get(number)) is None:
        return None, f"{scan.path} has no label{number}.nii.gz"
    marked = read_nifti(file)
    if not same_grid(marked, volume, anywhere=True):
        shapes = [" x ".join(map(str, v.values.shape)) for v in (marked, volume)]
        raise GvaeError(
            f"{file.path} is on another grid than its scan {scan.path} ({shapes[0]} voxels, not {shapes[1]}, or another "
            "spacing); get both of one version of the collection"
        )
    mask = marked.values > 0
    inside = volume.values[mask]
    if len(inside) and ((inside > TISSUE[0]) & (inside < TISSUE[1])).mean() < MOST:
        raise GvaeError(
            f"{file.path} marks voxels of {np.median(inside):.0f} HU in the middle, no pancreas: it is turned or belongs to "
            "another scan; get both of one version of the collection"
        )
    return mask, ""


def _check_crops(options: ReadOptions) -> None:
    """Refuse what needs the whole scans."""
    given = {
        "--form volumes": options.form == "volumes",
        "--block": options.block,
        "--spacing": options.spacing,
        "--window": options.window,
    }
    if wrong := [name for name, value in given.items() if value]:
        raise GvaeError(
            f"{wrong[0]} does not apply to the crops of {NAME}, which are slices of {LOW} to {HIGH} HU; leave it out, "
            "or get the release"
        )
