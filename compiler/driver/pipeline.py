"""The whole compiler in one screen: the stages in order, what each takes and makes.

    model.pt2 -> frontend -> fx_passes -> lowering -> scheduler -> codegen -> wrapper
                 Graph IR    Graph IR     Loop IR     Schedule     KernelSpec  Wrapper IR
                                                                   + kernels/  + wrapper/, weights layout

Enters: a `Compilation` with a model's path or with the text of an IR. Leaves: the same object, filled. Modules of a stage are imported
when it runs: what a compilation does not need (torch, for one that starts at Loop IR without weights) costs it nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from compiler.support.diagnostics import CompilerError, InternalError, UserError
from compiler.support.options import Context

if TYPE_CHECKING:
    from compiler.ir.graph import ModelGraph
    from compiler.ir.kernel import KernelSpec
    from compiler.ir.loop import Program
    from compiler.ir.schedule import Schedule
    from compiler.ir.wrapper import Plan
    from compiler.package.weights import WeightsLayout

T = TypeVar("T")


@dataclass
class Compilation:
    """What is known so far. Each stage reads the fields of those before it and sets its own."""

    ctx: Context
    dumping: bool = False  # whether each stage's text goes to `ctx.dump`
    model: Path | None = None
    graph: ModelGraph | None = None
    program: Program | None = None
    schedule: Schedule | None = None
    specs: Sequence[KernelSpec] = ()
    kernel_files: dict[str, str] = field(default_factory=dict)
    weights: WeightsLayout | None = None
    plan: Plan | None = None
    wrapper_files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """`run` sets its fields of the compilation, `text` prints them."""

    name: str
    run: Callable[[Compilation], None]
    text: Callable[[Compilation], str]
    summary: Callable[[Compilation], str]


def _frontend(c: Compilation) -> None:
    from compiler.frontend import load

    if c.model is None:
        raise UserError("no model was given: name a .pt2 file made by torch.export.save")
    c.graph = load.load(c.model, c.ctx)


def _fx_passes(c: Compilation) -> None:
    from compiler.fx_passes import pipeline

    c.graph = pipeline.run(_made(c.graph), c.ctx)


def _lowering(c: Compilation) -> None:
    from compiler.lowering import lower

    c.program = lower.run(_made(c.graph), c.ctx)


def _scheduler(c: Compilation) -> None:
    from compiler.scheduler import pipeline

    c.schedule = pipeline.run(_made(c.program), c.ctx)


def _codegen(c: Compilation) -> None:
    if c.ctx.options.device == "cuda":
        from compiler.codegen.triton import emit
    else:
        from compiler.codegen.cpp import emit  # type: ignore[no-redef]

    c.specs = emit.run(_made(c.schedule), c.ctx)
    c.kernel_files = emit.write(c.specs, c.ctx)


def _wrapper(c: Compilation) -> None:
    from compiler.package import weights
    from compiler.wrapper import cpp_writer, plan

    schedule = _made(c.schedule)
    c.weights = weights.lay_out(schedule.program)
    c.plan = plan.run(schedule, c.specs, c.weights.slots, c.weights.total_bytes, c.ctx)
    c.wrapper_files = cpp_writer.write(c.plan, c.ctx)
    c.wrapper_files.update({n: t for n, t in c.kernel_files.items() if n == "kernels.h"})


def _graph_text(c: Compilation) -> str:
    from compiler.ir.graph_text import print_graph

    return print_graph(_made(c.graph))


def _program_text(c: Compilation) -> str:
    from compiler.ir.loop_text import print_program

    return print_program(_made(c.program))


def _schedule_text(c: Compilation) -> str:
    from compiler.ir.schedule_text import print_schedule

    return print_schedule(_made(c.schedule))


def _kernels_text(c: Compilation) -> str:
    from compiler.ir.kernel_text import print_kernels

    return print_kernels(c.specs)


def _plan_text(c: Compilation) -> str:
    from compiler.ir.wrapper_text import print_plan

    return print_plan(_made(c.plan))


STAGES = (
    Stage("frontend", _frontend, _graph_text, lambda c: f"{len(_made(c.graph).module.graph.nodes)} FX nodes"),
    Stage(
        "fx_passes", _fx_passes, _graph_text, lambda c: f"{len(_made(c.graph).module.graph.nodes)} FX nodes"
    ),
    Stage("lowering", _lowering, _program_text, lambda c: f"{len(_made(c.program).nodes)} loop nodes"),
    Stage("scheduler", _scheduler, _schedule_text, lambda c: f"{len(_made(c.schedule).groups)} groups"),
    Stage("codegen", _codegen, _kernels_text, lambda c: f"{len({s.function for s in c.specs})} kernels"),
    Stage("wrapper", _wrapper, _plan_text, lambda c: f"{len(_made(c.plan).lines)} lines"),
)
STAGE_NAMES = tuple(s.name for s in STAGES)


def run_stages(c: Compilation, first: str, last: str, report: Callable[[str, float, str], None]) -> None:
    """Runs the stages from `first` to `last`, dumps each result and reports (name, seconds, summary)."""
    for stage in STAGES[STAGE_NAMES.index(first) : STAGE_NAMES.index(last) + 1]:
        began = time.perf_counter()
        try:
            stage.run(c)
        except CompilerError:
            raise
        except Exception as e:  # the compiler's fault, whatever it is
            raise InternalError(f"stage {stage.name}: {type(e).__name__}: {e}") from e
        report(stage.name, time.perf_counter() - began, stage.summary(c))
        if c.dumping:
            c.ctx.dump(stage.name, stage.text(c))


def stage(name: str) -> Stage:
    """The stage of this name."""
    return STAGES[STAGE_NAMES.index(name)]


def _made(value: T | None) -> T:
    if value is None:
        raise InternalError("a stage ran before the one that it needs")
    return value
