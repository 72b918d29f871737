"""PyTorch's own AOTInductor loader runs our library (shim = "torch"): results, errors, constants.

The only place beside benchmarks where torch._inductor's runtime is used: as the program that loads the library.
"""

from __future__ import annotations

import pytest
import torch

LIBRARY = "runtime/model/testing/libtoy_torch.so"


def weights() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Weight, bias and scale as runtime/model/testing/toy_weights.h has them."""
    k = torch.arange(16)
    weight = ((7 * k[:, None] + 3 * k[None, :]) % 11 - 5) / 8
    return weight, (k - 8) / 4, 1 + k / 16


def inputs(rows: int = 6) -> list[torch.Tensor]:
    torch.manual_seed(rows)
    return [torch.randn(rows, 16), torch.randn(rows, 16), torch.tensor([3])]


@pytest.fixture()
def runner() -> torch._C._aoti.AOTIModelContainerRunnerCpu:
    return torch._C._aoti.AOTIModelContainerRunnerCpu(LIBRARY, 2)


def check(
    outputs: list[torch.Tensor],
    arguments: list[torch.Tensor],
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
) -> None:
    own_weight, own_bias, scale = weights()
    x, y, index = arguments
    product = x @ (own_weight if weight is None else weight) + (own_bias if bias is None else bias)
    torch.testing.assert_close(outputs[0], torch.relu(product) * scale, atol=1e-5, rtol=1e-5)
    assert torch.equal(outputs[1], x[:, index] + y[:, index])
    assert outputs[2].data_ptr() == y.data_ptr()


def test_run(runner: torch._C._aoti.AOTIModelContainerRunnerCpu) -> None:
    for rows in (2, 64, 10):
        arguments = inputs(rows)
        check(runner.run(arguments), arguments)


def test_call_spec(runner: torch._C._aoti.AOTIModelContainerRunnerCpu) -> None:
    in_spec, out_spec = runner.get_call_spec()
    tree = torch.utils._pytree.treespec_loads(in_spec)
    assert tree.num_leaves == 3
    assert torch.utils._pytree.treespec_loads(out_spec).num_leaves == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a[:2], r"got 2 inputs; expected 3: \(x, y, index\)"),
        (lambda a: [a[0].double(), *a[1:]], "input 0 'x': dtype float64; expected float32; toy.py:3"),
        (lambda a: [a[0][:4], *a[1:]], "input 1 'y': dimension 0 is 6; expected 4, the size of dimension 0"),
        (lambda a: [a[0].t().contiguous().t(), *a[1:]], "input 0 'x': stride 6 in dimension 1; expected 1"),
        (lambda a: [a[0][:, :8].contiguous(), *a[1:]], "input 0 'x': dimension 1 is 8; expected 16"),
        (lambda a: [*a[:2], torch.tensor([16])], "index out of range; expected 0 to 15"),
        (lambda a: [a[0].to("meta"), *a[1:]], "input 0 'x': on device meta; expected cpu"),
    ],
)
def test_wrong_inputs(runner, change, message: str) -> None:  # type: ignore[no-untyped-def]
    arguments = inputs()
    with pytest.raises(RuntimeError, match=message):
        runner.run(change(arguments))
    check(runner.run(arguments), arguments)


def test_constants(runner: torch._C._aoti.AOTIModelContainerRunnerCpu) -> None:
    """Through the functions that pass libstdc++'s std::unordered_map, the only ones that the stock runner knows."""
    names = {"net_weight": "net.weight", "net_bias": "net.bias", "net_scale": "net.scale"}
    names |= {"net_gain": "net.gain", "tied_bias": "tied.bias"}
    assert runner.get_constant_names_to_original_fqns() == names
    extracted = runner.extract_constants_map(False)
    weight, bias, _ = weights()
    assert set(extracted) == {"net.weight", "net.bias", "tied.bias"}
    assert torch.equal(extracted["net.weight"], weight)
    assert torch.equal(extracted["net.bias"], bias)
    arguments = inputs()
    turned = torch.randn(16, 16)  # transposed and at an offset: stock libraries get that wrong without a word
    shifted = torch.randn(40)[7:23]
    scale = {"net.scale": weights()[2] / 4, "net.gain": torch.tensor(4.0)}
    runner.update_constant_buffer({"net.weight": turned.t(), "net_bias": shifted, **scale}, False, True)
    check(runner.run(arguments), arguments, turned.t(), shifted)
    runner.update_constant_buffer({"net.bias": torch.zeros(16)}, True, False)
    check(runner.run(arguments), arguments, turned.t(), shifted)
    runner.swap_constant_buffer()
    check(runner.run(arguments), arguments, turned.t(), torch.zeros(16))
    for wrong in ({"net.scale": torch.zeros(16)}, {"no.such": torch.zeros(1)}, {"net.bias": torch.zeros(17)}):
        with pytest.raises(RuntimeError):
            runner.update_constant_buffer(wrong, False, False)
    check(runner.run(arguments), arguments, turned.t(), torch.zeros(16))
