"""The tanh with a least slope: its gradients by hand, and the same ones through torch.func."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from gvae.nets.leaky_tanh import FLOOR, leaky_tanh


def downhill(x: Tensor, sign: Tensor) -> Tensor:
    """sign * leaky_tanh(x), summed."""
    return (sign * leaky_tanh(x)).sum()


@pytest.mark.parametrize(
    ("x", "sign", "slope"),
    [
        (0.0, 1.0, 1.0),
        (0.5, 1.0, 1 - torch.tensor(0.5).tanh().item() ** 2),
        (20.0, 1.0, FLOOR),  # descent moves x towards 0
        (20.0, -1.0, 0.0),
        (-20.0, -1.0, FLOOR),
        (-20.0, 1.0, 0.0),
    ],
)
def test_grad_of_torch_func_is_that_of_autograd_and_of_the_formula(x: float, sign: float, slope: float):
    at, way = torch.tensor([x]), torch.tensor([sign])
    leaf = at.clone().requires_grad_()
    downhill(leaf, way).backward()
    assert grad(downhill)(at, way).item() == pytest.approx(sign * slope, abs=1e-6)
    torch.testing.assert_close(grad(downhill)(at, way), leaf.grad)


def test_vmap_of_values_and_of_gradients_is_the_batch():
    x, sign = 4 * torch.randn(6, 5), torch.randn(6, 5).sign()
    assert torch.equal(vmap(leaky_tanh)(x), torch.tanh(x))
    assert torch.equal(vmap(leaky_tanh, in_dims=1, out_dims=1)(x), torch.tanh(x))
    each = torch.stack([grad(downhill)(a, b) for a, b in zip(x, sign, strict=True)])
    torch.testing.assert_close(vmap(grad(downhill))(x, sign), each)


def test_second_derivatives_through_torch_func_are_those_of_tanh_where_the_floor_is_not_met():
    x = torch.linspace(-1, 1, 7, dtype=torch.float64)
    second = vmap(grad(grad(lambda v: leaky_tanh(v))))(x)
    y = torch.tanh(x)
    torch.testing.assert_close(second, -2 * y * (1 - y * y))


def test_one_graph_of_torch_compile_holds_it_and_its_floor():
    compiled = torch.compile(downhill, backend="eager", fullgraph=True)
    x, sign = torch.tensor([0.5, 20.0, -20.0], requires_grad=True), torch.ones(3)
    (slope,) = torch.autograd.grad(compiled(x, sign), x)
    torch.testing.assert_close(slope, grad(downhill)(x.detach(), sign))
    assert slope[1].item() == pytest.approx(FLOOR)


def test_gradients_per_image_of_a_generator():
    torch.manual_seed(0)
    net, z = torch.nn.Linear(3, 4), torch.randn(5, 3)
    weights = {name: p.detach() for name, p in net.named_parameters()}

    def loss(weights: dict[str, Tensor], z: Tensor) -> Tensor:
        return leaky_tanh(functional_call(net, weights, (z,))).square().sum()

    each = vmap(grad(loss), in_dims=(None, 0))(weights, z)
    whole = grad(lambda w: loss(w, z))(weights)
    torch.testing.assert_close(each["weight"].sum(0), whole["weight"])
