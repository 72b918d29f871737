"""Weights replaced at run time, by name, in a library without libtorch: all of them, one part of a merged one, what is refused."""

from __future__ import annotations

import os
from collections.abc import Mapping

import aoti_runtime
import pytest
import torch
from torch.utils.dlpack import from_dlpack

from tests.e2e.weights_model import Net, inputs, network


@pytest.fixture()
def model() -> aoti_runtime.Model:
    return aoti_runtime.load(os.environ["AOTI_WEIGHTS_LIBRARY"], num_models=2)


def state(net: Net) -> dict[str, torch.Tensor]:
    return dict(net.state_dict())


def check(model: aoti_runtime.Model, net: Net) -> None:
    """The result is no further from float64 eager than eager is, beyond the factor that the tables of tests/e2e allow."""
    x, index = inputs()
    with torch.no_grad():
        eager = net(x, index).double()
        exact = net.double()(x.double(), index)
    net.float()
    found = from_dlpack(model.run(x, index)[0]).double()
    own = (eager - exact).abs().max().item()
    assert (found - exact).abs().max().item() <= 6 * own + 1e-6


def update(model: aoti_runtime.Model, values: Mapping[str, torch.Tensor], **options: bool) -> None:
    model.update_constants({name: value.detach() for name, value in values.items()}, **options)


def test_all_weights(model: aoti_runtime.Model) -> None:
    check(model, network())
    assert {"norm.running_var", "depthwise.weight", "q.weight"} <= set(model.constants)
    other = network(1)
    update(model, state(other), full=True)
    check(model, other)


def test_inactive_then_swap(model: aoti_runtime.Model) -> None:
    other = network(2)
    update(model, state(other), inactive=True, full=True)
    check(model, network())
    model.swap_constants()
    check(model, other)
    model.swap_constants()
    check(model, network())


def test_one_weight(model: aoti_runtime.Model) -> None:
    """Packed alone, a part of a merged product, transposed memory, a plain one."""
    net, other = network(), network(3)
    for name in ("fc.weight", "k.weight", "k.bias", "wide.weight", "point.bias", "embedding.weight", "table"):
        value = state(other)[name]
        state(net)[name].copy_(value)
        update(model, {name: value.t().contiguous().t() if value.dim() == 2 else value})
        check(model, net)


@pytest.mark.parametrize("name", ["embedding.weight", "head.weight"])
def test_tied_weights_by_either_name(model: aoti_runtime.Model, name: str) -> None:
    net, other = network(), network(5)
    value = state(other)[name]
    update(model, {name: value})
    state(net)[name].copy_(value)
    check(model, net)


def test_refusals(model: aoti_runtime.Model) -> None:
    other = state(network(4))
    with pytest.raises(
        aoti_runtime.Error, match=r"'norm.weight': the compiler folded it together .* 'norm.bias'"
    ):
        update(model, {"norm.weight": other["norm.weight"]})
    with pytest.raises(aoti_runtime.Error, match=r"'frequency': the compiler computed with it \(aten.arange"):
        update(model, {"frequency": torch.ones(5)})
    with pytest.raises(aoti_runtime.Error, match="'conv.weight' is missing"):
        update(model, {n: v for n, v in other.items() if n != "conv.weight"}, full=True)
    with pytest.raises(aoti_runtime.Error, match=r"float32 \[20\]; expected float32 \[64\]"):
        update(model, {"fc.bias": other["fc.bias"], "wide.bias": other["conv.bias"]})
    check(model, network())
