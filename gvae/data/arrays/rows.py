"""An array that grows row by row, in memory, or in an .npy file with a journal from which work goes on after a kill.

Rows reach the file by plain writes, not by a writable memory map: a full disk then is an error instead of a killed
process. What the journal (the same name with .json) says is on disk before the journal says it. The file's checksum is
computed on the way; writing and flushing go on beside the work of the cores.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gvae.atomic import write_text
from gvae.data.files.checksums import gib, npy_header, read_note, sha256
from gvae.errors import GvaeError

FLUSH = 64 * 2**20
"""bytes of rows after which the file and its journal are brought up to date"""
BLOCK = 4 * 2**20
"""bytes of rows that are written at once, while the next ones are collected"""


def too_large(shape: tuple[int, ...]) -> bool:
    """Whether an array (N, *S, C) uint8 would take more than half of the memory."""
    return math.prod(shape) > _memory() // 2


class MemoryRows:
    """Rows in memory.

    Args:
        shape: (N, *S, C) with as many rows as there may be.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.read = 0
        """items dealt with"""
        self.broken: dict[int, str] = {}
        """those of them that gave no row, and why"""
        self._images = np.empty(shape, np.uint8)

    def add(self, row: np.ndarray | None, reason: str = "") -> None:
        """The row (*S, C) of the next item, or why there is none."""
        if row is None:
            self.broken[self.read] = reason
        else:
            self._images[self.read - len(self.broken)] = row
        self.read += 1

    def finish(self) -> np.ndarray:
        """All rows (n, *S, C)."""
        return self._images[: self.read - len(self.broken)]


