"""What would be trained: players with parameter counts, and the shapes that pass through their networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gvae import models
from gvae.commands.parsing import leaves
from gvae.commands.text import table
from gvae.config import TrainConfig, from_json, to_json
from gvae.seeding import seeded
from gvae.types import Batch, DataSpec


def build(kind: type, config: Any, spec: DataSpec) -> Any:
    """A model, with the generator of random numbers left as it was."""
    with seeded(None):
        return models.build(kind, config, spec)


def player_lines(kind: type, config: Any, spec: DataSpec) -> list[str]:
    """One line per player with its number of parameters, and their sum."""
    counts = {name: parameters(net) for name, net in build(kind, _exact(kind, config), spec).players().items()}
    counts["together"] = sum(counts.values())
    wide = max(map(len, counts))
    return [f"  {name:<{wide}}  {number:>12,} parameters" for name, number in counts.items()]


def _exact(kind: Any, config: Any) -> Any:
    """A config read from the command line as the class that the model expects."""
    return from_json(kind.Config, to_json(config))


def parameters(net: nn.Module) -> int:
    """Number of parameters."""
    return sum(p.numel() for p in net.parameters())


def print_plan(model: str, config: Any, train: TrainConfig, spec: DataSpec, out: Path) -> None:
    """Print what `gvae train` would do; nothing is written."""
    from gvae.models import resolve

    kind = resolve(model)
    players, nets = (player_lines(kind, config, spec), networks(build(kind, config, spec), spec))  # mistakes first
    print(f"{model} on {spec.name}, {spec.channels} x {' x '.join(map(str, spec.shape))}, into {out}")
    for title, values in (("Model", config), ("Training", train)):
        print(f"\n{title}\n" + table([(f"--{option.name}", str(option.value)) for option in leaves(values)]))
    print("\nPlayers")
    print("\n".join(players))
    for name, rows in nets.items():
        print(f"\n{name}\n" + table(rows))
    print("\nNothing was trained: this was --dry-run.")


def networks(model: Any, spec: DataSpec, batch: int = 2) -> dict[str, list[tuple[str, ...]]]:
    """The layers of each player: path, kind, shape that leaves it, parameters.

    Shapes are those of the first forward pass in which a layer takes part, on noise; B is the batch.
    """
    shapes: dict[nn.Module, str] = {}

    def note(layer: nn.Module, _: Any, out: Any) -> None:
        if isinstance(out, Tensor) and layer not in shapes:
            shapes[layer] = " x ".join(["B", *map(str, out.shape[1:])])

    hooks = [layer.register_forward_hook(note) for layer in model.modules()]
    play_once(model, spec, batch)
    for hook in hooks:
        hook.remove()
    return {name: list(_rows(net, shapes)) for name, net in model.players().items()}


def play_once(model: Any, spec: DataSpec, batch: int) -> None:
    """Every turn once, on a batch of noise, for the sake of its forward passes."""
    y = torch.arange(batch) % len(spec.classes) if spec.classes else None
    with seeded(None):
        x = torch.rand(batch, spec.channels, *spec.shape).mul(2).sub(1)
        for turn in model.turns():
            turn.losses(Batch(x, y))


def _rows(net: nn.Module, shapes: dict[nn.Module, str]) -> Any:
    """Layers with parameters of their own, and what they are part of where that changes shape."""
    for path, layer in net.named_modules():
        own = sum(p.numel() for p in layer.parameters(recurse=False))
        if own or (not list(layer.children()) and layer in shapes):
            yield (path or "(whole)", type(layer).__name__, shapes.get(layer, "-"), f"{own:>12,}" if own else "")
