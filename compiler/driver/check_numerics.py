"""Compares a model kernel by kernel with eager PyTorch: `--check-numerics`.

Enters: an exported program and inputs. Leaves: a `Finding` for each operator whose result a kernel leaves in memory: how far it is from
eager in float64, and how far eager's own float32 is. The first kernel that is too far is where to look; its inputs were right.

The plan runs as in a JIT. After each launch, the buffers that it wrote and that hold an operator's whole result (lowering says which,
`Program.values`) are compared, before later kernels reuse the memory.

    launch  kernel                     operator            distance   eager's    bound
         0  cpp_fused_sin_0            sin                  5.9e-08   5.9e-08   1.2e-07   ok
         1  cpp_fused_mm_cos_1         cos                  4.4e-06   5.3e-06   1.1e-05   ok

Invariants: errors of earlier kernels are in a result, as in eager's; a value is `ok` within twice eager's distance plus a few units in the
last place of the largest value; integers and bools must be equal, NaN must meet NaN.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch

from compiler.driver import export_oracle
from compiler.driver.jit_build import Built, build
from compiler.driver.jit_runtime import JitRuntime
from compiler.ir.graph import ModelGraph
from compiler.ir.loop import Layout, TensorRef
from compiler.ir.wrapper import Launch
from compiler.support.diagnostics import InternalError, UserError
from compiler.support.origins import Origin

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
    threads: int = 1,
    cxx: str = "",
    cache: Path | None = None,
) -> list[Finding]:
    """Runs `program` on `inputs` (in the signature's order) both ways. Raises UserError where it does not compile or the inputs do not
    fit."""
    built = build(program, threads, cxx, None, cache, scratch)
    graph, values = built.compilation.graph, _values(built)
    if graph is None:
        raise InternalError("the compilation has no graph")
    if len(inputs) != len(graph.inputs):
        raise UserError(f"{len(inputs)} inputs were given; the model has {len(graph.inputs)}")
    eager, exact = _references(graph, inputs, set(values))
    findings: list[Finding] = []

    def compare(launch: int, line: Launch, args: Sequence[Any]) -> None:
        written = {
            str(a.value): t for a, t in zip(line.args, args, strict=True) if a.mode in ("out", "inout")
        }
        for name, ref in values.items():
            if ref.buffer in written and name in exact:
                ours = _read(built.runtime, written[ref.buffer], ref.layout)
                findings.append(
                    _judge(launch, line.kernel, _origin(graph, name), ours, eager[name], exact[name])
                )

    built.run(_Watched(built, compare), tuple(x.clone() for x in inputs))  # type: ignore[arg-type]
    return findings


def random_inputs(program: torch.export.ExportedProgram, seed: int = 0) -> list[torch.Tensor]:
    """Inputs of the program's dtypes and shapes: normal numbers; 0 or 1 for integers, which are right for tokens, masks and positions."""
    torch.manual_seed(seed)
    names = set(program.graph_signature.user_inputs)
    made = []
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in names and isinstance(node.meta["val"], torch.Tensor):
            like = node.meta["val"]
            size = [int(s) for s in like.shape]
            if like.is_floating_point():
                made.append(torch.randn(size).to(like.dtype))
            else:
                made.append(torch.randint(0, 2, size).to(like.dtype))
    return made


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


def _values(built: Built) -> Mapping[str, TensorRef]:
    if built.compilation.program is None:
        raise InternalError("the compilation has no program")
    return built.compilation.program.values


class _Watched:
    """The runtime with kernels that report each launch: `report(number, line, args)`."""

    def __init__(self, built: Built, report: Callable[[int, Launch, Sequence[Any]], None]) -> None:
        self._runtime = built.runtime
        self._lines: Iterator[Launch] = (x for x in built.plan.lines if isinstance(x, Launch))
        self._report = report
        self._number = -1
        self.kernels = self

    def __getattr__(self, name: str) -> Any:
        if name not in vars(self._runtime.kernels):
            return getattr(self._runtime, name)
        kernel = getattr(self._runtime.kernels, name)

        def launch(*args: Any) -> None:
            kernel(*args)
            line = next(self._lines, None)
            if line is None or line.kernel != name:
                raise UserError("--check-numerics cannot follow a model with control flow")
            self._number += 1
            self._report(self._number, line, args)

        return launch


def _read(runtime: JitRuntime, buffer: torch.Tensor, layout: Layout) -> torch.Tensor:
    size, stride = [s.value() for s in layout.size], [s.value() for s in layout.stride]
    return runtime.view(buffer, size, stride, layout.offset.value(), layout.dtype.name).clone()


def _references(
    graph: ModelGraph, inputs: Sequence[torch.Tensor], wanted: set[str]
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The values of the wanted nodes in eager's own precision and in float64."""
    by_placeholder = {i.placeholder: x for i, x in zip(graph.inputs, inputs, strict=True)}
    by_placeholder.update((c.placeholder, graph.data[c.fqn]) for c in graph.constants)
    with torch.no_grad():
        eager = _Recorder(graph.module, wanted)
        eager.run(*_arguments(graph, by_placeholder))
        wide = copy.deepcopy(graph.module)
        for node in wide.graph.nodes:
            node.args, node.kwargs = export_oracle.widen(node.args), export_oracle.widen(node.kwargs)
        exact = _Recorder(wide, wanted)
        exact.run(*export_oracle.widen(_arguments(graph, by_placeholder)))
    return eager.found, exact.found


def _arguments(graph: ModelGraph, values: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    return [values[n.name].detach().clone() for n in graph.module.graph.nodes if n.op == "placeholder"]


class _Recorder(torch.fx.Interpreter):
    """Keeps the tensors that the wanted nodes make."""

    def __init__(self, module: torch.fx.GraphModule, wanted: set[str]) -> None:
        super().__init__(module)
        self.wanted = wanted
        self.found: dict[str, torch.Tensor] = {}

    def run_node(self, n: torch.fx.Node) -> Any:
        result = super().run_node(n)
        if n.name in self.wanted and isinstance(result, torch.Tensor):
            self.found[n.name] = result.clone()
        return result


def _origin(graph: ModelGraph, name: str) -> Origin:
    node = next(n for n in graph.module.graph.nodes if n.name == name)
    found = node.meta.get("origin", Origin(name, str(node.target)))
    return Origin(name, found.aten_op, found.location)


def _judge(
    launch: int, kernel: str, origin: Origin, ours: torch.Tensor, eager: torch.Tensor, exact: torch.Tensor
) -> Finding:
    if not ours.is_floating_point():
        wrong = float((ours != eager).sum())
        return Finding(launch, kernel, origin, wrong, 0.0, 0.0)
    own = _distance(eager, exact)
    largest = float(exact.nan_to_num(0, 0, 0).abs().max()) if exact.numel() else 0.0
    bound = FACTOR * own + UNITS * torch.finfo(ours.dtype).eps * largest
    return Finding(launch, kernel, origin, _distance(ours, exact), own, bound)


def _distance(value: torch.Tensor, exact: torch.Tensor) -> float:
    value, exact = value.double(), exact.double()
    if value.shape != exact.shape or not torch.equal(value.isnan(), exact.isnan()):
        return float("inf")
    same = (value == exact) | value.isnan()
    return float((value - exact).abs().masked_fill(same, 0).max()) if value.numel() else 0.0
