"""The two wrappers of one plan, line for line: what runs in a JIT beside what is compiled ahead of time.

Enters: a plan. Leaves: for each of its lines the rows of Python and the rows of C++, as data or as text in two columns.

    buf0 = rt.arena(0, (64, 64), (64, 1), "float32")      | float *const buf0 = aoti_arena<float>(args, 0);
    rt.kernels.cpp_fused_sin_0(x, buf0)                    | kernels->cpp_fused_sin_0(ctx, x, buf0);
"""

from __future__ import annotations

import itertools

from compiler.ir.wrapper import Plan
from compiler.wrapper import cpp_writer, python_writer

COLUMN = 76


def rows(plan: Plan) -> list[tuple[list[str], list[str]]]:
    """(Python, C++) of every line of the plan."""
    python = [python_writer.rows_of(line, plan) for line in plan.lines]
    return list(zip(python, cpp_writer.line_rows(plan), strict=True))


def text(plan: Plan) -> str:
    """Two columns; a row that is too long for its column makes the right one start further on."""
    lines = [f"{'# Python (JIT)':<{COLUMN}} | // C++ (ahead of time)"]
    for python, cpp in rows(plan):
        lines += [
            f"{left:<{COLUMN}} | {right}" for left, right in itertools.zip_longest(python, cpp, fillvalue="")
        ]
    return "\n".join(line.rstrip() for line in lines) + "\n"
