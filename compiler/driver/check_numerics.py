"""Compares a model kernel by kernel with eager PyTorch: `--check-numerics`.

Enters: an exported program and inputs. Leaves: a `Finding` for each operator whose result a kernel leaves in memory: how far it is from
eager in float64, and how far eager's own float32 is. The first kernel that is too far is where to look; its inputs were right.

The plan runs as in a JIT. After each launch, the buffers that it was the last to write and that hold an operator's whole result (lowering
says which, `Program.values`) are copied, before later kernels reuse the memory; then PyTorch runs the graph twice (`eager_values`). In a
branch or a loop each execution is compared with its own.

    launch  kernel                     operator            distance   eager's    bound
         0  cpp_fused_sin_0            sin                  5.9e-08   5.9e-08   1.2e-07   ok
         1  cpp_fused_mm_cos_1         cos                  4.4e-06   5.3e-06   1.1e-05   ok

Invariants: errors of earlier kernels are in a result, as in eager's; a value is `ok` within twice eager's distance plus a few units in the
last place of the largest value; integers and bools must be equal, NaN must meet NaN.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch

from compiler.driver import eager_values
from compiler.driver.jit_build import Built, JitOptions, build
from compiler.driver.jit_runtime import JitRuntime
from compiler.ir import loop
from compiler.ir.expr import Expr
from compiler.ir.graph import ModelGraph
from compiler.ir.loop import Layout, Program, TensorRef
from compiler.ir.wrapper import Cond, Launch, Line, While
from compiler.support.diagnostics import InternalError, UserError
from compiler.support.origins import Origin
from compiler.wrapper import python_writer

ONE_THREAD = JitOptions(threads=1)
FACTOR = 2.0
UNITS = 8.0


@dataclass(frozen=True)
class Finding:
    """One operator's result after the launch that wrote it. Distances are largest absolute differences from float64 eager."""

    launch: int
    kernel: str
    origin: Origin
    distance: float
    eager_distance: float
    bound: float

    @property
    def ok(self) -> bool:
        return self.distance <= self.bound

    def __str__(self) -> str:
        verdict = "ok" if self.ok else f"TOO FAR; {self.origin}"
        return (
            f"{self.launch:6d}  {self.kernel:<44} {self.origin.fx_node:<24} {self.distance:9.1e} "
            f"{self.eager_distance:9.1e} {self.bound:9.1e}   {verdict}"
        )


HEADER = f"launch  {'kernel':<44} {'operator':<24} {'distance':>9} {'eager':>9} {'bound':>9}"


def check(
    program: torch.export.ExportedProgram,
    inputs: Sequence[torch.Tensor],
    scratch: Path,
    options: JitOptions = ONE_THREAD,
) -> list[Finding]:
    """Runs `program` on `inputs` (in the signature's order) both ways. Raises UserError where it does not compile, draws random numbers
    (eager's are others) or the inputs do not fit."""
    built = build(program, options, scratch)
    graph = built.compilation.graph
    if graph is None:
        raise InternalError("the compilation has no graph")
    if built.plan.is_random:
        raise UserError(
            "--check-numerics cannot follow a model that draws random numbers: eager's are others; export it in eval() mode"
        )
    if len(inputs) != len(graph.inputs):
        raise UserError(f"{len(inputs)} inputs were given; the model has {len(graph.inputs)}")
    watched = _Watched(built)
    built.run(watched, tuple(x.clone() for x in inputs))  # type: ignore[arg-type]
    names = {left.name for left in watched.left}
    eager = eager_values.record(graph, inputs, names, watched.sizes)
    exact = eager_values.record(graph, inputs, names, watched.sizes, wide=True)
    origins = dict(_origins(graph))
    seen: Counter[str] = Counter()
    findings = []
    for left in watched.left:
        turn, origin = seen[left.name], origins[left.name]
        seen[left.name] += 1
        if turn < min(len(eager.get(left.name, ())), len(exact.get(left.name, ()))):
            findings.append(_judge(left, origin, eager[left.name][turn], exact[left.name][turn]))
        else:  # a branch or a turn that eager did not take
            findings.append(Finding(left.launch, left.kernel, origin, math.inf, 0.0, 0.0))
    return findings


def random_inputs(program: torch.export.ExportedProgram, seed: int = 0) -> list[torch.Tensor]:
    """Inputs of the program's dtypes and shapes: normal numbers; 0 or 1 for integers, which are right for tokens, masks and positions."""
    torch.manual_seed(seed)
    names = set(program.graph_signature.user_inputs)
    made = []
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in names and isinstance(node.meta["val"], torch.Tensor):
            made.append(_random(node.meta["val"]))
    return made


def _random(like: torch.Tensor) -> torch.Tensor:
    """Of its size and strides."""
    size, stride = [int(n) for n in like.shape], [int(n) for n in like.stride()]
    length = 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if min(size, default=1) else 0
    values = torch.randn(length) if like.is_floating_point() else torch.randint(0, 2, (length,))
    return values.to(like.dtype).as_strided(size, stride)


