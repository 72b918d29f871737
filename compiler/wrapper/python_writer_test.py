"""The Python of a plan: it runs, and it says line for line what the C++ says."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler.ir.dtypes import bool_, float32
from compiler.ir.expr import as_expr, sym
from compiler.ir.loop import Layout
from compiler.ir.wrapper import (
    Alloc,
    Arg,
    Cond,
    ExternCall,
    InputSlot,
    Launch,
    Line,
    Operand,
    OutputSlot,
    Plan,
    ProxyCall,
    Return,
    Reuse,
    SizeSymbol,
    View,
    While,
)
from compiler.ir.wrapper_verify import verify
from compiler.support.options import CompileOptions, Context
from compiler.support.origins import Origin
from compiler.wrapper import cpp_writer, example, python_writer
from compiler.wrapper.plan import run

CONTEXT = Context(CompileOptions("m_aoti"))
ROW = Layout.contiguous(float32, [4])
FLAG = Layout.contiguous(bool_, [])


class Runtime:
    """Memory and kernels in numpy."""

    def __init__(self, arena_bytes: int, **kernels: Any) -> None:
        self.memory = np.zeros(arena_bytes, np.uint8)
        self.kernels = SimpleNamespace(**kernels)
        self.shim = SimpleNamespace(**kernels)
        self.constants: list[NDArray[Any]] = []
        self.calls: list[str] = []

    def arena(self, offset: int, size: tuple[int, ...], stride: tuple[int, ...], dtype: str) -> NDArray[Any]:
        return self.view(self.memory[offset:], size, stride, 0, dtype)

    def empty_strided(self, size: tuple[int, ...], stride: tuple[int, ...], dtype: str) -> NDArray[Any]:
        last = sum((n - 1) * s for n, s in zip(size, stride, strict=True))
        return self.view(np.zeros(last + 1, dtype), size, stride, 0, dtype)

    def view(
        self, base: NDArray[Any], size: tuple[int, ...], stride: tuple[int, ...], offset: int, dtype: str
    ) -> NDArray[Any]:
        width = np.dtype(dtype).itemsize
        return np.ndarray(size, dtype, base.data, offset * width, [s * width for s in stride])

    def check(self, kernel: str) -> None:
        self.calls.append(kernel)

    def item(self, predicate: NDArray[Any]) -> bool:
        return bool(predicate[()])


def execute(plan: Plan, runtime: Runtime, *args: NDArray[Any]) -> tuple[Any, ...]:
    verify(plan)
    scope: dict[str, Any] = {}
    exec(python_writer.write(plan), scope)
    result: tuple[Any, ...] = scope["run"](runtime, args)
    return result


def test_my_model_runs() -> None:
    def sine(x: NDArray[Any], out: NDArray[Any]) -> None:
        out[...] = np.sin(x)

    def product(a: NDArray[Any], b: NDArray[Any], out: NDArray[Any]) -> None:
        out[...] = np.cos(a @ b)

    plan = run(example.schedule(), example.specs(), {}, 0, CONTEXT)
    runtime = Runtime(plan.arena_bytes, cpp_fused_sin_0=sine, cpp_fused_mm_cos_1=product)
    x, y = np.random.default_rng(0).standard_normal((2, 64, 64)).astype(np.float32)
    (result,) = execute(plan, runtime, x, y)
    assert np.array_equal(result, np.cos(np.sin(x) @ y))
    assert runtime.calls == ["cpp_fused_mm_cos_1"]


def test_blocks_run() -> None:
    """Counts down from 3, then takes the branch."""

    def more(counter: NDArray[Any], flag: NDArray[Any]) -> None:
        flag[...] = counter[0] > 0

    def step(counter: NDArray[Any]) -> None:
        counter[0] -= 1

    def mark(out: NDArray[Any]) -> None:
        out[...] = 7

    test = Launch("more", (Arg("c", "float", "in"), Arg("p", "bool", "out")))
    body = Launch("step", (Arg("c", "float", "inout"),))
    branch = Launch("mark", (Arg("c", "float", "out"),))
    lines: list[Line] = [
        Alloc("c", ROW, "output"),
        Alloc("p", FLAG, "arena", 0),
        Launch("start", (Arg("x", "float", "in"), Arg("c", "float", "out"))),
        While("p", (test,), (body,), (Origin("w", "while_loop", "m.py:2"),)),
        Cond("p", (branch,), (), (Origin("c", "cond", "m.py:3"), Origin("d", "cond", "m.py:4"))),
        Return(("c", None)),
    ]
    plan = Plan(
        "m",
        [InputSlot("x", ROW)],
        [],
        [OutputSlot("c", ROW), OutputSlot("n", None, 5)],
        lines,
        arena_bytes=64,
    )
    rows = python_writer.write(plan).splitlines()
    found = {rows[row - 1].strip(): launch for row, launch in python_writer.launches_by_row(plan).items()}
    assert set(found.values()) == {test, body, branch, lines[2]}
    assert all(text.startswith(f"rt.kernels.{launch.kernel}(") for text, launch in found.items())
    runtime = Runtime(64, more=more, step=step, mark=mark, start=lambda x, c: np.copyto(c, x))
    result, literal = execute(plan, runtime, np.full(4, 3, np.float32))
    assert result.tolist() == [0, 3, 3, 3] and literal == 5


def plan_of_every_line() -> Plan:
    s0 = sym("s0", 1, 9)
    dynamic = Layout.contiguous(float32, [s0 * 2 + 1])
    origins = (Origin("f", "aten.f.default", "m.py:3"),)
    lines: list[Line] = [
        Alloc("a", ROW, "arena", 0),
        Launch(
            "k0",
            (Arg("x", "float", "in"), Arg("a", "float", "out"), Arg(s0 * 2, "int64_t", "size")),
            origins,
            True,
        ),
        Reuse("b", ROW, "a"),
        View("v", ROW, "b"),
        Alloc("s", dynamic, "arena", slot=0),
        Alloc("class", ROW, "output"),
        ExternCall("aoti_torch_cpu_mm_out", "class", (Operand("v", ROW), 2), None, origins),
        ExternCall("aoti_torch_cpu_g", "g", (Operand("x", dynamic), None, (1, 2)), ROW),
        ProxyCall(0, (Operand("b", ROW), 7), (Operand("b", ROW),)),
        Return(("class", "g")),
    ]
    outputs = [OutputSlot("class", ROW), OutputSlot("g", ROW)]
    symbols = [SizeSymbol(s0, 0, 0, 2, as_expr(1))]
    plan = Plan("m", [InputSlot("x", dynamic)], [], outputs, lines, symbols, arena_bytes=64)
    plan.slots = [s0 * 8 + 4]
    plan.ops = ["lib::op(Tensor x, int n) -> Tensor"]
    return plan


@pytest.mark.parametrize(
    "plan", [plan_of_every_line(), run(example.schedule(), example.specs(), {}, 0, CONTEXT)]
)
def test_both_writers_say_the_same_line_for_line(plan: Plan) -> None:
    """Each line calls the same functions, in the same order, with the same comments."""
    verify(plan)
    compile(python_writer.write(plan), "plan", "exec")
    cpp = cpp_writer.line_rows(plan)
    python = [python_writer.rows_of(line, plan) for line in plan.lines]
    assert len(cpp) == len(python) == len(plan.lines)
    for cpp_rows, python_rows in zip(cpp, python, strict=True):
        assert comments(cpp_rows, "//") == comments(python_rows, "#")
        assert calls(" ".join(cpp_rows)) == calls(" ".join(python_rows))


def test_sizes_come_from_the_inputs_and_slots_are_numbered() -> None:
    text = python_writer.write(plan_of_every_line())
    assert "    s0 = (x.shape[0] - (1)) // 2\n" in text
    assert '    s = rt.slot(0, (2*s0 + 1, ), (1, ), "float32")\n' in text


def comments(rows: list[str], mark: str) -> list[str]:
    return [row.removeprefix(mark).strip() for row in rows if row.startswith(mark)]


def calls(text: str) -> list[str]:
    """Kernels, and functions of the shim that are not about memory, which the two get in their own ways."""
    memory = {
        "aoti_torch_empty_strided",
        "aoti_torch_create_tensor_from_blob",
        "aoti_torch__reinterpret_tensor",
    }
    found = re.findall(r"kernels(?:->|\.)(\w+)\(|(aoti_torch_\w+)\(|(AOTI_OP_CHECK)\(|rt\.(op)\(", text)
    names = [next(n for n in group if n) for group in found]
    names = ["op" if n == "AOTI_OP_CHECK" else n for n in names]
    return [n for n in names if n not in memory]
