"""Saving and restoring a training exactly, and the weights that sample."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gvae import models
from gvae.atomic import write_atomic
from gvae.config import from_json
from gvae.errors import GvaeError
from gvae.models import resolve
from gvae.models.base import Model
from gvae.runs import Run

FITTED = "prior.is_fitted"
"""the tensor that says whether the prior was fitted"""


def build(run: Run, networks: Mapping[str, nn.Module] | None = None) -> Model:
    """The model a run describes, with fresh weights.

    Args:
        run: the run.
        networks: by name, those of a run that was trained with networks of one's own.

    Raises:
        GvaeError: a network of one's own is missing, or the run has none of that name.
    """
    own, networks = run.about.get("own_networks", {}), networks or {}
    if own.keys() != networks.keys():
        asked = ", ".join(f"{name}={kind}(...)" for name, kind in own.items()) or "no networks"
        raise GvaeError(
            f"{run.path} was trained with {'networks of its own' if own else 'the networks that its options describe'}; "
            f"open it from Python: gvae.load({str(run.path)!r}, {asked})"
            if own
            else f"{run.path} takes {asked}"
        )
    kind = resolve(run.model)
    return models.build(kind, from_json(kind.Config, run.model_config), run.spec, networks)


def random_state() -> dict[str, Any]:
    """State of every random generator that training draws from."""
    state: dict[str, Any] = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def restore_random_state(state: dict[str, Any]) -> None:
    """Inverse of `random_state`."""
    torch.set_rng_state(state["torch"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state["cuda"])


def seed_everything(seed: int) -> None:
    """Seed python, numpy and torch."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  libraries we call may use the global generator
    torch.manual_seed(seed)


def save_state(run: Run, state: dict[str, Any]) -> None:
    """Write state.pt atomically."""
    write_atomic(run.state, lambda name: torch.save(state, name))


def load_state(run: Run) -> dict[str, Any]:
    """Read state.pt; nothing but tensors and plain values is unpickled.

    Raises:
        GvaeError: missing, cut short or damaged.
    """
    if not run.state.exists():
        raise GvaeError(f"{run.path} has no state.pt, so it cannot be resumed; start again with `gvae train`")
    try:
        return torch.load(run.state, map_location="cpu", weights_only=True)
    except Exception as error:  # a cut zip raises several unrelated types
        raise GvaeError(
            f"{run.state} is cut short or damaged; copy it again from where the run was trained. "
            f"The weights in {run.weights.name} are a separate file and can still be sampled"
        ) from error


def save_weights(run: Run, tensors: dict[str, Tensor]) -> None:
    """Write the run's weights atomically."""
    plain = {name: t.detach().to("cpu", copy=True).contiguous() for name, t in tensors.items()}
    write_atomic(run.weights, lambda name: save_file(plain, name))


def holds_fitted(run: Run, weights: dict[str, Tensor]) -> bool:
    """Whether the run's file holds these weights already, with a prior that was fitted to them since.

    Args:
        weights: tensors by name, on any device.
    """
    if FITTED not in weights or weights[FITTED] or not run.weights.exists():
        return False
    others = [name for name in weights if not name.startswith("prior.")]
    try:
        with safe_open(run.weights, "pt") as kept:
            same = set(kept.keys()) == weights.keys() and bool(kept.get_tensor(FITTED))
            return same and all(torch.equal(kept.get_tensor(name), weights[name].cpu()) for name in others)
    except Exception:  # damaged, for which safetensors raises types of its own
        return False


def read_weights(run: Run) -> dict[str, Tensor]:
    """The tensors of the run's weights.

    Raises:
        GvaeError: missing or damaged.
    """
    if not run.weights.exists():
        raise GvaeError(f"{run.path} has no weights yet; continue its training with `gvae resume {run.path}`")
    try:
        return load_file(run.weights)
    except Exception as error:  # safetensors raises its own type and OSError
        raise GvaeError(
            f"{run.weights} is cut short or damaged ({error}); copy it again, or `gvae resume` the run"
        ) from error


def load_weights(run: Run, model: nn.Module) -> None:
    """Load the run's weights into a model.

    Raises:
        GvaeError: missing, damaged, or of another model.
    """
    tensors = read_weights(run)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise GvaeError(
            f"{run.weights} does not fit the model in run.json: {str(error).splitlines()[-1].strip()}"
        ) from error
