"""Directions that are kept in a run's folder: vectors as safetensors, what is known about them as JSON."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from gvae.atomic import write_atomic, write_text
from gvae.errors import GvaeError, choose
from gvae.latent.directions import Direction
from gvae.runs import Run

FORMAT = 1
"""version of the two files"""


def keep(run: Run, directions: Iterable[Direction]) -> list[str]:
    """Add directions to those that the run keeps; one of the same name is replaced.

    Returns:
        names of directions that are gone, because the run's weights have changed since they were learned.
    """
    about = read(run)
    stale = [] if about["weights"] in ("", run.digest()) else list(about["directions"])
    everything = {} if stale else kept(run)
    everything |= {direction.name: direction for direction in directions}
    vectors = {name: direction.vector.contiguous() for name, direction in everything.items()}
    write_atomic(run.directions, lambda name: save_file(vectors, name))
    rows = {name: facts(direction) for name, direction in everything.items()}
    text = {"format": FORMAT, "weights": run.digest(), "directions": rows}
    write_text(run.directions_about, json.dumps(text, indent=2) + "\n")
    return [name for name in stale if name not in everything]


def kept(run: Run) -> dict[str, Direction]:
    """The directions of a run by name; none if there are none.

    Raises:
        GvaeError: damaged files, or weights that have changed since.
    """
    about = read(run)
    if not about["directions"]:
        return {}
    if about["weights"] != run.digest():
        raise GvaeError(
            f"the weights of {run.path} have changed since its directions were learned; learn them anew with "
            f"`gvae attributes {run.path}`"
        )
    try:
        vectors = load_file(run.directions)
        return {name: Direction(name, vectors[name], **row) for name, row in about["directions"].items()}
    except Exception as error:  # safetensors raises its own type and OSError
        raise damaged(run, error) from error


def find(run: Run, name: str, latent: int) -> torch.Tensor:
    """The vector (Z,) of a direction that is kept, or of one component of the code, as z3.

    Raises:
        GvaeError: no such direction or component, or none kept yet.
    """
    directions = kept(run)
    if name not in directions and re.fullmatch(r"z\d+", name):
        if int(name[1:]) >= latent:
            raise GvaeError(f"there is no component {name}; the code of {run.path} has z0 to z{latent - 1}")
        return torch.eye(latent)[int(name[1:])]
    if not directions:
        raise GvaeError(
            f"{run.path} keeps no directions yet, so nothing is known of '{name}'; learn some with "
            f"`gvae attributes {run.path}`, or move a component of the code, as --add z0=2"
        )
    return directions[choose("direction", name, directions)].vector


def read(run: Run) -> dict[str, Any]:
    """What the JSON file says: the checksum of the weights, and a row for each direction.

    Raises:
        GvaeError: damaged, or of another format.
    """
    if not run.directions_about.exists():
        return {"weights": "", "directions": {}}
    try:
        about = json.loads(run.directions_about.read_text(encoding="utf-8"))
        found = about["format"], about["weights"], about["directions"]
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(run, error) from error
    if found[0] != FORMAT:
        raise damaged(run, f"format {found[0]}, and this gvae reads format {FORMAT}")
    return about


def facts(direction: Direction) -> dict[str, Any]:
    """What is known about a direction, for JSON."""
    names = [field.name for field in dataclasses.fields(Direction)]
    return {name: getattr(direction, name) for name in names if name not in ("name", "vector")}


def damaged(run: Run, why: object) -> GvaeError:
    """The error for files that cannot be read."""
    return GvaeError(
        f"the directions of {run.path} are damaged ({why}); delete {run.directions.name} and "
        f"{run.directions_about.name} there and learn them anew with `gvae attributes {run.path}`"
    )
