"""Shards of WebDataset: tar files in which 0001.jpg, 0001.cls and 0001.json make one sample.

WebDataset: https://github.com/webdataset/webdataset

wds:FOLDER                        all .tar files of a folder, in the order of their names
wds:PATH/shard-{000..009}.tar     these shards; one that is missing is an error
wds:https://.../{000..009}.tar    of the web or an object store (http, https, gs, hf), a few on the disk at a time

A split is what a shard's name, else its folder's, says; a class is what .cls holds, or an entry of the .json.
"""

from __future__ import annotations

import json
import re
import sys
from array import array
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from gvae.data.arrays.items import Chosen, Item, Lazy, Packed
from gvae.data.arrays.pixels import ENDINGS
from gvae.data.dataset import Dataset
from gvae.data.files.paths import existing
from gvae.data.images.samples import Samples, classes_of, split_of
from gvae.data.options import PLAIN, ReadOptions
from gvae.data.sources.shards import WEB, Member, Shards, expand, shown
from gvae.errors import GvaeError, choose

HOW = "give a folder of .tar files or their names, as in --data 'wds:shards/{000..009}.tar'"
LONGEST = 2**20
"""bytes of a .cls or .json beyond which it is no label"""


class Listing(Lazy):
    """Images of shards, in some fifty bytes each.

    Args:
        shards: what opens them.
        names: the shards.
    """

    def __init__(self, shards: Shards, names: Sequence[str]) -> None:
        self.shards, self.names = shards, names
        self.shard, self.start, self.size = array("i"), array("q"), array("q")
        self.keys, self.labels = Packed(), list[str]()

    def add(self, shard: int, key: str, member: Member, label: str) -> None:
        """One image, and the name of its class; "" if there is none."""
        self.shard.append(shard)
        self.start.append(member.start)
        self.size.append(member.size)
        self.keys.append(key.encode("utf-8", "surrogateescape"))
        self.labels.append(sys.intern(label))

    def __len__(self) -> int:
        return len(self.keys)

    def item(self, i: int) -> Item:
        """Name, below the first shard's folder, and opener."""
        read = partial(self.shards.read, self.names[self.shard[i]], Member(self.start[i], self.size[i]))
        folder, _, _ = self.names[self.shard[i]].rpartition("/")
        return self.place(i).removeprefix(f"{folder}/"), read

    def place(self, i: int) -> str:
        """Shard and key."""
        key = self.keys[i].decode("utf-8", "surrogateescape")
        return f"{self.names[self.shard[i]]}/{shown(key)}"


def open_wds(root: Path | None, options: ReadOptions = PLAIN, scratch: Path | None = None) -> Dataset:
    """Read the images of shards, in the order of the shards.

    Args:
        root: a folder, or the names of shards with braces.
        options: image_column, the ending of the images, such as png, where a sample has several; label_column, the entry of
            the .json that is the class (default: the .cls files, if there are any); skip_broken, to leave samples out,
            too, that have a class and no image, or no class where others have one; size, fit and channels, as in
            `gvae.data.sources.folder.open_folder`, and scratch likewise.

    Raises:
        GvaeError: no shards, one that is missing, cut or damaged, samples without image or class; otherwise as for
            `gvae.data.sources.folder.open_folder`.
    """
    names = _named(root)
    listing, odd = _listing(Shards(), names, options.image_column, options.label_column)
    labelled = any(listing.labels)
    bare = [i for i, label in enumerate(listing.labels) if not label] if labelled else []
    for i in bare:
        odd[listing.place(i)] = "has no class, others have"
    if odd and not options.skip_broken:
        first, reason = next(iter(odd.items()))
        raise GvaeError(
            f"{first} {reason} ({len(odd)} samples of this kind); pack the shards again, or leave such samples out with "
            "--skip-broken"
        )
    kept = np.delete(np.arange(len(listing)), bare)
    if not len(kept):
        raise GvaeError(f"the shards from {names[0]} on hold no images; supported endings: {' '.join(ENDINGS)}")
    classes, labels = classes_of([listing.labels[i] for i in kept]) if labelled else ((), None)
    shard, splits = np.frombuffer(listing.shard, np.int32)[kept], [_split(name) for name in names]
    found = Samples(
        _title(names),
        str(PurePosixPath(names[0]).parent),
        Chosen(listing, kept),
        [splits[i] for i in shard],
        classes,
        labels,
        [f"{len(kept)} samples of {len(names)} shards", *_told(odd)],
        {"source": f"shards {names[0]} to {names[-1]}"},
        shard if any(WEB.fullmatch(name) for name in names) else None,
    )
    return found.dataset(options, scratch)


