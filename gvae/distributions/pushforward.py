r"""A Gaussian q(z|x) bent by an invertible map: log q(z) = log q0(z0) - log|det dz/dz0|, z = flow(z0), z0 ~ q0.

Variational Inference with Normalizing Flows (Rezende & Mohamed, 2015) https://arxiv.org/abs/1505.05770, Eq. 7
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.distributions import Independent

from gvae.distributions.posteriors import Posterior


def pushforward(base: Independent, flow: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Posterior:
    """The distribution of flow(z0) for z0 ~ base; its centre is the base's mean pushed through the flow.

    Args:
        base: batch shape (B,), event shape (Z,).
        flow: (B, Z) -> (B, Z) and log|det| (B,) in nats.
    """

    def rsample_and_log_prob() -> tuple[Tensor, Tensor]:
        start = base.rsample()
        z, log_det = flow(start)
        return z, base.log_prob(start) - log_det

    return Posterior(rsample_and_log_prob, lambda: flow(base.mean)[0], base.batch_shape[0], base.event_shape[0])
