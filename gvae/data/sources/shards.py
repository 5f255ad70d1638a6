"""Tar files as lists of encoded images: names and places are read once, images straight from the archive.

Nothing is unpacked and no path comes from a member: its name only says which members belong together. A shard on the web
is fetched whole into a temporary file when it is needed, and at most `KEPT` of these are there at a time.
"""

from __future__ import annotations

import os
import re
import shutil
import tarfile
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO

from gvae.errors import GvaeError
from gvae.imports import optional

KEPT = 3
"""shards of the web that lie on this disk at a time: images are taken in order, by several cores"""
WEB = re.compile(r"(https?|gs|hf)://[^\s'\"`$;|&<>]+")
"""what the library webdataset is asked for; its pipe: runs commands, which a run folder must not bring along"""
FETCHING = threading.Lock()
AGAIN = "copy or download it again"


@dataclass(frozen=True)
class Member:
    """A file in a shard: where its bytes are."""

    start: int
    size: int


@dataclass
class Shards:
    """Opens shards, those of the web through temporary files that go with this object."""

    here: OrderedDict[str, Any] = field(default_factory=OrderedDict)
    """temporary files of shards of the web, the last used last"""

    def read(self, shard: str, member: Member) -> BytesIO:
        """Content of a member.

        Raises:
            GvaeError: the shard is gone, or shorter than it was.
        """
        with self.open(shard) as stream:
            stream.seek(member.start)
            data = stream.read(member.size)
        if len(data) < member.size:
            raise GvaeError(f"{shard} is cut; {AGAIN}")
        return BytesIO(data)

    def open(self, shard: str) -> BinaryIO:
        """A shard for reading, with a position of its own.

        Raises:
            GvaeError: it is not there, or cannot be fetched.
        """
        if not WEB.fullmatch(shard):
            try:
                return open(shard, "rb")
            except OSError as error:
                raise GvaeError(f"shard {shard} cannot be opened ({error.strerror}); {AGAIN}") from error
        with FETCHING:
            if shard not in self.here:
                self.here[shard] = _fetched(shard)
            self.here.move_to_end(shard)
            while len(self.here) > KEPT:
                self.here.popitem(last=False)[1].close()
            return os.fdopen(os.open(self.here[shard].name, os.O_RDONLY), "rb")

    def samples(self, shard: str) -> Iterator[tuple[str, dict[str, Member]]]:
        """Key and members by ending of every sample, in the shard's order: a.jpg and a.cls are one sample, a.

        Raises:
            GvaeError: the shard is missing, cut, damaged, packed, or has one key in two places.
        """
        key, group, done = "", {}, set[str]()
        with self.open(shard) as stream:
            for name, member in _members(shard, stream):
                stem, ending = _parts(name)
                if stem != key:
                    if group:
                        yield key, group
                    if stem in done:
                        raise GvaeError(
                            f"{shard} has the sample {shown(stem)} in two places; pack it again so that files of one "
                            "name are neighbours"
                        )
                    done.add(stem)
                    key, group = stem, {}
                group[ending] = member
        if group:
            yield key, group


def expand(pattern: str) -> list[str]:
    """The names that braces stand for.

    Raises:
        GvaeError: a range that counts down.

    >>> expand("{train,val}-{08..10}.tar")[:4]
    ['train-08.tar', 'train-09.tar', 'train-10.tar', 'val-08.tar']
    """
    found = re.search(r"\{([^{}]*)\}", pattern)
    if not found:
        return [pattern]
    numbers = re.fullmatch(r"(\d+)\.\.(\d+)", found[1])
    words = found[1].split(",")
    if numbers:
        first, last = numbers.groups()
        if int(last) < int(first):
            raise GvaeError(f"the range {found[0]} of {pattern} counts down; write {{{last}..{first}}}")
        words = [str(n).zfill(len(first)) for n in range(int(first), int(last) + 1)]
    ends = expand(pattern[found.end() :])
    return [f"{pattern[: found.start()]}{word}{end}" for word in words for end in ends]


def shown(name: str) -> str:
    """A member's name for people: nothing in it reaches a terminal as a command.

    >>> shown("a" + chr(27) + "[2Jb")
    'a\\\\x1b[2Jb'
    """
    return name.encode("unicode_escape").decode("ascii")


def _fetched(shard: str) -> Any:
    """A temporary file with the content of a shard of the web."""
    gopen = optional("webdataset.gopen", "shards of the web need the package", "shards").gopen
    file = tempfile.NamedTemporaryFile(suffix=".tar")  # noqa: SIM115
    try:
        with gopen(shard) as stream:
            shutil.copyfileobj(stream, file, 2**20)
        file.flush()
    except Exception as error:  # each kind of store has errors of its own
        file.close()
        raise GvaeError(f"shard {shard} cannot be fetched ({error}); check its name and the connection") from error
    return file


def _members(shard: str, stream: BinaryIO) -> Iterator[tuple[str, Member]]:
    """Names and places of the plain files in a tar; what is missing at its end is noticed."""
    length = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    try:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            while (info := archive.next()) is not None:
                archive.members = []  # it would keep all of them  # pyright: ignore[reportAttributeAccessIssue]
                if info.isreg() and not info.issparse():
                    if info.offset_data + info.size > length:
                        raise tarfile.ReadError("its end is missing")
                    yield info.name, Member(info.offset_data, info.size)
            end = archive.offset
        stream.seek(end)
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("its end is missing" if end >= length else "a part of it was overwritten")
    except (tarfile.TarError, EOFError, ValueError) as error:
        packed = "; unpack it with gunzip first" if shard.endswith("gz") else f"; {AGAIN}"
        raise GvaeError(f"{shard} is no whole tar file ({error}){packed}") from error


def _parts(name: str) -> tuple[str, str]:
    """Key and ending of a member's name: everything before, and behind, the first dot of its last part.

    >>> _parts("a.b/0001.seg.png"), _parts("README")
    (('a.b/0001', 'seg.png'), ('README', ''))
    """
    folder, slash, last = name.rpartition("/")
    stem, _, ending = last.partition(".")
    return f"{folder}{slash}{stem}", ending.lower()
