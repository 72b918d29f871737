"""Lowering as a whole: refusals, the list of known operators, outputs, determinism."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from compiler.frontend.load import from_program
from compiler.fx_passes import pipeline
from compiler.ir.aten_ops import CONTROL, LOWERED
from compiler.ir.loop import CustomKernel, ExternKernel, Program, Result
from compiler.ir.loop_text import print_program
from compiler.lowering import families, lower, registry
from compiler.lowering.testing.case_harness import lower_function
from compiler.support.diagnostics import UserError
from compiler.support.options import CompileOptions, Context


class Refused(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.logcumsumexp(x, 1)
        reflectors, _ = torch.geqrf(y)
        return reflectors


def _lower(module: nn.Module, shim: str, *inputs: torch.Tensor) -> Program:
    ctx = Context(CompileOptions("model", shim=shim))
    program = torch.export.export(module, inputs, strict=False)
    return lower.run(pipeline.run(from_program(program, ctx), ctx), ctx)


def test_the_list_of_lowered_operators_is_the_registry() -> None:
    families.load()
    assert registry.registered() == LOWERED | CONTROL


def test_all_unsupported_operators_are_reported_with_lines_and_flavour() -> None:
    with pytest.raises(UserError) as error:
        _lower(Refused(), "static", torch.randn(2, 4))
    text = str(error.value)
    assert "(2 problems)" in text
    assert (
        "aten.logcumsumexp.default is not lowered" in text
        and 'aoti_torch_cpu_logcumsumexp: build with shim = "torch"' in text
    )
    assert "aten.geqrf.default is not lowered" in text and "libtorch's dispatcher has it" in text
    assert "in forward" in text and "lower_test.py:" in text


def test_the_torch_flavour_calls_the_shim() -> None:
    class Model(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.logcumsumexp(x.t() * 2, 1) + 1

    program = _lower(Model(), "torch", torch.randn(4, 3))
    (call,) = [n for n in program.nodes if isinstance(n, ExternKernel)]
    assert call.function == "aoti_torch_cpu_logcumsumexp" and call.args[1] == 1
    assert call.operands()[0].layout.is_contiguous()


def test_the_torch_flavour_calls_the_dispatcher_where_the_shim_has_no_form() -> None:
    class Model(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            factors, tau = torch.geqrf(x)
            return factors.sum() + tau

    program = _lower(Model(), "torch", torch.randn(4, 3))
    (call,) = [n for n in program.nodes if isinstance(n, CustomKernel)]
    assert call.schema.startswith("aten::geqrf(Tensor self) -> ") and len(call.operands()) == 1
    assert len([n for n in program.nodes if isinstance(n, Result)]) == 2


def test_arguments_that_a_lowering_refuses_are_reported() -> None:
    with pytest.raises(UserError) as error:
        _lower(_Refused(), "static", torch.randn(1, 2, 4, 8))
    text = str(error.value)
    assert (
        "attention with dropout 0.1" in text
        and "model.eval()" in text
        and "as_strided reaches element 1 of" in text
    )


class _Refused(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(x, x, x, dropout_p=0.1)[0, 0, 0, 0] + (x + 1).sum().as_strided(
            (2,), (1,)
        )


@pytest.mark.parametrize("norm", [F.batch_norm, F.instance_norm])
def test_running_statistics_whose_update_is_not_recorded_are_refused(
    norm: Callable[..., torch.Tensor],
) -> None:
    class Model(nn.Module):
        def forward(self, x: torch.Tensor, mean: torch.Tensor, var: torch.Tensor) -> torch.Tensor:
            return norm(x, mean, var, None, None, True)

    with pytest.raises(UserError, match="in training mode updates its running statistics") as error:
        _lower(Model(), "static", torch.randn(4, 3, 5), torch.zeros(3), torch.ones(3))
    assert "lower_test.py:" in str(error.value)


def test_the_same_model_gives_the_same_text() -> None:
    def texts() -> str:
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 4, 5)
        )
        return print_program(lower_function(module, (torch.randn(1, 3, 4, 4),)))

    assert texts() == texts()