def recorded_inputs(file: Path) -> list[torch.Tensor]:
    """Those that the export tool recorded beside the model (NAME.recorded.npz)."""
    try:
        arrays = numpy.load(file)
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot read {file}: {error}; expected the .recorded.npz of the export tool"
        ) from None
    count = sum(name.startswith("input_") for name in arrays)
    return [torch.from_numpy(arrays[f"input_{i}"]) for i in range(count)]


@dataclass(frozen=True)
class _Left:
    """What a launch left in memory: the result of the operator `name` ("GRAPH.NODE")."""

    launch: int
    kernel: str
    name: str
    value: torch.Tensor


class _Watched:
    """The runtime with kernels after each of which the results that it completed are copied."""

    def __init__(self, built: Built) -> None:
        if built.compilation.program is None:
            raise InternalError("the compilation has no program")
        self.kernels = self
        self.left: list[_Left] = []
        self.sizes: dict[Expr, int] = {}
        self._runtime = built.runtime
        self._rows = python_writer.launches_by_row(built.plan)
        self._completed = _completed(built.plan.lines)
        self._values = _values(built.compilation.program)
        self._launches = 0

    def __getattr__(self, name: str) -> Any:
        if name not in vars(self._runtime.kernels):
            return getattr(self._runtime, name)
        kernel = getattr(self._runtime.kernels, name)

        def launch(*args: Any) -> None:
            kernel(*args)
            caller = sys._getframe(1)
            self._look(self._rows[caller.f_lineno], args, caller.f_locals)

        return launch

    def _look(self, line: Launch, args: Sequence[Any], variables: Mapping[str, Any]) -> None:
        """After a launch: `variables` are the wrapper's, the numbers of size symbols among them."""
        given = {str(a.value): tensor for a, tensor in zip(line.args, args, strict=True)}
        for buffer in self._completed[id(line)]:
            for name, ref in self._values.get(buffer, ()):
                for symbol in (
                    s for e in (*ref.layout.size, *ref.layout.stride, ref.layout.offset) for s in e.symbols()
                ):
                    self.sizes[symbol] = variables[python_writer.identifier(str(symbol))]
                value = _read(self._runtime, given[buffer], ref.layout, self.sizes)
                self.left.append(_Left(self._launches, line.kernel, name, value))
        self._launches += 1


def _completed(lines: Sequence[Line]) -> dict[int, list[str]]:
    """The buffers of which a launch is the last to write, by the launch's id: several launches may fill parts of one."""
    last: dict[str, int] = {}
    found: dict[int, list[str]] = {}
    for line in lines:
        if isinstance(line, Launch):
            found[id(line)] = []
            last.update((str(a.value), id(line)) for a in line.args if a.mode in ("out", "inout"))
        elif isinstance(line, Cond):
            found |= _completed(line.then) | _completed(line.otherwise)
        elif isinstance(line, While):
            found |= _completed(line.test) | _completed(line.body)
    for buffer, launch in last.items():
        found[launch].append(buffer)
    return found


def _values(program: Program) -> dict[str, list[tuple[str, TensorRef]]]:
    """By buffer, the operators ("GRAPH.NODE") whose results lie in it, those of blocks too."""
    found: dict[str, list[tuple[str, TensorRef]]] = {}
    for name, ref in program.values.items():
        found.setdefault(ref.buffer, []).append((name, ref))
    for node in program.nodes:
        for block in node.blocks if isinstance(node, (loop.Cond, loop.While)) else ():
            found |= _values(block)
    return found


def _read(
    runtime: JitRuntime, buffer: torch.Tensor, layout: Layout, sizes: Mapping[Expr, int]
) -> torch.Tensor:
    size, stride = ([e.evaluate(sizes) for e in part] for part in (layout.size, layout.stride))
    return runtime.view(buffer, size, stride, layout.offset.evaluate(sizes), layout.dtype.name).clone()


def _origins(graph: ModelGraph) -> Iterator[tuple[str, Origin]]:
    """By "GRAPH.NODE", of the graph and all its bodies."""
    for node in graph.module.graph.nodes:
        known = node.meta.get("origin", Origin(node.name, str(node.target)))
        own = graph.origin_name(node.name)
        yield f"{graph.name}.{node.name}", Origin(own, known.aten_op, known.location)
    for block in graph.blocks.values():
        yield from _origins(block)


def _judge(left: _Left, origin: Origin, eager: torch.Tensor, exact: torch.Tensor) -> Finding:
    ours = left.value
    if not ours.is_floating_point():
        wrong = float((ours != eager).sum()) if ours.shape == eager.shape else math.inf
        return Finding(left.launch, left.kernel, origin, wrong, 0.0, 0.0)
    own = _distance(eager, exact)
    largest = float(exact.nan_to_num(0, 0, 0).abs().max()) if exact.numel() else 0.0
    bound = FACTOR * own + UNITS * torch.finfo(ours.dtype).eps * largest
    return Finding(left.launch, left.kernel, origin, _distance(ours, exact), own, bound)


def _distance(value: torch.Tensor, exact: torch.Tensor) -> float:
    value, exact = value.double(), exact.double()
    if value.shape != exact.shape or not torch.equal(value.isnan(), exact.isnan()):
        return float("inf")
    same = (value == exact) | value.isnan()
    return float((value - exact).abs().masked_fill(same, 0).max()) if value.numel() else 0.0
