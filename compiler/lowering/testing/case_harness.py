"""For tests: a function through frontend, passes, lowering and the interpreter, compared with eager in float64.

    check(lambda x: torch.sin(x)[1:], (5, 3))          shapes stand for seeded random float32 tensors

The program is verified, printed and parsed back on the way.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Union

import numpy as np
import torch

from compiler.frontend.load import from_program
from compiler.fx_passes import pipeline
from compiler.ir.expr import Expr, data_symbols
from compiler.ir.loop import Program, TensorRef
from compiler.ir.loop_interpreter import interpret
from compiler.ir.loop_parse import parse_program
from compiler.ir.loop_specialize import specialize
from compiler.ir.loop_text import print_program
from compiler.ir.loop_verify import verify
from compiler.lowering import lower
from compiler.support.options import CompileOptions, Context

Argument = Union[tuple[int, ...], torch.Tensor]
# Rounding steps of each type relative to one; what is compared is allowed a few of them beyond eager's own error.
_EPSILON = {
    torch.float64: 2.0**-50,
    torch.float32: 2.0**-22,
    torch.float16: 2.0**-10,
    torch.bfloat16: 2.0**-7,
}


class _Module(torch.nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function
        if isinstance(function, torch.nn.Module):
            self.inner = function

    def forward(self, *args: torch.Tensor) -> Any:
        return self.function(*args)


def tensors(arguments: Sequence[Argument], seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Random float32 for each shape; tensors as they are."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(a if isinstance(a, torch.Tensor) else torch.randn(a, generator=generator) for a in arguments)


def lower_function(
    function: Callable[..., Any],
    inputs: tuple[torch.Tensor, ...],
    options: CompileOptions | None = None,
) -> Program:
    """The verified program of a function or module."""
    ctx = Context(options or CompileOptions("case"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = torch.export.export(_Module(function).eval(), inputs, strict=False)
        return lower.run(pipeline.run(from_program(exported, ctx), ctx), ctx)


def check_sizes(
    function: Callable[..., Any],
    arguments: Sequence[Argument],
    dynamic: Any,
    *runs: Sequence[Argument],
    options: CompileOptions | None = None,
) -> Program:
    """Exports with the dims of `dynamic` (a dict for each argument) left open, and asserts that the one program computes what eager does at
    the sizes of every run."""
    ctx = Context(options or CompileOptions("case"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = _Module(function).eval()
        exported = torch.export.export(
            module, tensors(arguments), dynamic_shapes=(tuple(dynamic),), strict=False
        )
        program = lower.run(pipeline.run(from_program(exported, ctx), ctx), ctx)
    text = print_program(program)
    assert print_program(parse_program(text)) == text
    for run in runs:
        inputs = tensors(run)
        fixed = specialize(program, sizes_of(program, inputs))
        verify(fixed)
        _compare(fixed, interpret(fixed, [_to_numpy(x) for x in inputs]), function, inputs)
    return program


def sizes_of(program: Program, inputs: Sequence[torch.Tensor]) -> dict[Expr, int]:
    """The values of the size symbols; asserts that the program's guards hold of them."""
    found: dict[Expr, int] = {}
    for described, tensor in zip(program.inputs, inputs, strict=True):
        for size, n in zip(described.layout.size, tensor.shape, strict=True):
            unknown = [s for s in size.symbols() if s not in found]
            step = size.coefficient(unknown[0]) if len(unknown) == 1 else None
            if step is not None:
                rest = (size - unknown[0] * step).evaluate(found)
                found[unknown[0]] = (n - rest) // step.value()
    known = [g.subst(found).known() for g in program.guards if not data_symbols((g.left, g.right))]
    assert all(known), list(map(str, program.guards))
    return found


def check(
    function: Callable[..., Any], *arguments: Argument, options: CompileOptions | None = None
) -> Program:
    """Asserts that the program computes what eager does in float64; returns it."""
    inputs = tensors(arguments)
    program = lower_function(function, inputs, options)
    text = print_program(program)
    assert print_program(parse_program(text)) == text
    _compare(
        program,
        interpret(parse_program(text, program.data), [_to_numpy(x) for x in inputs]),
        function,
        inputs,
    )
    return program


def _compare(
    program: Program, got: Sequence[Any], function: Callable[..., Any], inputs: tuple[torch.Tensor, ...]
) -> None:
    eager = torch.utils._pytree.tree_leaves(function(*inputs))
    oracle = torch.utils._pytree.tree_leaves(_in_float64(function, inputs))
    for output, value, near, exact in zip(program.outputs, got, eager, oracle, strict=True):
        if not isinstance(output.value, TensorRef):
            assert value == near
            continue
        assert np.asarray(value).shape == tuple(near.shape)
        assert output.value.layout.dtype.name == str(near.dtype).removeprefix("torch.")
        _assert_close(np.asarray(value), near, exact)


def _in_float64(function: Callable[..., Any], inputs: tuple[torch.Tensor, ...]) -> Any:
    wide = tuple(x.double() if x.is_floating_point() else x for x in inputs)
    if not isinstance(function, torch.nn.Module):
        return function(*wide)
    state = {k: v.clone() for k, v in function.state_dict().items()}
    result = function.double()(*wide)
    function.float().load_state_dict(state)
    return result


def _to_numpy(x: torch.Tensor) -> np.ndarray[Any, Any]:
    dense: np.ndarray[Any, Any] = (x.float() if x.dtype == torch.bfloat16 else x).detach().numpy()
    return dense


def _assert_close(got: np.ndarray[Any, Any], eager: torch.Tensor, oracle: torch.Tensor) -> None:
    if not eager.is_floating_point():
        np.testing.assert_array_equal(got, eager.numpy())
        return
    exact, near = oracle.detach().double().numpy(), eager.detach().double().numpy()
    np.testing.assert_array_equal(np.isnan(got), np.isnan(near))
    finite = np.isfinite(exact) & np.isfinite(near)
    np.testing.assert_array_equal(got[~finite & ~np.isnan(near)], near[~finite & ~np.isnan(near)])
    if finite.any():
        scale = 1 + np.abs(exact[finite])
        own = np.abs(near[finite] - exact[finite]) / scale
        error = np.abs(got.astype(np.float64)[finite] - exact[finite]) / scale
        allowed = 2 * own.max() + 4 * _EPSILON[eager.dtype]
        assert error.max() <= allowed, (
            f"error {error.max():.3g}, eager's own {own.max():.3g}, allowed {allowed:.3g}"
        )