class FileRows:
    """Rows in an .npy file; where a journal lies beside it, work goes on from there.

    Args:
        file: the .npy file.
        shape: (N, *S, C) with as many rows as there may be.
        names: what stands for each item: a change of one that is done already is noticed.
        form: what else decides the rows' values; fits in JSON.

    Raises:
        GvaeError: the journal is of other items or another form; the disk has too little room.
    """

    def __init__(self, file: Path, shape: tuple[int, ...], names: Sequence[str], form: dict[str, Any]) -> None:
        self.file, self.journal, self.names = file, file.with_suffix(".json"), names
        self.form, self.shape = {"row": list(shape[1:]), **form}, shape
        self.read, self.count = 0, 0
        self.broken: dict[int, str] = {}
        self._items, self._safe = hashlib.sha256(), 0
        self._continue()
        self._stream = file.open("r+b" if file.exists() else "w+b", buffering=0)
        self._stream.truncate(self._end(self.count))
        self._check_room()
        self._sum = self._sum_so_far()
        self._block = np.empty((max(1, BLOCK // self._bytes), *shape[1:]), np.uint8)
        self._spare, self._filled = np.empty_like(self._block), 0
        self._writer, self._saver = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._writing = self._saving = self._writer.submit(lambda: None)
        self._saved = self.count

    def add(self, row: np.ndarray | None, reason: str = "") -> None:
        """The row (*S, C) uint8 of the next item, or why there is none.

        Raises:
            GvaeError: the disk is full; the rows that the journal knows are safe.
        """
        self._items.update(f"{self.names[self.read]}\n".encode())
        if row is None:
            self.broken[self.read] = reason
        else:
            self._block[self._filled] = row
            self._filled, self.count = self._filled + 1, self.count + 1
        self.read += 1
        if self._filled == len(self._block):
            self._put()
        if (self.count - self._saved) * self._bytes >= FLUSH:
            self._save()

    def finish(self) -> np.ndarray:
        """All rows (n, *S, C), mapped from the file; the journal then holds its checksum.

        Raises:
            GvaeError: the disk is full; the rows that the journal knows are safe.
        """
        self._put()
        self._writing.result()
        self._write(0, header := self._header(self.count))
        self._save()
        self._saving.result()
        # the sum began with the header of N rows; where fewer came, the file is read once more
        same = header == self._header(self.shape[0])
        total = self._sum.hexdigest() if same else sha256(self.file)
        write_text(self.journal, json.dumps({**self._about(), "sha256": total}) + "\n")
        self._writer.shutdown()
        self._saver.shutdown()
        self._stream.close()
        return np.load(self.file, mmap_mode="r")

    def _continue(self) -> None:
        """Take over what a journal says, if there is one."""
        if not (self.journal.exists() and self.file.exists()):
            return
        about = read_note(self.journal)
        again = f"put back what was there before, or remove {self.file.parent} to start over"
        if about["form"] != self.form:
            raise GvaeError(
                f"{self.file.parent} was begun with images of the form {about['form']}, but this would make "
                f"{self.form}: the files or a library have changed; {again}"
            )
        for name in self.names[: about["read"]]:
            self._items.update(f"{name}\n".encode())
        if self._items.hexdigest() != about["items"] or self.file.stat().st_size < self._end(about["rows"]):
            raise GvaeError(f"files that {self.file.parent} was begun with have changed since; {again}")
        self.read, self.count, self._safe = about["read"], about["rows"], about["rows"]
        self.broken = {int(i): reason for i, reason in about["broken"].items()}

    def _sum_so_far(self) -> Any:
        """Checksum of the header of N rows and the rows that are there, which a killed call left behind."""
        total, left = hashlib.sha256(self._header(self.shape[0])), self.count * self._bytes
        self._stream.seek(self._end(0))
        while left:
            data = self._stream.read(min(left, 2**20))
            total.update(data)
            left -= len(data)
        return total

    def _about(self) -> dict[str, Any]:
        """What the journal says of the rows taken in so far."""
        about = {"form": self.form, "read": self.read, "rows": self.count, "broken": dict(self.broken)}
        return {**about, "items": self._items.hexdigest()}

    def _save(self) -> None:
        """Begin to flush what is there to disk, and then to say so in the journal, once the flush before it is done."""
        self._saving.result()
        self._put()
        self._saving = self._saver.submit(self._make_safe, self._writing, self._about())
        self._saved = self.count

    def _make_safe(self, writing: Future[None], about: dict[str, Any]) -> None:
        """Flush to disk what `writing` completes; then the journal may say so."""
        writing.result()
        try:
            os.fsync(self._stream.fileno())
        except OSError as error:  # some file systems find out only now
            raise self._full(str(error)) from error
        self._safe = about["rows"]
        write_text(self.journal, json.dumps(about) + "\n")

    def _put(self) -> None:
        """Begin to write the rows that wait, once those before them are written."""
        self._writing.result()
        rows, place = self._block[: self._filled], self._end(self.count - self._filled)
        self._writing = self._writer.submit(self._write_rows, place, rows.reshape(-1).data)
        self._block, self._spare, self._filled = self._spare, self._block, 0

    def _write_rows(self, place: int, rows: memoryview) -> None:
        """Write rows and take them into the checksum."""
        self._write(place, rows)
        self._sum.update(rows)

    def _write(self, place: int, data: bytes | memoryview) -> None:
        """Write all of it; a system may take less than it is given."""
        left = memoryview(data)
        try:
            self._stream.seek(place)
            while left:
                left = left[self._stream.write(left) :]
        except OSError as error:
            raise self._full(str(error)) from error

    @property
    def _bytes(self) -> int:
        """Bytes of one row."""
        return math.prod(self.shape[1:])

    def _header(self, rows: int) -> bytes:
        """The file's header for that many rows."""
        return npy_header((rows, *self.shape[1:]), np.dtype(np.uint8))

    def _end(self, rows: int) -> int:
        """Where that many rows end in the file; the header keeps its length, however many there are."""
        return self._start + rows * self._bytes

    @cached_property
    def _start(self) -> int:
        """Length of the header."""
        return len(self._header(0))

    def _check_room(self) -> None:
        """Refuse to begin what the disk cannot hold."""
        if self._needed() > shutil.disk_usage(self.file.parent).free:
            raise self._full("there is too little room")

    def _needed(self) -> int:
        """Bytes that are still to be written."""
        return (self.shape[0] - len(self.broken) - self._safe) * self._bytes

    def _full(self, reason: str) -> GvaeError:
        """The error for a full disk."""
        kept = f"; {self._safe} images are safe, and the same command goes on from there" * (self._safe > 0)
        return GvaeError(
            f"could not write {self.file}: {reason}. {gib(self._needed())} more are needed and "
            f"{gib(shutil.disk_usage(self.file.parent).free)} are free: free some space, give a smaller --size, or "
            f"an --out on another disk{kept}"
        )


def _memory() -> int:
    """Bytes of memory; where the system does not tell, more than anyone has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**62
