"""The contract of a prior p(z) over latent codes: a density, a sampler and a fit by maximum likelihood.

Codes are standardised first, z = shift + scale * u with one shift and one scale per dimension, so every prior
works on u of about zero mean and unit variance:

    log p(z) = log p_u((z - shift) / scale) - sum_i log scale_i
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn

from gvae.errors import GvaeError


class Prior(nn.Module):
    """A density over codes that can be sampled and fitted; before it is fitted it is about N(0, I).

    A concrete prior writes `_log_prob`, `_sample` and `_fit` for standardised codes u.

    Args:
        latent: number of latent dimensions, Z.
        condition: number of classes; with more than 0 every call needs labels y.
    """

    name = "prior"
    denoise = 0.0
    """more than 0: samples are drawn denoised, from another density than that of `log_prob`"""

    def __init__(self, latent: int, condition: int = 0) -> None:
        super().__init__()
        self.latent = latent
        self.condition = condition
        self.notes: list[str] = []
        """what the last fit did differently from what was asked, one sentence each"""
        self.shift: Tensor
        self.scale: Tensor
        self.register_buffer("shift", torch.zeros(latent))
        self.register_buffer("scale", torch.ones(latent))
        self.is_fitted: Tensor
        self.register_buffer("is_fitted", torch.tensor(False))

    @property
    def fitted(self) -> bool:
        """Whether `fit` has come to its end, or the prior is learned in the bound; saved with the weights."""
        return bool(self.is_fitted)

    def mark_fitted(self, yes: bool = True) -> None:
        """Say that the density is that of codes, or no longer is."""
        self.is_fitted.fill_(yes)

    def log_prob(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Log density in nats.

        Args:
            z: codes (..., Z).
            y: classes, of a shape that broadcasts to z's without the last; ignored by an unconditional prior.

        Returns:
            (...) nats, in the parameters' precision even under autocast.

        Raises:
            GvaeError: codes of another size, or labels missing or out of range.
        """
        if z.shape[-1] != self.latent:
            raise GvaeError(f"codes have {z.shape[-1]} dimensions; this prior has {self.latent}")
        labels = self._labels(y, z.shape[:-1])
        with torch.autocast(z.device.type, enabled=False):
            u = (z.to(self.shift.dtype) - self.shift) / self.scale
            density = self._log_prob(u.reshape(-1, self.latent), labels)
            return density.reshape(z.shape[:-1]) - self.scale.log().sum()

    def loss(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """What the prior minimises as a player beside the others: the mean of -log p(z) in nats, a scalar."""
        return -self.log_prob(z, y).mean()

    @torch.no_grad()
    def sample(self, n: int, y: Tensor | None = None, denoised: bool = True) -> Tensor:
        """Draw n codes (n, Z) by the global random state; no gradient.

        Args:
            n: number of codes.
            y: classes (n,) of a conditional prior.
            denoised: False draws from the density that `log_prob` knows, also where samples are drawn from a narrower
                one: an estimator that weighs codes with `log_prob` needs these.
        """
        labels = self._labels(y, torch.Size([n]))
        draw = self._sample if denoised else self._sample_density
        with torch.autocast(self.shift.device.type, enabled=False):
            return self.shift + self.scale * draw(n, labels)

    def fit(self, codes: Tensor, y: Tensor | None = None, seed: int = 0) -> Self:
        """Maximum likelihood on codes, in place, from scratch; the same seed gives the same bits.

        Args:
            codes: (N, Z).
            y: classes (N,) int64, for a conditional prior.
            seed: seed of everything drawn at random; the global random state is left alone.

        Returns:
            the prior itself.

        Raises:
            GvaeError: fewer than 2 Z codes, codes that are not finite, or labels missing or out of range.
        """
        with torch.inference_mode(False):
            codes = self._codes(codes)
            labels = self._labels(y, codes.shape[:-1])
            self.notes = []
            self.mark_fitted(False)
            self._standardise(codes)
            generator = torch.Generator(codes.device).manual_seed(seed)
            with torch.enable_grad(), torch.autocast(codes.device.type, enabled=False):
                self._fit((codes - self.shift) / self.scale, labels, generator)
            self.mark_fitted()
        return self

    def _log_prob(self, u: Tensor, y: Tensor | None) -> Tensor:
        """Log density (N,) of standardised codes u (N, Z) of classes y (N,)."""
        raise NotImplementedError

    def _sample(self, n: int, y: Tensor | None) -> Tensor:
        """Draw n standardised codes (n, Z)."""
        raise NotImplementedError

    def _sample_density(self, n: int, y: Tensor | None) -> Tensor:
        """The same from the density of `_log_prob`, for a prior whose `_sample` draws from another one."""
        return self._sample(n, y)

    def _fit(self, u: Tensor, y: Tensor | None, generator: torch.Generator) -> None:
        """Fit to standardised codes u (N, Z)."""
        raise NotImplementedError

    def _nats(self, u: Tensor, y: Tensor | None, generator: torch.Generator) -> Tensor:
        """Mean of -log p(u) in nats, a scalar: what a fit by gradient descent minimises; nothing in it is random."""
        return -self._log_prob(u, y).mean()

    def _codes(self, codes: Tensor) -> Tensor:
        """Codes on this prior's device and in its precision, or an error that says what is wrong."""
        if codes.ndim != 2 or codes.shape[1] != self.latent:
            raise GvaeError(f"codes have shape {tuple(codes.shape)}; this prior wants (N, {self.latent})")
        if len(codes) < 2 * self.latent:
            raise GvaeError(
                f"the {self.name} prior needs at least {2 * self.latent} codes for {self.latent} latent "
                f"dimensions and got {len(codes)}; use more images, a smaller --latent, or --prior normal"
            )
        if not codes.isfinite().all():
            raise GvaeError("some codes are not finite: the training has diverged; lower --lr or use --prior normal")
        return codes.detach().to(self.shift, copy=True)

    def _labels(self, y: Tensor | None, shape: torch.Size) -> Tensor | None:
        """Labels flattened to one per code, None for an unconditional prior."""
        if not self.condition:
            return None
        if y is None:
            raise GvaeError(f"this prior depends on the class: give one label y in 0..{self.condition - 1} per code")
        if y.dim() > len(shape):  # attributes: as many numbers as conditions for every code
            return y.to(self.shift).expand(*shape, self.condition).reshape(-1, self.condition)
        if y.numel() and not 0 <= int(y.min()) <= int(y.max()) < self.condition:
            raise GvaeError(f"labels run from {int(y.min())} to {int(y.max())}; known: 0..{self.condition - 1}")
        return y.to(self.shift.device).expand(shape).reshape(-1)

    def _context(self, y: Tensor | None, n: int) -> Tensor:
        """Labels as one-hot vectors (n, classes) for a network; (n, 0) for an unconditional prior."""
        if y is None:
            return self.shift.new_zeros(n, 0)
        return (nn.functional.one_hot(y, self.condition) if y.dim() == 1 else y).to(self.shift)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Weights that were kept before the mark was: it follows from them."""
        kept = {name.removeprefix(prefix): value for name, value in state_dict.items() if name.startswith(prefix)}
        state_dict.setdefault(f"{prefix}is_fitted", torch.tensor(self._seems_fitted(kept)))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def _seems_fitted(self, kept: dict[str, Tensor]) -> bool:
        """Whether weights without the mark are those of a fitted prior: a fit standardises codes."""
        return bool((kept.get("scale", self.scale) != 1).any())

    @torch.no_grad()
    def _standardise(self, codes: Tensor) -> None:
        """Set shift and scale; a dimension that hardly varies keeps a thousandth of the largest spread."""
        spread = codes.std(0)
        largest = float(spread.max()) or 1.0
        self.shift.copy_(codes.mean(0))
        self.scale.copy_(spread.clamp_min(1e-3 * largest))


def hold_out(
    u: Tensor, y: Tensor | None, generator: torch.Generator, least: int = 500
) -> tuple[tuple[Tensor, Tensor | None], tuple[Tensor, Tensor | None]]:
    """Split codes at random into training codes and a held-out tenth; fewer than `least` serve as both."""
    if len(u) < least:
        return (u, y), (u, y)
    order = torch.randperm(len(u), generator=generator, device=u.device)
    held, kept = order[: len(u) // 10], order[len(u) // 10 :]
    return (u[kept], None if y is None else y[kept]), (u[held], None if y is None else y[held])