def _named(root: Path | None) -> list[str]:
    """The shards that are meant, all of them there as far as this disk goes."""
    if root is None:
        raise GvaeError(f"which shards? {HOW[0].upper()}{HOW[1:]}")
    # a path has lost one of the two slashes of https://
    text = re.sub(r"^(\w{2,}):/+", r"\1://", root.as_posix())
    if "://" in text or text.startswith("pipe:"):
        names = expand(text)
        if not all(WEB.fullmatch(name) for name in names):
            raise GvaeError(f"shards of {text} are not read; give http://, https://, gs://, hf:// or a path")
        return names
    if root.suffix == ".tar":
        names = expand(root.absolute().as_posix())
        missing = [name for name in names if not Path(name).is_file()]
        if missing:
            raise GvaeError(f"{len(missing)} of {len(names)} shards are missing, the first is {missing[0]}; {HOW}")
        return names
    names = sorted(path.as_posix() for path in existing(root).absolute().rglob("*.tar"))
    if not names:
        raise GvaeError(f"{root} holds no .tar files; {HOW}")
    return names


def _listing(
    shards: Shards, names: Sequence[str], image: str | None, label: str | None
) -> tuple[Listing, dict[str, str]]:
    """The samples with an image, and what is wrong with others."""
    listing, odd = Listing(shards, names), dict[str, str]()
    for number, shard in enumerate(names):
        for key, members in shards.samples(shard):
            place = f"{shard}/{shown(key)}"
            ending = _image(place, members, image)
            known = _label(shards, shard, place, members, label)
            if ending:
                listing.add(number, key, members[ending], known)
            elif known:
                odd[place] = "has a class and no image"
    return listing, odd


def _image(place: str, members: dict[str, Member], asked: str | None) -> str:
    """Ending of a sample's image, "" if there is none."""
    if asked is not None:
        ending = asked.lstrip(".").lower()
        return ending if ending in members else ""
    found = [ending for ending in members if f".{ending.rpartition('.')[2]}" in ENDINGS]
    if len(found) > 1:
        raise GvaeError(f"{place} has several images ({', '.join(found)}); choose one, as in --image-column {found[0]}")
    return found[0] if found else ""


def _label(shards: Shards, shard: str, place: str, members: dict[str, Member], column: str | None) -> str:
    """A sample's class, "" if there is none."""
    ending = "cls" if column is None else "json"
    if ending not in members:
        return ""
    if members[ending].size > LONGEST:
        raise GvaeError(f"{place}.{ending} has {members[ending].size} bytes, too many for a label; pack it again")
    try:
        text = shards.read(shard, members[ending]).read().decode("utf-8").strip()
        if column is None:
            return text
        values = json.loads(text)
        value = values[choose(f"entry of {place}.json called", column, values)]
    except (ValueError, TypeError, RecursionError) as error:
        raise GvaeError(f"{place}.{ending} holds no label ({error}); pack the shard again") from error
    return "" if value is None else str(value)


def _split(shard: str) -> str:
    """The split by the name of a shard, else by that of its folder."""
    path = PurePosixPath(shard)
    return split_of(path.stem) or split_of(path.parent.name)


def _title(names: Sequence[str]) -> str:
    """A name for the data set: what the shards' names begin with, else their folder's.

    >>> _title(["a/flowers-train-00.tar", "a/flowers-val-00.tar"]), _title(["pets/000.tar", "pets/001.tar"])
    ('flowers', 'pets')
    """
    words = [re.split(r"[^A-Za-z]+", PurePosixPath(name).stem)[0] for name in names]
    common = words[0] if len(set(words)) == 1 and not split_of(words[0]) else ""
    return common or PurePosixPath(names[0]).parent.name or "wds"


def _told(odd: dict[str, str]) -> list[str]:
    """Notes on samples that were left out."""
    counts = Counter(odd.values())
    return [f"samples left out, each of which {reason}: {count}" for reason, count in counts.items()]
