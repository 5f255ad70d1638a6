"""A network that the user brings: any module, held to what a model needs of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gvae.errors import GvaeError


class OwnNetwork(nn.Module):
    """An encoder, generator or critic of the user's.

    Args:
        name: which of the three.
        module: called with (x, y) if the model is conditional, else with x alone. A critic returns scores (B,) or (B, 1), or
            scores and a list of features.
        returned: shape of what it returns for one image or code.
        conditional: whether it takes classes or attributes as well.
    """

    def __init__(self, name: str, module: nn.Module, returned: tuple[int, ...], conditional: bool) -> None:
        super().__init__()
        self.name, self.module, self.returned, self.conditional = name, module, returned, conditional

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor | tuple[Tensor, list[Tensor]]:
        """What the module returns, checked; of a critic always scores (B,) and a list of features."""
        out = self.module(x, y) if self.conditional else self.module(x)
        if self.name != "critic":
            return self.checked(out, x)
        scores, features = out if isinstance(out, tuple) else (out, [])
        return self.checked(scores.reshape(len(x)) if scores.numel() == len(x) else scores, x), list(features)

    def checked(self, out: Tensor, x: Tensor) -> Tensor:
        """The result in single precision at least, if it has the right shape.

        Raises:
            GvaeError: it has another.
        """
        wanted = (len(x), *self.returned)
        if tuple(out.shape) != wanted:
            raise GvaeError(
                f"{self.name}= returned {tuple(out.shape)} for an input of {tuple(x.shape)}; this model needs {wanted}"
            )
        return out.to(torch.promote_types(out.dtype, torch.float32))
