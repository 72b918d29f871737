"""The Python of a plan: it runs, and it says line for line what the C++ says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from compiler.ir.dtypes import bool_, float32, int64
from compiler.ir.expr import as_expr, sym
from compiler.ir.guard import Guard
from compiler.ir.loop import Layout
from compiler.ir.wrapper import (
    Alloc,
    Arg,
    Check,
    Cond,
    Copy,
    ExternCall,
    Free,
    InputSlot,
    Launch,
    Line,
    Operand,
    OutputSlot,
    Plan,
    ProxyCall,
    ReadSize,
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
    s0, u0 = sym("s0", 1, 9), sym("u0", 0, 99)
    dynamic = Layout.contiguous(float32, [s0 * 2 + 1])
    origins = (Origin("f", "aten.f.default", "m.py:3"),)
    written = (Arg("class", "float", "inout"),)
    again = Launch("again", (Arg("x", "float", "in"), Arg("p", "bool", "out")), origins)
    taken, turn, deep = (Launch(name, written, origins) for name in ("taken", "turn", "deep"))
    nested = While("p", (Launch("more", again.args),), (deep,), origins)
    inner = Cond("p", (Launch("first", written),), (Launch("second", written, origins),), origins)
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
        Copy(Operand("class", ROW), Operand("b", ROW), origins),
        Alloc("n", Layout.contiguous(int64, []), "arena", 128),
        Launch("count", (Arg("x", "float", "in"), Arg("n", "int64_t", "out")), origins),
        ReadSize(u0, Operand("n", Layout.contiguous(int64, [])), origins),
        Check(Guard("le", u0, s0, "m.py:4 in forward")),
        Alloc("own", Layout.contiguous(float32, [u0]), "own"),
        Launch("fill", (Arg("own", "float", "out"), Arg(u0, "int64_t", "size"))),
        Free("own"),
        Alloc("p", FLAG, "arena", 192),
        Launch("flag", (Arg("x", "float", "in"), Arg("p", "bool", "out"))),
        Cond("p", (taken, nested), (), origins),
        While("p", (again,), (turn, inner), (Origin("w", "while_loop", "m.py:6"),)),
        Return(("class", "g")),
    ]
    outputs = [OutputSlot("class", ROW), OutputSlot("g", ROW)]
    symbols = [SizeSymbol(s0, 0, 0, 2, as_expr(1))]
    plan = Plan("m", [InputSlot("x", dynamic)], [], outputs, lines, symbols, arena_bytes=256)
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
    cpp = by_line(cpp_writer.line_rows(plan))
    python = by_line(python_writer.line_rows(plan))
    assert list(cpp) == list(python) == [id(line) for line in plan.all_lines()]
    for line, rows in cpp.items():
        assert comments(rows, "//") == comments(python[line], "#")
        assert calls(" ".join(rows)) == calls(" ".join(python[line]))


def test_sizes_come_from_the_inputs_and_slots_are_numbered() -> None:
    text = python_writer.write(plan_of_every_line())
    assert "    s0 = (x.shape[0] - (1)) // 2\n" in text
    assert '    s = rt.slot(0, (2*s0 + 1, ), (1, ), "float32")\n' in text


# What C++ calls by another name than the runtime of the Python wrapper.
CPP_NAMES = {
    "AOTI_OP_CHECK": "op",
    "AOTI_CHECK_SIZES": "check_sizes",
    "AOTI_CHECK_READ": "read_size",
    "aoti_torch_copy_": "copy_",
    "p": "item",
}


def by_line(rows: Sequence[tuple[str, Line]]) -> dict[int, list[str]]:
    """The rows of each line, in the order of their first."""
    found: dict[int, list[str]] = {}
    for text, line in rows:
        found.setdefault(id(line), []).append(text.strip())
    return found


def comments(rows: list[str], mark: str) -> list[str]:
    return [row.removeprefix(mark).strip() for row in rows if row.startswith(mark)]


def calls(text: str) -> list[str]:
    """Kernels, functions of the shim and checks that are not about memory, which the two get in their own ways."""
    memory = {
        "aoti_torch_empty_strided",
        "aoti_torch_create_tensor_from_blob",
        "aoti_torch__reinterpret_tensor",
    }
    found = re.findall(
        r"kernels(?:->|\.)(\w+)\(|(aoti_torch_\w+)\(|(AOTI_(?:OP_CHECK|CHECK_SIZES|CHECK_READ))\((?!\w+_memory)"
        r"|rt\.(op|copy_|read_size|check_sizes|item)\(|\(!?\*(p)\)",
        text,
    )
    names = [CPP_NAMES.get(n := next(n for n in group if n), n) for group in found]
    return [n for n in names if n not in memory]
