"""What the operators of a graph give in PyTorch: the references of `--check-numerics`.

Enters: a `ModelGraph`, values for its inputs, numbers for the symbols of a run's sizes. Leaves: for each operator that is asked for, the
results of its executions in order; an operator of a branch has as many as the branch was taken, one of a loop's body one for each turn.

    found = record(graph, arguments, wanted={"net.sin", "net.true_graph_0.mul"}, sizes={s0: 4})
    found["net.sin"]                 [tensor]

With `wide`, everything that is float32, float16 or bfloat16 is computed in float64.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils import _pytree as pytree

from compiler.driver import export_oracle
from compiler.ir.expr import Expr
from compiler.ir.graph import ModelGraph
from compiler.ir.size_float import SizeFloat


def record(
    graph: ModelGraph,
    inputs: Sequence[torch.Tensor],
    wanted: Collection[str],
    sizes: Mapping[Expr, int],
    wide: bool = False,
) -> dict[str, list[torch.Tensor]]:
    """Results by "GRAPH.NODE", GRAPH being the name of the graph or of a body in it. `inputs` are in the order of `graph.inputs`."""
    given = {i.placeholder: x for i, x in zip(graph.inputs, inputs, strict=True)}
    given.update((c.placeholder, graph.data[c.fqn]) for c in graph.constants)
    values = [given[n.name].detach().clone() for n in graph.module.graph.nodes if n.op == "placeholder"]
    run = _Run(frozenset(wanted), dict(sizes))
    module = copy.deepcopy(graph.module)
    usual = contextlib.nullcontext()
    with torch.no_grad(), export_oracle.float64_by_default() if wide else usual:
        interpreter = _Interpreter(graph, module, run, wide)
        interpreter.run(*(export_oracle.widen(values) if wide else values))
    return run.found


@dataclass
class _Run:
    """What all graphs of one run share: numbers by symbol, floats that were read by name, results."""

    wanted: frozenset[str]
    sizes: dict[Expr, int]
    read: dict[str, float] = field(default_factory=dict)
    found: dict[str, list[torch.Tensor]] = field(default_factory=dict)


class _Interpreter(torch.fx.Interpreter):
    """One graph; its bodies are interpreters of their own."""

    def __init__(self, graph: ModelGraph, module: torch.fx.GraphModule, run: _Run, wide: bool) -> None:
        super().__init__(module)
        self._name = graph.name
        self._run = run
        self._bodies = {
            target: _Interpreter(block, getattr(module, target), run, wide)
            for target, block in graph.blocks.items()
        }
        if wide:
            for node in module.graph.nodes:
                node.args, node.kwargs = export_oracle.widen((node.args, node.kwargs))

    def run_node(self, n: torch.fx.Node) -> Any:
        if n.op == "get_attr" and n.target in self._bodies:
            return self._bodies[str(n.target)]
        result = super().run_node(n)
        key = f"{self._name}.{n.name}"
        if key in self._run.wanted and isinstance(result, torch.Tensor):
            self._run.found.setdefault(key, []).append(result.clone())
        self._bind(n.meta.get("val"), result)
        return result

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        control = _CONTROL.get(str(target))
        if control is not None:
            return control(*args, **kwargs)
        if target is torch.ops.aten.view.default:
            # Export knows strides that eager's kernels do not always keep: of a projection in bfloat16, for example.
            target = torch.ops.aten.reshape.default
        return super().call_function(target, args, kwargs)

    def fetch_args_kwargs_from_env(self, n: torch.fx.Node) -> tuple[tuple[Any, ...], dict[str, Any]]:
        args, kwargs = super().fetch_args_kwargs_from_env(n)
        return pytree.tree_map(self._number, (args, kwargs))  # type: ignore[no-any-return]

    def no_rows(self, skip: int) -> list[torch.Tensor]:
        """What a scan over nothing collects of the body's results but the first `skip`."""
        graph: Any = self.module.graph
        returned: Any = next(n for n in graph.nodes if n.op == "output").args[0]
        like = [node.meta["val"] for node in returned[skip:]]
        return [torch.empty([0, *(self._number(s) for s in t.shape)], dtype=t.dtype) for t in like]

    def _number(self, value: Any) -> Any:
        if isinstance(value, Expr):
            return value.evaluate(self._run.sizes)
        return value.evaluate(self._run.sizes, self._run.read) if isinstance(value, SizeFloat) else value

    def _bind(self, said: Any, result: Any) -> None:
        """The numbers that this result gives: an `.item()`, and sizes that depend on data."""
        if isinstance(said, SizeFloat) and said.op == "read":
            self._run.read[str(said.args[0])] = float(result)
        elif isinstance(said, Expr) and said.symbols() == (said,):
            self._run.sizes[said] = int(result)
        elif isinstance(said, torch.Tensor) and isinstance(result, torch.Tensor):
            shape: Any = said.shape
            for expression, size in zip(shape, result.shape, strict=True):
                if isinstance(expression, Expr) and expression.symbols() == (expression,):
                    self._run.sizes[expression] = size


# -- control flow, as PyTorch's operators define it ------------------------------------------------------------------------


def _cond(pred: Any, then: _Interpreter, otherwise: _Interpreter, operands: Sequence[Any] = ()) -> Any:
    return (then if bool(pred) else otherwise).run(*operands)


def _while_loop(
    test: _Interpreter, body: _Interpreter, carried: Sequence[Any], more: Sequence[Any] = ()
) -> Any:
    values = tuple(carried)
    while bool(test.run(*values, *more)[0]):
        values = tuple(body.run(*values, *more))
    return values


def _scan(body: _Interpreter, init: Sequence[Any], xs: Sequence[Any], more: Sequence[Any] = ()) -> Any:
    carried, rows = tuple(init), []
    for turn in range(xs[0].shape[0]):
        made = body.run(*carried, *(x[turn] for x in xs), *more)
        carried = tuple(made[: len(init)])
        rows.append(made[len(init) :])
    stacked = [torch.stack(row) for row in zip(*rows, strict=True)] if rows else body.no_rows(len(init))
    return (*carried, *stacked)


def _map(body: _Interpreter, xs: Sequence[Any], more: Sequence[Any] = ()) -> Any:
    return _scan(body, (), xs, more)


_CONTROL: dict[str, Callable[..., Any]] = {
    "cond": _cond,
    "while_loop": _while_loop,
    "scan": _scan,
    "map_impl": _map,
}
