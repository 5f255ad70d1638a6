"""A run that answers what it looks like: codes from what an address says, and images from codes. Knows no web."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.explorer.queries import Query, unpacked
from gvae.explorer.uploads import Uploads
from gvae.latent.directions import Direction
from gvae.latent.pictures import from_data
from gvae.latent.space import Space
from gvae.latent.store import find, kept
from gvae.loaded import load
from gvae.training.precision import has_bf16
from gvae.types import Batch

T = TypeVar("T")

FAR = 1e4
"""no entry of a code and no strength of a direction may be larger"""
SEEDS = 2**31 - 1
LARGE = 64 * 64
"""values of an image from which a draft of it saves time"""
CACHED = 64
"""things that are remembered because they take long: codes of a data set, effects, paths, neighbours"""


class Renderer:
    """A loaded run, what it has been asked for already, and the pictures it was sent.

    Args:
        path: the run folder; nothing is written into it.
        root: folder with data sets; None for the usual one.

    Raises:
        GvaeError: no run, damaged, or a model without usable codes.
    """

    def __init__(self, path: Path, root: Path | None = None) -> None:
        self.space = Space(load(path))
        self.loaded, self.run = self.space.loaded, self.space.loaded.run
        self.spec, self.root = self.run.spec, root
        self.uploads = Uploads(self.run)
        self.drafts = self.spec.dim >= LARGE and has_bf16(self.space.model.device)
        """whether a draft of an image takes less time than the image"""
        self.made = stamp(self.run.weights)
        self.cache: dict[Hashable, Any] = {}

    @property
    def stale(self) -> str:
        """What has become of the weights since they were read; "" if they are the same."""
        now = stamp(self.run.weights)
        if now is None:
            return f"{self.run.path.name} has been deleted or moved; what is in memory still answers"
        if now != self.made:
            return f"{self.run.path.name} has been trained on; start `gvae explore` again to see its new weights"
        return ""

    def remember(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for that key, or make it now; what was not asked for longest is forgotten."""
        held = self.cache.pop(key) if key in self.cache else make()
        while len(self.cache) >= CACHED:
            self.cache.pop(next(iter(self.cache)))
        self.cache[key] = held
        return held

    def latest(self, slot: str, key: Hashable, make: Callable[[], T]) -> T:
        """What was made for that key, or make it now, in place of what the slot held: for what is large."""
        held = self.cache.get(slot)
        if held is None or held[0] != key:
            held = self.cache[slot] = key, make()
        return held[1]

    @property
    def encodes(self) -> bool:
        """Whether the model has an encoder."""
        return self.loaded.can("encode")

    @cached_property
    def data(self) -> Dataset:
        """The data that the run was trained on, opened when it is first needed.

        Raises:
            GvaeError: it is not there.
        """
        from gvae.evaluation.evaluate import open_reference

        return open_reference(self.run, None, self.root, changed=True)  # pictures, no numbers

    def directions(self) -> dict[str, Direction]:
        """The directions that the run keeps, read again when its files have changed.

        Raises:
            GvaeError: they are damaged, or of other weights.
        """
        times = tuple(stamp(path) for path in (self.run.directions, self.run.directions_about, self.run.weights))
        return self.remember(("directions", times), lambda: kept(self.run))

    def direction(self, name: str) -> Tensor:
        """The vector (Z,) of a direction that is kept, or of one component of the code, as z3.

        Raises:
            GvaeError: there is none of that name.
        """
        known = self.directions()
        return known[name].vector if name in known else find(self.run, name, self.space.size)

    def condition(self, query: Query) -> Tensor | None:
        """Class (1,) or attributes (1, A) for a conditional model: y=3, or y=0110; its first example if not given.

        Raises:
            GvaeError: no such class, or not a 0 or 1 for each attribute.
        """
        model, word = self.space.model, query.text("y")
        if not model.condition or not word:
            return model.in_turn(1)
        if model.classes:
            return torch.tensor([query.whole("y", 0, 0, model.classes - 1)])
        if not re.fullmatch(f"[01]{{{model.condition}}}", word):
            raise GvaeError(f"y must be {model.condition} digits, 0 or 1 for each attribute")
        return torch.tensor([[float(digit) for digit in word]])

    def image(self, name: str) -> Batch:
        """An image (1, C, *S), with its class or attributes if known: test:7, train:7, val:7, or up:NAME for an upload.

        Raises:
            GvaeError: there is none of that name.
        """
        kind, _, which = name.partition(":")
        if kind == "up":
            return Batch(self.uploads.find(which))
        number = Query({kind: which}).whole(kind, 0, 0, len(self.data.split(kind)) - 1)
        return from_data(self.data, kind, number)

    def source(self, name: str, y: Tensor | None) -> Tensor:
        """The code (Z,) that is meant by seed:3, by z:BASE64, or by the name of an image.

        Raises:
            GvaeError: none of those, or an image that is not there.
        """
        kind, _, which = name.partition(":")
        if kind == "seed":
            seed = Query({"seed": which}).whole("seed", 0, 0, SEEDS)
            return self.remember(("seed", seed, key(y)), lambda: self.space.draw(1, y, seed)[0])
        if kind == "z":
            return torch.from_numpy(unpacked(which, self.space.size))
        if kind not in ("train", "val", "test", "up"):
            raise GvaeError(f"there is no code '{name[:80]}'; ask for seed:3, test:7, up:NAME or z:NUMBERS")
        x, own = self.image(name)
        y = y if own is None or not self.space.model.condition else own
        return self.remember(("code", name, key(y)), lambda: self.space.encode(x, y)[0])

    def code(self, query: Query, name: str = "code") -> Tensor:
        """The code (Z,) that an address describes: a source, single components set, directions added.

        Args:
            query: its word `name` is the source, `set` is components as 3:1.5, `add` directions as Smiling:1.5.

        Raises:
            GvaeError: no such source, component or direction, or a number out of range.
        """
        z = self.source(query.text(name, "seed:0"), self.condition(query)).clone()
        for word, value in query.pairs("set", -FAR, FAR):
            z[Query({"component": word}).whole("component", 0, 0, self.space.size - 1)] = value
        for word, alpha in query.pairs("add", -FAR, FAR):
            z = z + alpha * self.direction(word)
        return z

    def decode(self, z: Tensor, y: Tensor | None, draft: bool = False) -> Tensor:
        """Images (N, C, *S) of codes (N, Z); a single code is decoded just as `gvae.load(RUN).decode(z)` does.

        Args:
            draft: in bf16 where that is faster: gray levels may differ by a few.
        """
        with torch.autocast(self.space.model.device.type, torch.bfloat16, enabled=draft and self.drafts):
            return self.space.decode(z, y).float()


def stamp(path: Path) -> float | None:
    """When a file was written, in seconds; None if it is not there."""
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def key(y: Tensor | None) -> Hashable:
    """A condition as a key.

    >>> key(torch.tensor([3])), key(None)
    ((3,), None)
    """
    return None if y is None else tuple(y.flatten().tolist())
