"""The run folder: everything about one training. The only module that knows its file names.

run.json               format version, model, data spec, all options, library versions
weights.safetensors    what samples: averaged weights and the learned prior
best.safetensors       the same after as many images as gave the best score; not in a short training
state.pt               what resumes: weights, averages, optimisers, random states, position in the data
log.jsonl              terms and diagnostics against images seen (the same for the same seed)
timing.jsonl           seconds, images per second and peak of memory against images seen
samples/, reconstructions/   picture grids, named by images seen
slices/                of one sampled volume, named by images seen (3-D data)
metrics.json           numbers with their protocol, written by `gvae evaluate`
directions.safetensors, directions.json   directions in the space of codes, written by `gvae attributes`
final.png              last sample grid
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from gvae.atomic import json_lines, write_text
from gvae.config import TrainConfig, from_json, to_json
from gvae.errors import GvaeError, choose
from gvae.types import DataSpec

FORMAT = 2
"""version of the folder's layout; a run of another version is refused, never misread"""


WEIGHTS = ("last", "best")
"""weights that a run may have"""


def refuse_run(path: Path) -> None:
    """Refuse a folder for a new run that holds one already.

    Raises:
        GvaeError: it does.
    """
    if (path / "run.json").exists():
        raise GvaeError(f"{path} already holds a run; continue it with `gvae resume {path}` or choose another --out")


def free_folder(data: str, model: str, seed: int, parent: Path = Path("runs")) -> Path:
    """The first run folder of this name that is not taken: runs/DATA-MODEL-SEED, then with -2, -3, ... behind it.

    Raises:
        GvaeError: several processes, which could not agree on one.

    >>> free_folder("mnist", "package.module:Name", 3, Path("nowhere")).as_posix()
    'nowhere/mnist-Name-3'
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise GvaeError("several processes train together: name their common run folder with --out")
    name = f"{Path(data).resolve().name if '/' in data else data}-{model.split(':')[-1]}-{seed}"
    return numbered(parent / re.sub(r"[^\w.-]+", "-", name))


def numbered(path: Path) -> Path:
    """The first of path, path-2, path-3, ... that is not there yet.

    >>> numbered(Path("nowhere/run")).as_posix()
    'nowhere/run'
    """
    free, number = path, 1
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


class File:
    """Attribute of a run: the path of a file in its folder."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, run: Run, owner: type[Run]) -> Path:
        return run.path / self.name


@dataclass(frozen=True)
class Run:
    """A run folder and what its run.json says."""

    path: Path
    model: str
    model_config: dict[str, Any]
    train: TrainConfig
    data: str
    spec: DataSpec
    about: dict[str, Any]
    """library versions, command line, prepared-data facts"""
    chosen: str = "last"
    """which weights `weights` means: last or best"""

    state = File("state.pt")
    """State that resumes."""
    log = File("log.jsonl")
    """Terms and diagnostics."""
    timing = File("timing.jsonl")
    """Seconds and rate."""
    metrics = File("metrics.json")
    """Numbers with their protocol."""
    directions = File("directions.safetensors")
    """Directions in the space of codes."""
    directions_about = File("directions.json")
    """What is known about the directions."""
    final = File("final.png")
    """Last sample grid."""

    @classmethod
    def create(
        cls,
        path: Path,
        model: str,
        model_config: Any,
        train: TrainConfig,
        data: str,
        spec: DataSpec,
        about: dict,
        write: bool = True,
    ) -> Run:
        """Make a new run folder.

        Args:
            path: the folder.
            model, model_config, train, data, spec, about: what run.json says.
            write: whether this process is the one that writes; the others only share the description.

        Raises:
            GvaeError: the folder holds a run already.
        """
        if write:
            refuse_run(path)
        run = cls(path, model, to_json(model_config), train, data, spec, about)
        if write:
            run.save()
        return run

    def save(self) -> None:
        """Write run.json."""
        text = {
            "format": FORMAT,
            "model": self.model,
            "data": self.data,
            "model_config": self.model_config,
            "train": to_json(self.train),
            "spec": self.spec.to_json(),
            "about": self.about,
        }
        write_text(self.path / "run.json", json.dumps(text, indent=2) + "\n")

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """Open an existing run folder.

        Raises:
            GvaeError: not a run folder, a damaged run.json, or a run of another format version.
        """
        path = Path(path)
        file = path / "run.json"
        if not file.exists():
            raise GvaeError(f"{path} is not a run folder: it has no run.json. `gvae train` makes one")
        try:
            text = json.loads(file.read_text(encoding="utf-8"))
            found = text["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise GvaeError(f"{file} is damaged ({error}); restore it from a copy of the run") from error
        if found != FORMAT:
            raise GvaeError(
                f"{path} was written in run format {found}, this gvae reads format {FORMAT}; "
                "install the gvae version named in its run.json under about"
            )
        try:
            train, spec = from_json(TrainConfig, text["train"]), DataSpec.from_json(text["spec"])
            return cls(path, text["model"], text["model_config"], train, text["data"], spec, text["about"])
        except (KeyError, TypeError) as error:
            raise GvaeError(f"{file} is damaged ({error}); restore it from a copy of the run") from error

    def using(self, weights: str) -> Run:
        """The same run with its last or its best weights.

        Raises:
            GvaeError: neither "last" nor "best", or a training that was too short to be scored.
        """
        run = replace(self, chosen=choose("weights", weights, WEIGHTS))
        if weights == "best" and not run.weights.exists():
            raise GvaeError(f"{self.path} has no best weights: so short a training has no score; use --weights last")
        return run

    def scores(self) -> dict[int, float]:
        """The score at each number of images seen at which there is one; lower is better."""
        return {int(row["images"]): float(row["score"]) for row in self.log_rows() if "score" in row}

    def log_rows(self) -> list[dict[str, Any]]:
        """Rows of log.jsonl: terms, diagnostics and scores, each with "images" seen."""
        return json_lines(self.log)

    def timing_rows(self) -> list[dict[str, Any]]:
        """Rows of timing.jsonl: seconds, rate and peak of memory, each with "images" seen."""
        return json_lines(self.timing)

    @property
    def weights(self) -> Path:
        """Weights that sample: the last, or those with the best score."""
        return self.path / ("best.safetensors" if self.chosen == "best" else "weights.safetensors")

    def digest(self) -> str | None:
        """A short checksum of the weights that sample; None while there are none."""
        if not self.weights.exists():
            return None
        known = self.weights.stat()
        return _digest(self.weights, known.st_size, known.st_mtime_ns)

    def partial(self, name: str) -> Path:
        """What a long measurement has so far."""
        return self.path / "partial" / f"{name}.npy"

    def samples(self, images: int) -> Path:
        """Sample grid after that many images."""
        return self.path / "samples" / f"{images:09d}.png"

    def slices(self, images: int) -> Path:
        """Slices of one sampled volume in all three directions, after that many images."""
        return self.path / "slices" / f"{images:09d}.png"

    def reconstructions(self, images: int) -> Path:
        """Reconstruction grid after that many images."""
        return self.path / "reconstructions" / f"{images:09d}.png"


@lru_cache
def _digest(path: Path, size: int, time: int) -> str:
    """Sixteen hex digits of a file's SHA-256; the file is read again when its size or time has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
