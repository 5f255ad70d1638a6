r"""What critic and generator minimise, as functions of the critic's scores.

Each pair (critic, generator) takes scores of real and fake images, shape (B,), and returns (B,).

    wasserstein:   Wasserstein GAN (Arjovsky et al., 2017) https://arxiv.org/abs/1701.07875
    nonsaturating: Generative Adversarial Networks (Goodfellow et al., 2014) https://arxiv.org/abs/1406.2661
    relativistic:  The relativistic discriminator (Jolicoeur-Martineau, 2018) https://arxiv.org/abs/1807.00734,
                   in the paired form of The GAN is dead; long live the GAN! (Huang et al., 2025)
                   https://arxiv.org/abs/2501.05441
    hinge:         Geometric GAN (Lim & Ye, 2017) https://arxiv.org/abs/1705.02894, Section 3
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import relu, softplus

Loss = Callable[[Tensor, Tensor], Tensor]


def wasserstein_critic(real: Tensor, fake: Tensor) -> Tensor:
    """D(fake) - D(real): the negative of the distance's estimate.

    >>> import torch
    >>> wasserstein_critic(torch.tensor([2.0]), torch.tensor([0.5])).item()
    -1.5
    """
    return fake - real


def wasserstein_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-D(fake)."""
    return -fake


def nonsaturating_critic(real: Tensor, fake: Tensor) -> Tensor:
    """-log sigmoid(D(real)) - log(1 - sigmoid(D(fake)))."""
    return softplus(-real) + softplus(fake)


def nonsaturating_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-log sigmoid(D(fake))."""
    return softplus(-fake)


def relativistic_critic(real: Tensor, fake: Tensor) -> Tensor:
    """-log sigmoid(D(real) - D(fake)): each fake is judged beside a real image.

    >>> import torch
    >>> round(relativistic_critic(torch.zeros(1), torch.zeros(1)).item(), 4)  # equal scores: log 2
    0.6931
    """
    return softplus(fake - real)


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-log sigmoid(D(fake) - D(real))."""
    return softplus(real - fake)


def hinge_critic(real: Tensor, fake: Tensor) -> Tensor:
    """max(0, 1 - D(real)) + max(0, 1 + D(fake)): scores beyond the margins of 1 and -1 cost nothing.

    >>> import torch
    >>> hinge_critic(torch.tensor([3.0, 0.5]), torch.tensor([-2.0, 0.0])).tolist()
    [0.0, 1.5]
    """
    return relu(1 - real) + relu(1 + fake)


def hinge_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-D(fake)."""
    return -fake


def balance(likelihood: Tensor, adversarial: Tensor, last: Tensor) -> Tensor:
    """Factor that makes two losses pull alike at a generator's last layer: |grad likelihood| / |grad adversarial|.

    Taming Transformers for High-Resolution Image Synthesis (Esser et al., 2021) https://arxiv.org/abs/2012.09841, Eq. 7

    Args:
        likelihood, adversarial: scalars that depend on `last`.
        last: the layer's weight.

    Returns:
        () without gradient, at most 10,000 times the size of the likelihood's gradient.

    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> round(balance(6 * w.sum(), 2 * w.sum(), w).item(), 3)
    3.0
    """
    sizes = [torch.autograd.grad(v, last, retain_graph=True)[0].float().norm() for v in (likelihood, adversarial)]
    return (sizes[0] / (sizes[1] + 1e-4)).clamp_max(1e4).detach()


ADVERSARIAL: dict[str, tuple[Loss, Loss]] = {
    "wasserstein": (wasserstein_critic, wasserstein_generator),
    "nonsaturating": (nonsaturating_critic, nonsaturating_generator),
    "relativistic": (relativistic_critic, relativistic_generator),
    "hinge": (hinge_critic, hinge_generator),
}
