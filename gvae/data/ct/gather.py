"""Scans to a data set: each is read, cut and stored in turn; what was done is noted, whose scan it is is not."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gvae.data.ct.crops import Cut
from gvae.data.ct.forms import Form
from gvae.data.ct.journal import Record, ScanLog
from gvae.data.ct.patients import Seen, digests, divide
from gvae.data.ct.scans import Found, Scan
from gvae.data.ct.stack import Stack
from gvae.data.ct.volumes import Volume
from gvae.data.dataset import Dataset
from gvae.data.files.checksums import of_arrays
from gvae.errors import GvaeError
from gvae.types import DataSpec

FAT = -200
"""HU below which every scan of a body has voxels"""
ALIKE = 1.02
"""ratio of the largest to the smallest spacing up to which scans count as of one scale"""
TWICE = "scans whose slices another scan has too, left out"
UNLABELLED = "scans without labels of the organ, left out"
NO_FAT = f"warning: scans with nothing below {FAT} HU; check that they are in Hounsfield units"
MaskOf = Callable[[Scan, Volume], tuple[np.ndarray | None, str]]
"""the organ's voxels in a scan, or why there are none"""


@dataclass
class Gathered:
    """What was gathered from the scans so far."""

    stack: Stack
    seen: Seen = field(default_factory=Seen)
    patients: list[str] = field(default_factory=list)
    """of each image"""
    places: list[np.ndarray] = field(default_factory=list)
    spacings: list[tuple[float, ...]] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    """why scans have no labels"""
    counts: Counter[str] = field(default_factory=Counter)
    """of what the notes tell"""

    def take(self, scan: Scan, form: Form, mask: MaskOf | None) -> Record:
        """Read a scan, cut it and store the images; `join` then counts them.

        Raises:
            GvaeError: it is broken, or does not fit the others.
        """
        volume = scan.read()
        marked, reason = mask(scan, volume) if mask else (None, "")
        if reason:
            return Record(rest={UNLABELLED: 1}, reason=reason)
        slices = digests(volume.values)
        if self.seen.knows(slices):
            return Record(rest={TWICE: 1}, slices=slices)
        cut = form.cut(scan, volume, marked)
        self.stack.add(cut.images, scan.path)
        return _record(volume, cut, slices)

    def join(self, scan: Scan, record: Record) -> None:
        """Keep what splits and notes are made of."""
        self.seen.meet(record.slices, scan.patient)
        self.patients += [scan.patient] * record.images
        self.counts.update(record.rest)
        if record.digest:
            self.places.append(np.array(record.places, float).reshape(-1, 3))
            self.spacings.append(tuple(record.spacing))
            self.digests.append(record.digest)
        self.reasons += [record.reason] if record.reason else []
        self.skipped += [record.skipped] if record.skipped else []


def _record(volume: Volume, cut: Cut, slices: list[str]) -> Record:
    """What is to be kept of a scan that was cut."""
    air = {NO_FAT: int(volume.values.min() > FAT)}
    return Record(
        len(cut.images),
        cut.images.shape[1:],
        slices,
        cut.places.tolist(),
        [float(s) for s in cut.spacing],
        of_arrays(cut.images),
        {**cut.rest, **air},
    )


