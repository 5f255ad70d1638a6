"""Annealing for a latent model: start densities, chains per image, and the bidirectional check.

Everything is drawn from the density that it is weighed with: codes of a mixture as it was fitted, not denoised as samples
are, and first codes of the model's `proposal`, where its density is known everywhere (that of `avb`, not its q(z|x)).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from gvae.distributions.posteriors import Posterior
from gvae.evaluation.annealing import Density, Schedule, anneal, log_mean_exp
from gvae.models.latent import LatentModel, copies


def estimate(
    model: LatentModel, x: Tensor, y: Tensor | None, schedule: Schedule, chains: int, prior: str | None
) -> np.ndarray:
    """log p(x) and acceptance rate of each image.

    Args:
        x: images (B, C, *S); y: their classes, for a conditional model.
        schedule: temperatures and transitions.
        chains: walks per image.
        prior: "normal" for N(0, I); None: the model's own.

    Returns:
        (2, B)
    """
    weights, accepted = walks(model, x, y, schedule, chains, prior)
    return torch.stack([log_mean_exp(weights), accepted.mean(0)]).cpu().double().numpy()


def gap(model: LatentModel, n: int, schedule: Schedule, chains: int, prior: str | None) -> np.ndarray:
    """Upper minus lower bound on log p(x) of n images drawn from the density that is estimated, (1, n) nats."""
    y = model.in_turn(n)
    z = model.draw_codes(n, y, prior, denoised=False)
    x = model.decode(z, y).sample()
    lower, _ = walks(model, x, y, schedule, chains, prior)
    backwards, _ = walks(model, x, y, schedule, chains, prior, z)
    return (-log_mean_exp(backwards) - log_mean_exp(lower))[None].cpu().double().numpy()


def walks(
    model: LatentModel,
    x: Tensor,
    y: Tensor | None,
    schedule: Schedule,
    chains: int,
    prior: str | None,
    codes: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Log weights and acceptance rates (chains, B); backwards where the codes (B, Z) of the images are given."""
    q = model.proposal(x, y)
    many, labels = copies(x, chains), None if y is None else copies(y, chains)

    def joint(z: Tensor) -> Tensor:
        return model.decode(z, labels).log_prob(many) + model.log_prior(z, labels, prior)

    start: Density
    if isinstance(q, Posterior):  # its density is known for its own draws only
        first = model.draw_codes(len(many), labels, prior, denoised=False)
        start = lambda z: model.log_prior(z, labels, prior)  # noqa: E731
    else:
        first, start = q.sample(torch.Size([chains])).flatten(0, 1), density(q, chains)
    z = first if codes is None else copies(codes, chains)
    weights, accepted = anneal(start, joint, z, schedule, backwards=codes is not None)
    return weights.view(chains, -1), accepted.view(chains, -1)


def density(q: Distribution, chains: int) -> Density:
    """log q(z|x) of codes (chains B, Z), each image's chains by that image's q."""
    return lambda z: q.log_prob(z.unflatten(0, (chains, -1))).flatten()
