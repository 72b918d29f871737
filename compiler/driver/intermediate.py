"""Entering the compiler in the middle: `--compile-from=FILE` with the text of an IR.

Enters: a file that begins as one of the IRs' printers begins. Leaves: a `Start`, which says where the stages go on and what it sets.

    graph my_model ...                         Graph IR    -> fx_passes  }
    graph my_model canonical ...               Graph IR    -> lowering   } with constants, the .pt2 is needed too,
    program my_model ...                       Loop IR     -> scheduler  } for their data
    program my_model ... schedule arena ...    Schedule    -> codegen    }
    kernel cpp_fused_sin_0 ...                 KernelSpecs -> only their C++ can be printed (--compile-to=cpp)
    plan my_model ...                          Wrapper IR  -> only its C++ or Python (--compile-to=cpp, python)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from compiler.driver.pipeline import Compilation
from compiler.ir.loop import Program
from compiler.support.diagnostics import UserError


@dataclass(frozen=True)
class Start:
    """`first`: the first stage to run, "" where only text can be printed. A model that is given too is compiled up to the stage
    `model_until` before (for the data of constants, and for its custom operators); `needs_model`: it must be. `enter` puts what was
    read into the compilation."""

    first: str
    model_until: str = ""
    needs_model: bool = False
    enter: Callable[[Compilation], None] = lambda c: None


def begin(path: Path) -> Start:
    """Reads the text. Raises UserError when it is no IR or does not parse, InternalError when it does not verify."""
    try:
        text = path.read_text()
    except OSError as e:
        raise UserError(f"cannot read {path}: {e.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(
            f"{path} is not text; --compile-from expects what --compile-to or --dump wrote"
        ) from None
    words = next((row.split() for row in text.splitlines() if row.strip()), [""])
    try:
        if words[0] == "graph":
            return _from_graph(text, path)
        if words[0] == "program":
            scheduled = re.search(r"^schedule arena \d+$", text, flags=re.MULTILINE)
            return _from_schedule(text, path) if scheduled else _from_program(text, path)
        if words[0] == "kernel":
            return _from_kernels(text)
        if words[0] == "plan":
            return _from_plan(text)
    except ValueError as e:
        raise UserError(f"{path}: {e}") from None
    raise UserError(
        f"{path} begins with {words[0]!r}: expected the text of Graph IR, of Loop IR, of a schedule, of kernels or of a plan, as "
        "--compile-to=STAGE prints it"
    )


def _from_graph(text: str, path: Path) -> Start:
    from compiler.ir import graph_parse
    from compiler.ir.graph_verify import verify

    def enter(c: Compilation) -> None:
        model = c.graph
        try:
            graph = graph_parse.parse_graph(text, None if model is None else model.data)
        except ValueError as e:
            raise UserError(f"{path}: {e}") from None
        _refuse_missing({k.fqn for k in graph.constants} - set(graph.data), c, path)
        graph.original_data = {} if model is None else model.original_data
        verify(graph)
        c.graph = graph

    # The text is parsed after the model is read: its operators can be the model's own.
    rows = [row for row in text.split("\n") if row.strip()]
    canonical = rows[0].split()[-1] == "canonical"
    has_constants = any(row.lstrip().startswith("constant ") for row in rows)
    if canonical:
        return Start("lowering", "fx_passes", has_constants, enter)
    return Start("fx_passes", "frontend", has_constants, enter)


def _from_program(text: str, path: Path) -> Start:
    from compiler.ir.loop_parse import parse_program
    from compiler.ir.loop_verify import verify

    program = parse_program(text)
    verify(program)

    def enter(c: Compilation) -> None:
        _take_data(program, c, path)
        c.program = program

    return Start("scheduler", "lowering", bool(program.constants), enter)


def _from_schedule(text: str, path: Path) -> Start:
    from compiler.ir import loop_verify
    from compiler.ir.schedule_text import parse_schedule
    from compiler.scheduler.verify import verify

    schedule = parse_schedule(text)
    loop_verify.verify(schedule.program)
    verify(schedule)

    def enter(c: Compilation) -> None:
        _take_data(schedule.program, c, path)
        c.program, c.schedule = schedule.program, schedule

    return Start("codegen", "lowering", bool(schedule.program.constants), enter)


def _take_data(program: Program, c: Compilation, path: Path) -> None:
    """The constants' data of the model, which was compiled as far as Loop IR for this."""
    data: Mapping[str, object] = c.program.data if c.program is not None else {}
    _refuse_missing({k.source for k in program.constants} - set(data), c, path)
    program.data = dict(data)


def _refuse_missing(missing: set[str], c: Compilation, path: Path) -> None:
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        first = ", ".join(sorted(missing)[:5])
        raise UserError(f"{path} names constants that {c.model} does not have: {first}{more}")


def _from_kernels(text: str) -> Start:
    from compiler.ir.kernel_parse import parse_kernels
    from compiler.ir.kernel_verify import verify

    specs = parse_kernels(text)
    for spec in specs:
        verify(spec)

    def enter(c: Compilation) -> None:
        from compiler.codegen.cpp import emit

        c.specs = specs
        c.kernel_files = emit.write(specs, c.ctx)

    return Start("", enter=enter)


def _from_plan(text: str) -> Start:
    from compiler.ir.wrapper_text import parse_plan
    from compiler.ir.wrapper_verify import verify

    plan = parse_plan(text)
    verify(plan)

    def enter(c: Compilation) -> None:
        from compiler.wrapper import cpp_writer

        c.plan = plan
        c.wrapper_files = cpp_writer.write(plan, c.ctx)

    return Start("", enter=enter)
