"""Custom operators in the JIT: called as PyTorch calls them, arguments of every kind, written arguments, results that are checked."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from compiler.driver import jit, jit_ops
from compiler.support.diagnostics import UserError
from models.custom_op import moving_average, running_statistics


@pytest.fixture
def library() -> Iterator[Any]:
    """Operators that are gone after the test."""
    with torch.library._scoped_library("aoti_jit_test", "FRAGMENT") as made:
        yield made


def _define(library: Any, schema: str, function: Any, fake: Any) -> Any:
    library.define(schema)
    name = schema.partition("(")[0]
    library.impl(name, function, "CPU")
    torch.library.register_fake(f"aoti_jit_test::{name}", fake, lib=library)
    return getattr(torch.ops.aoti_jit_test, name)


def test_results_are_eagers() -> None:
    module, inputs = moving_average.build()
    fast = jit.compile(module.eval())
    with torch.inference_mode():
        for x in (*inputs, torch.randn(8, 64)):
            for ours, eager in zip(fast(x), module(x), strict=True):
                torch.testing.assert_close(ours, eager)
    assert "rt.op('smoothing::combine(Tensor[] parts" in jit.compiled()[-1].python_text


def test_written_buffers_inputs_and_views_are_eagers() -> None:
    built = running_statistics.build()
    module = built["module"].eval()
    fast, eager = jit.compile(module), copy.deepcopy(module)
    with torch.no_grad():
        for rows in (5, 5, 1, 33):
            x, history = torch.randn(rows, 6), torch.randn(3, 4)
            ours, theirs = history.clone(), history.clone()
            for mine, wanted in zip(fast(x, ours), eager(x, theirs), strict=True):
                torch.testing.assert_close(mine, wanted)
            torch.testing.assert_close(ours, theirs)
            torch.testing.assert_close(module.mean, eager.mean)
            torch.testing.assert_close(module.spread, eager.spread)


def test_arguments_of_every_kind(library: Any) -> None:
    seen: list[tuple[Any, ...]] = []

    def kinds(x: Tensor, maybe: Any, device: Any, n: int, scalar: Any, text: Any, kind: Any, layout: Any, order: Any, *,
              to: torch.dtype, scale: float = 2.0) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
        seen.append((len(maybe), maybe[1], device, n, scalar, text, kind, layout, order, to, scale))
        return x.to(to) * scale, [x + n, maybe[0].sum(0)]

    def fake(x: Tensor, maybe: Any, device: Any, n: int, scalar: Any, text: Any, kind: Any, layout: Any, order: Any, *,
             to: torch.dtype, scale: float = 2.0) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
        return x.new_empty(x.shape, dtype=to), [torch.empty_like(x), x.new_empty(maybe[0].shape[1:])]

    schema = (
        "kinds(Tensor x, Tensor?[] maybe, Device device, SymInt n, Scalar scalar, str? text, ScalarType? kind, Layout? layout, "
        "int[2]? order, *, ScalarType to, float scale=2.0) -> (Tensor, Tensor[])"
    )
    op = _define(library, schema, kinds, fake)

    def model(x: Tensor) -> tuple[Tensor, ...]:
        first, rest = op(x.sin(), [x.cos(), None], torch.device("cpu"), x.shape[0], 0.5, "as it is", torch.int8,
                         torch.strided, [1, 2], to=torch.float64, scale=float("inf"))  # fmt: skip
        return first + 1, *rest

    fast = jit.compile(model, dynamic=True)
    for rows in (4, 7):
        x = torch.randn(rows, 3).abs()
        wanted, expected = model(x), seen[-1]
        for ours, theirs in zip(fast(x), wanted, strict=True):
            torch.testing.assert_close(ours, theirs)
        assert seen[-1] == expected == (2, None, torch.device("cpu"), rows, 0.5, "as it is", torch.int8, torch.strided,
                                        [1, 2], torch.float64, float("inf"))  # fmt: skip


def test_results_that_are_not_those_of_the_fake_implementation(library: Any) -> None:
    op = _define(library, "halve(Tensor x) -> Tensor", lambda x: x[::2].clone(), torch.empty_like)
    with pytest.raises(
        ValueError,
        match=r"aoti_jit_test::halve: result 0 is torch.float32 \[3, 4\]; expected torch.float32 \[6, 4\]",
    ):
        jit.compile(lambda x: op(x.sin()) + 1)(torch.randn(6, 4))


def test_operators_that_are_not_there(library: Any) -> None:
    _define(library, "there(Tensor x) -> Tensor", torch.clone, torch.empty_like)
    with pytest.raises(
        UserError, match=r"nowhere::f\(Tensor x\) -> Tensor: no operator of this name is registered"
    ):
        jit_ops.find("nowhere::f(Tensor x) -> Tensor")
    with pytest.raises(
        UserError,
        match=r"there\(Tensor x, int n\) -> Tensor: the operator that is registered now is .*there\(Tensor x\)",
    ):
        jit_ops.find("aoti_jit_test::there(Tensor x, int n) -> Tensor")
    library.define("empty(Tensor x) -> Tensor")
    torch.library.register_fake("aoti_jit_test::empty", torch.empty_like, lib=library)
    with pytest.raises(
        Exception,
        match=r"aoti_jit_test::empty\(Tensor x\) -> Tensor: the operator has no kernel for the CPU in this process",
    ):
        jit.compile(lambda x: torch.ops.aoti_jit_test.empty(x.sin()) + 1)(torch.randn(3))


def test_what_only_pytorchs_dispatcher_can_call() -> None:
    x = torch.randn(4, 4)
    for ours, eager in zip(jit.compile(lambda x: torch.geqrf(x.sin()))(x), torch.geqrf(x.sin()), strict=True):
        torch.testing.assert_close(ours, eager)
