"""Components in the order of what they do to the picture."""

from __future__ import annotations

import pytest
import torch

from gvae.errors import GvaeError
from gvae.latent.components import principal, rank


def codes(n: int = 500) -> torch.Tensor:
    """Codes with standard deviations of exactly 3, 2, 1 and 0.5 along the axes, in a turned space."""
    random = torch.randn(n, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    white = torch.linalg.qr(random - random.mean(0))[0] * (n - 1) ** 0.5
    return (white * torch.tensor([3.0, 2.0, 1.0, 0.5]) + 7).float()


def test_principal_axes_are_as_long_as_the_spread_along_them():
    axes = principal(codes())
    assert torch.allclose(axes.abs(), torch.diag(torch.tensor([3.0, 2.0, 1.0, 0.5])), atol=1e-3)
    assert (axes.gather(1, axes.abs().argmax(1, keepdim=True)) > 0).all()


def test_a_linear_decoder_gives_the_known_order_and_shares():
    gain = torch.tensor([0.1, 1.0, 5.0, 0.2])  # changes 0.3, 2, 5 and 0.1 gray levels, so 3rd, 2nd, 1st, 4th
    weights = torch.diag(gain)

    def decode(z: torch.Tensor) -> torch.Tensor:
        return (z @ weights).view(-1, 1, 2, 2)

    found = rank(codes(), decode, 3)
    assert [int(part.vector.abs().argmax()) for part in found] == [2, 1, 0]
    squares = torch.tensor([5.0, 2.0, 0.3, 0.1]).square()
    assert [part.share for part in found] == pytest.approx((squares / squares.sum())[:3].tolist(), rel=1e-2)


def test_what_changes_nothing_has_no_share():
    found = rank(codes(), lambda z: torch.zeros(len(z), 1, 2, 2), 2)
    assert [part.share for part in found] == [0.0, 0.0]


@pytest.mark.parametrize("count", [0, 5, -1])
def test_more_components_than_there_are(count):
    with pytest.raises(GvaeError, match=f"{count} components were asked for; 500 codes of 4 dimensions have 1 to 4"):
        rank(codes(), lambda z: z.view(-1, 1, 2, 2), count)
