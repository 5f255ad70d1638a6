"""Which scans and which labels a folder holds, and whose they are: NIfTI files and folders of DICOM slices, zipped or not.

A patient is one PatientID of the DICOM files; where there is none, one folder directly below the root, or one NIfTI
file. Folders such as imagesTr or train that only collect files do not count. Of the tags nothing but a hash is used.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path, PurePosixPath

from gvae.data.ct import dicom, nifti
from gvae.data.ct.volumes import Volume
from gvae.data.files.zips import File, files_below
from gvae.errors import GvaeError

LABEL = re.compile(r"(labels?\d*(tr|ts)?|masks?|segs?|segmentations?)", re.IGNORECASE)
"""a word in the name of a file or folder that holds labels, not scans"""
PICTURES = re.compile(r"label+ed", re.IGNORECASE)
"""a word in the name of a folder of scans with the labels drawn in (LABELLED_DICOM of IRCAD), which is left out"""
COLLECTION = re.compile(
    r"(images?(tr|ts|val)?|train(ing)?|val(idation)?|test(ing)?|data|scans?|volumes?)", re.IGNORECASE
)
"""a folder that collects scans of many patients"""
HOW = (
    "give a folder with NIfTI files (.nii, .nii.gz) or DICOM slices of CT scans, or a zip archive of them, as in "
    "--data ct:FOLDER"
)


@dataclass(frozen=True)
class Scan:
    """A scan that can be read.

    Attributes:
        where: place below the root of the NIfTI file, or of the folder of slices.
        path: the same with the root, for messages.
        size: bytes of its files.
        patient: equal for two scans of one patient.
        read: the volume in HU; raises GvaeError.
    """

    where: PurePosixPath
    path: str
    size: int
    patient: str
    read: Callable[[], Volume]


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
        root: the folder.
        scans: the largest first, so that a copy of a part of a scan comes after it.
        masks: files of labels and slices of masks.
        files: all files by their place, for the names of labels.
        notes: what was left out.
    """

    root: Path
    scans: list[Scan]
    masks: list[list[File]]
    files: dict[PurePosixPath, File]
    notes: list[str]


def find_scans(root: Path) -> Found:
    """Look through a folder, its sub-folders and its zip archives; nothing but the first header of a series is read.

    Raises:
        GvaeError: there is no scan, or an archive cannot be trusted.
    """
    files, groups, others = files_below(root), defaultdict(list), Counter()
    for file in files:
        if nifti.is_nifti(file):
            groups[file.where].append(file)
        elif dicom.is_dicom(file):
            groups[file.where.parent].append(file)
        else:
            others[file.where.suffix.lower() or file.where.name] += 1
    kinds = {where: _kind(where, group) for where, group in groups.items()}
    scans, twice = _scans([(where, group) for where, group in groups.items() if kinds[where] == "scan"])
    if not scans:
        raise _none(root, [where for where, kind in kinds.items() if kind == "mask"], others)
    masks = [group for where, group in groups.items() if kinds[where] == "mask"]
    drawn = sum(kind == "picture" for kind in kinds.values())
    notes = [
        *twice,
        *([f"files and folders taken as labels, not as scans: {len(masks)}"] if masks else []),
        *([f"folders of scans with labels drawn in, left out: {drawn}"] if drawn else []),
        *([f"files that are no scans, left out: {sum(others.values())}"] if others else []),
    ]
    return Found(root, scans, masks, {file.where: file for file in files}, notes)


def _none(root: Path, labels: Sequence[PurePosixPath], others: Counter[str]) -> GvaeError:
    """The error for a folder without scans; if names made labels of what is there, which word did, and the way round."""
    if labels:
        part = next(part for part in labels[0].parts if is_label(part))
        inner = root.joinpath(*takewhile(lambda other: other != part, labels[0].parts), part)
        way = f"give ct:{inner}" if inner.is_dir() else f"rename {part}"
        return GvaeError(
            f"{root} holds no CT scan: {len(labels)} files or folders of slices were taken as labels, as {labels[0]}, since "
            f"a word of {part} says so; if these are scans, {way}"
        )
    listed = ", ".join(f"{n} {kind}" for kind, n in others.most_common(5)) or "nothing"
    return GvaeError(f"{root} holds no CT scan (files of other kinds: {listed}); {HOW}")


def is_label(part: str) -> bool:
    """Whether a name is that of labels.

    >>> is_label("example_seg.nii.gz"), is_label("MASKS_DICOM"), is_label("labelsTr"), is_label("segovia")
    (True, True, True, False)
    """
    return any(LABEL.fullmatch(word) for word in re.split(r"[^A-Za-z0-9]+", part))


def shared(*names: Sequence[str]) -> int:
    """How many of their first letters or folders names have in common.

    >>> shared("liver_1", "liver_20"), shared(("a", "b"), ("a",)), shared()
    (6, 1, 0)
    """
    return sum(1 for _ in takewhile(lambda same: len(set(same)) == 1, zip(*names, strict=False)))


def _kind(where: PurePosixPath, group: list[File]) -> str:
    """What a NIfTI file or a folder of slices is: scan, mask or picture."""
    words = [word for part in where.parts for word in re.split(r"[^A-Za-z0-9]+", part)]
    if not nifti.is_nifti(group[0]) and any(PICTURES.fullmatch(word) for word in words):
        return "picture"
    return "mask" if any(is_label(part) for part in where.parts) else "scan"


def _scans(groups: list[tuple[PurePosixPath, list[File]]]) -> tuple[list[Scan], list[str]]:
    """Scans, the largest first, and notes on series that lie there twice."""
    above = shared(*[where.parts[:-1] for where, _ in groups])
    series: dict[str, Scan] = {}
    for where, group in groups:
        slices = not nifti.is_nifti(group[0])
        patient, uid = _identity(group[0]) if slices else ("", "")
        path = str(PurePosixPath(group[0].path).parent) if slices else group[0].path
        read = partial(dicom.read_series, group) if slices else partial(nifti.read_nifti, group[0])
        own = patient or _owner(where, above)
        scan = Scan(where, path, sum(file.size for file in group), own, read)
        key = uid or str(where)
        if key not in series or series[key].size < scan.size:
            series[key] = scan
    again = len(groups) - len(series)
    notes = [f"series that lie there twice, the larger taken: {again}"] if again else []
    return sorted(series.values(), key=lambda scan: (-scan.size, str(scan.where))), notes


def _identity(file: File) -> tuple[str, str]:
    """Patient and series; of a broken file none, reading it will say why."""
    try:
        return dicom.identity(file)
    except GvaeError:
        return "", ""


def _owner(where: PurePosixPath, above: int) -> str:
    """The patient by the place of a scan, below the folders that all scans share.

    >>> [_owner(PurePosixPath(name), 0) for name in ("s01/ct.nii.gz", "imagesTr/liver_7_0000.nii.gz")]
    ['s01', 'liver_7']
    """
    parts = list(where.parts[above:])
    while len(parts) > 1 and COLLECTION.fullmatch(parts[0]):
        parts.pop(0)
    return re.sub(r"_0000$", "", nifti.stem(PurePosixPath(parts[0]))) if parts else ""
