"""The two wrappers of one plan, line for line: what runs in a JIT beside what is compiled ahead of time.

Enters: a plan. Leaves: for each of its lines, those of branches and loops too, the rows of Python and the rows of C++, as data or as text
in two columns.

    buf0 = rt.arena(0, (64, 64), (64, 1), "float32")      | float *const buf0 = aoti_arena<float>(args, 0);
    rt.kernels.cpp_fused_sin_0(x, buf0)                    | kernels->cpp_fused_sin_0(ctx, x, buf0);
    if rt.item(buf1):                                      | if (*buf1) {
        rt.kernels.cpp_fused_cos_1(x, buf2)                |   kernels->cpp_fused_cos_1(ctx, x, buf2);
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence

from compiler.ir.wrapper import Line, Plan
from compiler.support.diagnostics import InternalError
from compiler.wrapper import cpp_writer, python_writer

COLUMN = 76
Part = tuple[Line, list[str]]  # a line, and those of its rows that stand together


def rows(plan: Plan) -> list[tuple[list[str], list[str]]]:
    """(Python, C++) of every line of the plan, in the order of both. A branch or loop has several parts, around the lines in it; where it
    ends is a row of C++ only, and a view that C++ needs no name for one of Python only. Raises InternalError where the two do not have the
    same lines in the same order."""
    python = deque(_parts(python_writer.line_rows(plan)))
    cpp = _parts(cpp_writer.line_rows(plan))
    made: list[tuple[list[str], list[str]]] = []
    for line, cpp_rows in cpp:
        if all(row.strip() == "}" for row in cpp_rows):
            made.append(([], cpp_rows))
            continue
        while python and python[0][0] is not line:
            made.append((python.popleft()[1], []))
        if not python:
            raise InternalError(f"the Python wrapper does not have, in its place, {cpp_rows}")
        made.append((python.popleft()[1], cpp_rows))
    return made + [(rest, []) for _, rest in python]


def _parts(rows: Sequence[tuple[str, Line]]) -> list[Part]:
    grouped = itertools.groupby(rows, key=lambda row: id(row[1]))
    found = [list(part) for _, part in grouped]
    return [(part[0][1], [text for text, _ in part]) for part in found]


def text(plan: Plan) -> str:
    """Two columns; a row that is too long for its column makes the right one start further on."""
    lines = [f"{'# Python (JIT)':<{COLUMN}} | // C++ (ahead of time)"]
    for python, cpp in rows(plan):
        lines += [
            f"{left:<{COLUMN}} | {right}" for left, right in itertools.zip_longest(python, cpp, fillvalue="")
        ]
    return "\n".join(line.rstrip() for line in lines) + "\n"
