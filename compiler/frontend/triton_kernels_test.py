"""A model's own Triton kernels as they leave the exporter: what is written, what is carried along, grids of sizes, what is refused."""

from __future__ import annotations

import ast
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import triton
import triton.language as tl
from torch.library import triton_op, wrap_triton

from compiler.frontend import triton_kernels, triton_source, triton_writes
from compiler.ir.triton_kernel import TritonKernel, from_json
from compiler.support.diagnostics import UserError

ONE = tl.constexpr(1)
HALF = tl.float16
PLAIN = 3


@triton.jit
def put(p, v):  # the same name as another function's, below
    tl.store(p, v)


def other_put() -> Any:
    @triton.jit
    def put(p, v):
        tl.store(p, v + ONE)

    return put


add_one = other_put()


@triton.jit(noinline=True)
def stays(p, v):
    tl.store(p, v)


@triton.jit
def everything(read, loop, atomic, helped, apart, carried, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    p = carried + i
    for _ in range(n):
        v = tl.load(read + i) + tl.load(p)
        if tl.sum(v) > 0:
            tl.store(loop + i, v)
        p += BLOCK
    tl.atomic_add(atomic + i, tl.load(read + i).to(HALF).to(tl.float32))
    put(helped + i, 1.0)
    add_one(helped + i, 2.0)
    stays(apart, 3.0)


@triton.jit
def uses_a_global(out):
    tl.store(out, PLAIN)


@triton.autotune(
    configs=[triton.Config({"BLOCK": 128}, num_warps=2), triton.Config({"BLOCK": 512}, num_warps=8, num_stages=1)], key=["n"]
)  # fmt: skip
@triton.jit
def scale_kernel(x, out, n, factor, one, BLOCK: tl.constexpr, FLAG: tl.constexpr = True):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, i < n) * factor + one, i < n)


@triton.jit
def shift_kernel(x, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x + i, tl.load(x + i, i < n) + 1, i < n)


@triton.jit
def move_kernel(x, out, n):
    i = tl.arange(0, 64)
    tl.store(out + i, tl.load(x + i, i < n), i < n)


@triton_op("aoti_test::scale", mutates_args={})
def scale(x: torch.Tensor, factor: float) -> torch.Tensor:
    out, n = torch.empty_like(x), x.numel()
    wrap_triton(scale_kernel)[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x, out, n, factor, 1)
    return out


@triton_op("aoti_test::shift_", mutates_args={"x"})
def shift_(x: torch.Tensor) -> None:
    wrap_triton(shift_kernel)[(triton.cdiv(x.numel(), 128), 1)](x, x.numel(), BLOCK=128)


def test_what_a_kernel_writes_is_followed_through_loops_branches_and_functions() -> None:
    pointers = ("read", "loop", "atomic", "helped", "apart", "carried")
    signature = {**dict.fromkeys(pointers, "*fp32"), "n": "i32", "BLOCK": "constexpr"}
    found = triton_writes.written(everything, signature, {(7,): 64}, 4)
    assert [pointers[k] for k in sorted(found)] == ["loop", "atomic", "helped", "apart"]


def test_the_source_is_a_module_with_all_that_the_kernel_uses(tmp_path: Path) -> None:
    text, name = triton_source.module_of(everything)
    functions = [n.name for n in ast.parse(text).body if isinstance(n, ast.FunctionDef)]
    assert name == functions[-1] == "everything" and set(functions) == {"put", "put_1", "stays", "everything"}
    assert "# the same name as another function's, below" in text and "triton.jit(noinline=True)" in text
    (tmp_path / "carried.py").write_text(text)
    spec = importlib.util.spec_from_file_location("carried", tmp_path / "carried.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    signature = {
        **dict.fromkeys(("read", "loop", "atomic", "helped", "apart", "carried"), "*fp32"),
        "n": "i32",
        "BLOCK": "constexpr",
    }
    assert triton_writes.written(module.everything, signature, {(7,): 64}, 4) == {1, 2, 3, 4}


def test_what_cannot_be_carried_along_is_named() -> None:
    with pytest.raises(
        triton_source.NotPortable, match=r"uses_a_global uses PLAIN, a int: give it as a tl\.constexpr"
    ):
        triton_source.module_of(uses_a_global)


