"""What became of each scan, noted beside the images so that a preparation that was killed goes on after the last one.

images.json   that there is work worth going on with, and the versions of the libraries that read scans
images.scans  a line for each scan that is done: which, how many images, and what splits and notes are made of

A line is written after the scan's images are on the disk. Scans are told apart by a hash of their place and length: nothing
of a patient, no file name either, gets into the notes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from gvae.atomic import json_lines, write_text
from gvae.data.ct.scans import Scan
from gvae.data.files.checksums import read_note
from gvae.errors import GvaeError

LIBRARIES = ("numpy", "pydicom", "nibabel", "SimpleITK")


@dataclass(frozen=True)
class Record:
    """What became of one scan; everything fits in JSON, numbers to the last bit."""

    images: int = 0
    """number of its images"""
    shape: tuple[int, ...] = ()
    """of one image"""
    slices: Sequence[str] = ()
    """SHA-256 of its slices, if they were taken"""
    places: Sequence[Sequence[float]] = ()
    """(images, 3) mm"""
    spacing: Sequence[float] = ()
    digest: str = ""
    """SHA-256 of its images, if it was taken"""
    rest: dict[str, int] = field(default_factory=dict)
    """what the notes count"""
    reason: str = ""
    """why it has no labels"""
    skipped: str = ""
    """why it cannot be read"""


class ScanLog:
    """The records of scans, on disk if the images are.

    Args:
        scratch: the .npy file of the images; default: nothing is written.
        scans: all scans, in the order in which they are read.

    Raises:
        GvaeError: the notes are of other scans or other libraries.
    """

    def __init__(self, scratch: Path | None, scans: Sequence[Scan]) -> None:
        self.scratch = scratch
        self.records: list[Record] = []
        if scratch is None:
            return
        self.note, self.lines = scratch.with_suffix(".json"), scratch.with_suffix(".scans")
        versions = {"libraries": _versions()}
        if not (self.note.exists() and self.lines.exists() and scratch.exists()):
            self.lines.write_bytes(b"")
            return
        again = f"put back what was there before, or remove {scratch.parent} to start over"
        if read_note(self.note) != versions:
            raise GvaeError(f"{scratch.parent} was begun with other versions of {', '.join(LIBRARIES)}; {again}")
        self._read(scans, again)

    def add(self, scan: Scan, record: Record) -> None:
        """Note what became of the next scan; its images are on the disk already.

        Raises:
            OSError: the disk is full.
        """
        self.records.append(record)
        if self.scratch is None:
            return
        if not self.note.exists():
            write_text(self.note, json.dumps({"libraries": _versions()}) + "\n")
        with self.lines.open("a", encoding="utf-8") as file:
            file.write(json.dumps([_which(scan), dataclasses.asdict(record)]) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self, scans: Sequence[Scan], again: str) -> None:
        """Take over whole lines; a kill may have torn the last."""
        whole = json_lines(self.lines)
        write_text(self.lines, "".join(f"{json.dumps(line)}\n" for line in whole))
        if len(whole) > len(scans):
            raise GvaeError(f"scans that {self.lines.parent} was begun with are gone; {again}")
        for (which, values), scan in zip(whole, scans, strict=False):
            if which != _which(scan):
                raise GvaeError(f"scans that {self.lines.parent} was begun with have changed since; {again}")
            self.records.append(Record(**values))


def _which(scan: Scan) -> str:
    """A scan's mark in the notes."""
    return hashlib.sha256(f"{scan.where} {scan.size}".encode()).hexdigest()


def _versions() -> dict[str, str]:
    """Versions of what reads scans."""
    found = {}
    for name in LIBRARIES:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