def assemble(
    name: str,
    found: Found,
    form: Form,
    mask: MaskOf | None = None,
    skip_broken: bool = False,
    scratch: Path | None = None,
) -> Dataset:
    """The data set of scans.

    Args:
        name: of the data set.
        mask: finds the organ's voxels, for crops around an organ.
        skip_broken, scratch: as in `gvae.data.sources.ct.open_ct`.

    Raises:
        GvaeError: a broken scan, slices of several sizes, or not one image.
    """
    log = ScanLog(scratch, found.scans)
    done = log.records[:]
    got = Gathered(Stack(scratch, sum(record.images for record in done), _shape(done)))
    for scan, record in zip(found.scans, done, strict=False):
        if record.skipped and not skip_broken:
            raise GvaeError(record.skipped)
        got.join(scan, record)
    for scan in found.scans[len(done) :]:
        try:
            record = got.take(scan, form, mask)
        except GvaeError as error:
            if not skip_broken:
                raise
            record = Record(skipped=str(error).replace(f"{found.root}/", ""))
        log.add(scan, record)
        got.join(scan, record)
    images = got.stack.array()
    if not len(images):
        raise _empty(found, form, got)
    owners = [got.seen.owner(patient) for patient in got.patients]
    splits, divided = divide(owners, np.concatenate(got.places))
    low, high = form.range
    spec = DataSpec(name, 1, images.shape[1:-1], low=low, high=high, unit="HU")
    notes = [*_notes(form, got, images.shape), *found.notes, *divided]
    return Dataset(spec, images, None, splits, _facts(form, got, len(set(owners)), notes))


def _shape(records: Sequence[Record]) -> tuple[int, ...]:
    """Of the images that are there already."""
    return next((tuple(record.shape) for record in records if record.images), ())


def _facts(form: Form, got: Gathered, patients: int, notes: list[str]) -> dict[str, Any]:
    """What is known about the images; no tag, no name of a patient."""
    return {
        "checksum": f"sha256:{hashlib.sha256(chr(10).join(sorted(got.digests)).encode()).hexdigest()}",
        "form": form.form,
        "window": list(form.window),
        "spacing_mm": [round(float(s), 4) for s in np.median(np.array(got.spacings), axis=0)],
        "organ": form.organ,
        "scans": len(got.digests),
        "patients": patients,
        "skipped": got.skipped,
        "notes": [*notes, *[f"skipped {reason}" for reason in got.skipped]],
    }


def _notes(form: Form, got: Gathered, shape: tuple[int, ...]) -> list[str]:
    """What was done to the scans."""
    low, high = form.range
    size = " x ".join(map(str, shape[1:-1]))
    what = {"slices": "axial slices", "volumes": "blocks"}[form.form]
    around = f" around the {form.organ}" if form.organ else ""
    return [
        f"{shape[0]} {what} of {size}{around} from {len(got.digests)} scan(s); slices from foot to head, rows from front to "
        "back, columns from the patient's right to the left",
        f"window: centre {form.window[0]:g}, width {form.window[1]:g} HU; {low:g} HU becomes -1, {high:g} HU becomes +1, "
        "what lies outside is clipped for networks only",
        _scale(form, got.spacings),
        *[f"{what}: {count}" for what, count in got.counts.items() if count],
    ]


def _scale(form: Form, spacings: Sequence[tuple[float, ...]]) -> str:
    """How large a pixel or voxel is, and why."""
    low, high = np.min(spacings, axis=0), np.max(spacings, axis=0)
    unit = "pixel" if form.form == "slices" else "voxel"
    shown = " x ".join(f"{a:.2f}" if b <= a * ALIKE else f"{a:.2f} to {b:.2f}" for a, b in zip(low, high, strict=True))
    if form.spacing:
        why = f"resampled (linear); cut or padded with air to the {unit}s wanted"
    elif form.form == "slices" and form.size and not form.organ:
        why = "each slice scaled as a whole, padded with air where it is not square"
    else:
        why = "as the scanner made them"
    mixed = "; warning: scans differ in scale, --spacing 1 makes them alike" if (high > low * ALIKE).any() else ""
    return f"{shown} mm per {unit}: {why}{mixed}"


def _empty(found: Found, form: Form, got: Gathered) -> GvaeError:
    """Why there is not one image."""
    if got.skipped:
        return GvaeError(f"none of the {len(found.scans)} scans below {found.root} can be read, as: {got.skipped[0]}")
    if got.reasons:
        return GvaeError(got.reasons[0])
    if form.organ:
        return GvaeError(f"the {form.organ} is empty in all labels below {found.root}; choose another --organ")
    return GvaeError(
        f"all blocks of {form.block} voxels of the scans below {found.root} are mostly air; give a smaller --block"
    )