class Model(torch.nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        z = scale(x.sin(), 2.5)
        shift_(z)
        shift_(y)
        return z, y + 1


def calls(program: torch.export.ExportedProgram) -> list[tuple[Any, TritonKernel]]:
    nodes = [n for n in program.graph.nodes if n.target is torch.ops.aoti.triton_kernel.default]
    return [(n, from_json(n.args[0])) for n in nodes]


def test_operators_are_written_out_as_launches_and_copies() -> None:
    rows = torch.export.Dim("rows", min=2, max=1000)
    inputs, shapes = (torch.randn(8, 64), torch.randn(8, 64)), ({0: rows}, {0: rows})
    program = torch.export.export(Model(), inputs, dynamic_shapes=shapes, strict=False)
    assert not triton_kernels.inline(program, "model", keep_operators=True)
    assert triton_kernels.are_in(program) and not triton_kernels.are_in(program, keep_operators=True)
    assert triton_kernels.inline(program, "model")
    (node, kernel), (_, shift), _ = calls(program)
    assert [(p.name, p.kind, p.value) for p in kernel.parameters] == [
        ("x", "tensor", None), ("out", "tensor", None), ("n", "size", None), ("factor", "float", 2.5),
        ("one", "constant", 1), ("BLOCK", "tuned", None),
    ]  # fmt: skip
    assert list(map(str, kernel.configurations)) == [
        "BLOCK=128, num_warps=2, num_stages=3", "BLOCK=512, num_warps=8, num_stages=1",
    ]  # fmt: skip
    assert (kernel.written, kernel.undefined, shift.written, shift.undefined) == ((1,), (1,), (0,), ())
    grid = [str(n.meta["val"]) if isinstance(n, torch.fx.Node) else n for n in node.args[4]]
    assert [g if isinstance(g, int) else g.rpartition("//")[2].strip("() ") for g in grid] == [
        "128",
        1,
        1,
        "512",
        1,
        1,
    ]
    # Functional like any other program: three calls, the input's new value among the outputs.
    after = program.run_decompositions({})
    assert [s.kind.name for s in after.graph_signature.output_specs] == [
        "USER_INPUT_MUTATION",
        "USER_OUTPUT",
        "USER_OUTPUT",
    ]
    assert len(calls(after)) == 3 and not any(
        n.target is torch.ops.aten.copy_.default for n in after.graph.nodes
    )


class Twice(torch.nn.Module):
    """The kernel's output is a view of its input."""

    def __init__(self, same: bool) -> None:
        super().__init__()
        self.same = same

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + 1
        wrap_triton(move_kernel)[(1,)](x, x if self.same else x[1:], 63)
        return x


def test_a_tensor_under_two_parameters_is_one_and_two_views_are_refused() -> None:
    program = torch.export.export(Twice(True), (torch.randn(64),), strict=False)
    assert triton_kernels.inline(program, "model")
    ((node, kernel),) = calls(program)
    assert (
        [p.position for p in kernel.parameters[:2]] == [0, 0]
        and len(node.args[1]) == 1
        and kernel.written == (0,)
    )
    program = torch.export.export(Twice(False), (torch.randn(64),), strict=False)
    with pytest.raises(
        UserError,
        match=r"move_kernel is given two views of one tensor, and writes to it(.|\n)*triton_kernels_test.py",
    ):
        triton_kernels.inline(program, "model")


def test_a_configuration_that_does_not_compile_is_named() -> None:
    class Wrong(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out = torch.empty_like(x)
            wrap_triton(shift_kernel)[(1,)](out, 64, BLOCK=100)
            return out

    program = torch.export.export(Wrong(), (torch.randn(64),), strict=False)
    with pytest.raises(UserError, match=r"shift_kernel does not compile with num_warps=4(.|\n)*power of 2"):
        triton_kernels.inline(program, "model")


NAMELESS = {
    "function": "a b",
    "source": "",
    **{k: [] for k in ("parameters", "configurations", "written", "undefined")},
}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"function": "f"}', json.dumps(NAMELESS)])
def test_a_description_from_a_file_is_checked(text: str) -> None:
    with pytest.raises(ValueError, match="is no description of a Triton kernel"):
        from_json(text)
