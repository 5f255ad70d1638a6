"""One step: the gradients of all players of a turn first, their updates after."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer

from gvae.models.base import Losses, Player


def names(player: Player) -> tuple[str, ...]:
    """The players of a group.

    >>> names("critic"), names(("encoder", "generator"))
    (('critic',), ('encoder', 'generator'))
    """
    return (player,) if isinstance(player, str) else player


def label(player: Player) -> str:
    """How a player or group is called in the log.

    >>> label(("encoder", "generator"))
    'encoder+generator'
    """
    return "+".join(names(player))


def gradients(outcome: Losses, players: dict[str, nn.Module]) -> dict[str, list[Tensor]]:
    """Gradient of each group's summed terms with respect to the parameters of that group only.

    A parameter that does not take part gets a zero gradient. A term that is not finite still gives its gradient; the
    trainer looks at the gradients.
    """
    out: dict[str, list[Tensor]] = {}
    last = len(outcome.terms) - 1
    for i, (who, terms) in enumerate(outcome.terms.items()):
        parameters = {name: list(players[name].parameters()) for name in names(who)}
        flat = [p for group in parameters.values() for p in group]
        total = torch.stack([t.float() for t in terms.values()]).sum()
        grads = torch.autograd.grad(total, flat, retain_graph=i < last, allow_unused=True)
        filled = iter(torch.zeros_like(p) if g is None else g for p, g in zip(flat, grads, strict=True))
        for name, group in parameters.items():
            mine = [next(filled) for _ in group]
            out[name] = [a + b for a, b in zip(out[name], mine, strict=True)] if name in out else mine
    return out


def average(grads: dict[str, list[Tensor]], accelerator: Accelerator) -> None:
    """Mean of the gradients over processes, in place: one flat collective per player."""
    if accelerator.num_processes == 1:
        return
    for group in grads.values():
        flat = torch.cat([g.reshape(-1) for g in group])
        flat = accelerator.reduce(flat, "mean")
        assert isinstance(flat, Tensor)
        for g, mean in zip(group, flat.split([g.numel() for g in group]), strict=True):
            g.copy_(mean.view_as(g))


def norms(grads: dict[str, list[Tensor]]) -> dict[str, float]:
    """Euclidean norm of each player's gradient."""
    if not grads:
        return {}
    per_player = [torch.nn.utils.get_total_norm(group) for group in grads.values()]
    return dict(zip(grads, torch.stack(per_player).tolist(), strict=True))


def step(
    grads: dict[str, list[Tensor]],
    players: dict[str, nn.Module],
    optimizers: Mapping[str, Optimizer],
    sizes: dict[str, float],
    clip: float,
) -> None:
    """Update every player that has a gradient.

    Args:
        grads: by player, in the order of its parameters.
        players: modules.
        optimizers: one per player.
        sizes: gradient norms, from `norms`.
        clip: largest norm; 0: no limit.
    """
    for name, group in grads.items():
        if clip and sizes[name] > clip:
            for g in group:
                g.mul_(clip / sizes[name])
        for p, g in zip(players[name].parameters(), group, strict=True):
            p.grad = g
        optimizers[name].step()
        optimizers[name].zero_grad(set_to_none=True)
