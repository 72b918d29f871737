"""Calls of a model's own Triton kernels in Loop IR: strides as traced, results, what is refused. Triton itself is not needed."""

from __future__ import annotations

import pytest
import torch

from compiler.frontend.load import from_program
from compiler.fx_passes import pipeline
from compiler.ir.loop import CustomKernel, Program, Result, TensorRef
from compiler.ir.loop_parse import parse_program
from compiler.ir.loop_text import print_program
from compiler.ir.triton_call import call_of
from compiler.ir.triton_kernel import Configuration, Parameter, TritonKernel
from compiler.lowering import lower
from compiler.support.diagnostics import UserError
from compiler.support.options import CompileOptions, Context

PARAMETERS = (Parameter("x", "tensor", 0), Parameter("out", "tensor", 1), Parameter("n", "size", 0))
KERNEL = TritonKernel("move", "def move(): ...", PARAMETERS, (Configuration(()), Configuration(())), (1,))


class Move(torch.nn.Module):
    """`out` with strides of the caller's."""

    def __init__(self, stride: tuple[int, int]) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.ones(64).as_strided((4, 8), self.stride)
        grids = [x.shape[0], 1, 1, x.shape[0] // 2, 1, 1]
        arguments = [x.t(), out], [1, 8, *self.stride], [x.numel()], grids
        made: torch.Tensor = torch.ops.aoti.triton_kernel(KERNEL.to_json(), *arguments)[0]
        return made + 1


def lowered(stride: tuple[int, int], device: str) -> Program:
    rows = torch.export.Dim("rows", min=2, max=100)
    program = torch.export.export(
        Move(stride), (torch.randn(4, 8),), dynamic_shapes=({0: rows},), strict=False
    )
    ctx = Context(CompileOptions("model", device=device))
    return lower.run(pipeline.run(from_program(program, ctx), ctx), ctx)


def test_tensors_are_handed_over_as_they_were_traced() -> None:
    program = lowered((1, 4), "cuda")
    assert print_program(parse_program(print_program(program))) == print_program(program)
    at = next(k for k, n in enumerate(program.nodes) if isinstance(n, CustomKernel))
    call, result = program.nodes[at : at + 2]
    assert isinstance(result, Result) and list(map(str, result.layout.stride)) == ["1", "4"]
    made = call_of([call, result])
    assert list(map(str, made.sizes)) == ["8*s0"]
    assert [list(map(str, grid)) for grid in made.grids] == [["s0", "1", "1"], ["(s0 // 2)", "1", "1"]]
    x, out = made.tensors
    assert isinstance(x, TensorRef) and (x.buffer, list(map(str, x.layout.stride))) == ("x", ["1", "8"])
    assert isinstance(out, TensorRef) and out == made.base(result.name) and out.layout == result.layout


def test_what_a_gpu_or_the_kernel_cannot_do_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"the Triton kernel move of the model(.|\n)*runs on a GPU only"):
        lowered((1, 4), "cpu")
    with pytest.raises(UserError, match="the Triton kernel move writes to out, a tensor with gaps"):
        lowered((16, 2), "cuda")
