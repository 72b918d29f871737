"""One sample through the compiler as far as Loop IR: what is refused, and why, shows without a C++ compiler.

Enters: a `Sample`. Leaves: a `Screened`: its graph, eager's results, those of float64 and the operators that export recorded; or the
verdict, where the sample ends here.

    eager     eager PyTorch refuses the sample itself (its out= forms check more than others)
    export    torch.export cannot capture it: it never reaches the compiler
    random    its results are drawn, so there is nothing to compare
    refused   a UserError: named, with a reason
    crash     anything else: a defect of the compiler
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
import io
import logging
import operator
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.export import decomp_utils, exported_program

from compiler.frontend.load import from_program
from compiler.fx_passes import pipeline
from compiler.ir.aten_ops import KNOWN
from compiler.ir.graph import ModelGraph
from compiler.ir.loop import ExternKernel
from compiler.lowering import lower
from compiler.support.diagnostics import UserError
from compiler.support.options import CompileOptions, Context
from tests.ops.oracle import eager_of, oracle_of
from tests.ops.results import Row
from tests.ops.samples import Module, Sample


def keep_torch_tables() -> None:
    """Torch lists all its composite operators anew for each decomposition, which takes longer than everything else here. No operator is
    added while a sweep runs, so one list serves all. And it gives each of them a kernel by a function whose annotations Python computes
    anew each time, which takes a fifth of the sweep; and for the dispatch keys of all backends, which takes a tenth."""
    modules: tuple[Any, ...] = (exported_program, decomp_utils)  # the function is no public name of theirs
    for module in modules:
        listed = functools.cache(module._collect_all_valid_cia_ops)
        module._collect_all_valid_cia_ops = listed
    annotations: Any = torch._ops
    annotations.Callable = _Unwritten()
    keys: Any = exported_program
    keys._BACKEND_KEYS_TO_OVERRIDE = [torch._C.DispatchKey.CPU, torch._C.DispatchKey.Meta]
    keys._AUTOGRAD_ALIAS_BACKEND_KEYS_TO_OVERRIDE = [
        torch._C.DispatchKey.AutogradCPU,
        torch._C.DispatchKey.AutogradMeta,
    ]


class _Unwritten:
    """Any generic type, for annotations that nobody reads."""

    def __getitem__(self, parameters: object) -> object:
        return object


class Stopped(Exception):
    """The sample ends at this verdict."""

    def __init__(self, verdict: str, why: str) -> None:
        super().__init__(why)
        self.verdict = verdict
        self.why = why


@dataclass
class Screened:
    """`verdict` is empty for a sample that goes on to be compiled and run."""

    sample: Sample
    verdict: str = ""
    why: str = ""
    how: str = ""  # "native", "decomposed", "shim" or "torch-only"
    atens: tuple[str, ...] = ()
    graph: ModelGraph | None = None
    eager: list[Any] = field(default_factory=list)
    oracle: list[Any] = field(default_factory=list)

    def row(self) -> Row:
        """What the result file counts."""
        s = self.sample
        return Row(s.op, s.dtype, s.form, s.key, self.verdict, self.why, self.how, self.atens)


@torch.no_grad()
def screen(sample: Sample) -> Screened:
    """The sample up to Loop IR."""
    result = Screened(sample)
    try:
        with _quiet():
            result.eager = _eager(sample)
            program = _export(sample)
            result.atens = _atens(program)
            if _is_random(program):
                raise Stopped("random", "")
            result.oracle = oracle_of(sample, result.eager)
            _lower(program, result)
    except Stopped as stopped:
        result.verdict, result.why = stopped.verdict, stopped.why
    return result


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Torch reports at length what it cannot export."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _eager(sample: Sample) -> list[Any]:
    try:
        return eager_of(sample)
    except Exception as error:
        raise Stopped("eager", _first_line(error)) from error


def _export(sample: Sample) -> torch.export.ExportedProgram:
    try:
        free = tuple(tuple(torch.export.Dim.AUTO for _ in t.shape) for t in sample.tensors)
        sizes = (free,) if sample.dynamic else None
        given = copy.deepcopy(sample.tensors)
        program = torch.export.export(Module(sample.call), given, dynamic_shapes=sizes, strict=False)
        return program.run_decompositions() if sample.form == "core" else program
    except Exception as error:
        raise Stopped("export", _first_line(error)) from error


def _atens(program: torch.export.ExportedProgram) -> tuple[str, ...]:
    """The operators that export recorded."""
    nodes = (n for n in program.graph.nodes if n.op == "call_function" and n.target is not operator.getitem)
    # A Python function's text has its address.
    return tuple(
        dict.fromkeys(n.target.__name__ if inspect.isfunction(n.target) else str(n.target) for n in nodes)
    )


def _is_random(program: torch.export.ExportedProgram) -> bool:
    return any(
        isinstance(n.target, torch._ops.OpOverload) and torch.Tag.nondeterministic_seeded in n.target.tags
        for n in program.graph.nodes
    )


def _lower(program: torch.export.ExportedProgram, result: Screened) -> None:
    known = all(a in KNOWN for a in result.atens)
    try:
        ctx = Context(CompileOptions("sample"))
        result.graph = from_program(program, ctx)
        lowered = lower.run(pipeline.run(_copied(result.graph), ctx), ctx)
    except UserError as error:
        result.how = "torch-only" if _torch_has_it(result.graph) else "refused"
        raise Stopped("refused", _reason(error)) from error
    except Exception as error:
        raise Stopped("crash", f"{type(error).__name__}: {_first_line(error)}") from error
    shim = any(isinstance(n, ExternKernel) for n in lowered.nodes)
    result.how = "shim" if shim else "native" if known else "decomposed"


def _torch_has_it(graph: ModelGraph | None) -> bool:
    if graph is None:
        return False
    try:
        ctx = Context(CompileOptions("sample", shim="torch"))
        lower.run(pipeline.run(_copied(graph), ctx), ctx)
    except Exception:
        return False
    return True


def _copied(graph: ModelGraph) -> ModelGraph:
    """Passes change graphs in place."""
    return copy.deepcopy(graph)


def _reason(error: UserError) -> str:
    """The first problem that a refusal lists, without places."""
    rows = str(error).splitlines()
    listed = [r.strip() for r in rows[1:] if not r.strip().startswith("at ")]
    text = " - ".join(listed[:2]) if listed else rows[0]
    return text.removeprefix("1. ")[:300]


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [""])[0][:300]
