"""What Dynamo captured, as a module for export: which placeholders are constants, tensors, sizes of tensors, or plain numbers.

Enters: the captured graph and its example inputs. Leaves: `Capture`, which exports the graph for given inputs, with the sizes that
Dynamo lets vary kept open, or all of them fixed; and `Entry`, which says whether a plan so made may run on given tensors.

    placeholders   weight, s0, x [s0, 4], n       s0 is size 0 of x; n is a number
    exported       forward(x), s0 = x.shape[0] inside, weight a buffer, n its value at the time

Invariants
- A size is read from its tensor inside the module, so that export sees one symbol for both.
- A number that is no tensor's size is part of the compiled code: another value is another program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.fx.traceback import preserve_node_meta

from compiler.driver import jit_bodies
from compiler.ir.expr import Expr
from compiler.ir.wrapper import Plan
from compiler.wrapper.size_checks import SizeCheck, checks

_SYMBOLS = (torch.SymInt, torch.SymFloat, torch.SymBool)


@dataclass(frozen=True)
class Slot:
    """One placeholder. kind "constant", "tensor" (`open_dims`: the dimensions that vary), "size" (dimension `dim` of the tensor at
    placeholder `of`) or "number"."""

    kind: str
    open_dims: tuple[int, ...] = ()
    of: int = -1
    dim: int = -1


class Capture:
    """A captured graph, and what each of its placeholders is."""

    def __init__(self, graph: torch.fx.GraphModule, example_inputs: Sequence[Any]) -> None:
        self.graph = graph
        self.slots = _slots(graph, example_inputs)
        self.constants = {n: example_inputs[n] for n in self.places("constant")}
        self._tensors, self._numbers = self.places("tensor"), self.places("number")

    def places(self, kind: str) -> list[int]:
        return [n for n, slot in enumerate(self.slots) if slot.kind == kind]

    @property
    def state(self) -> dict[str, torch.Tensor]:
        """The constants by their names in the exported program."""
        return {constant_name(n): value for n, value in self.constants.items()}

    def take_constants(self, inputs: Sequence[Any]) -> bool:
        """From now on those of this call; whether one of them is another tensor than before."""
        if all(inputs[n] is value for n, value in self.constants.items()):
            return False
        self.constants = {n: inputs[n] for n in self.constants}
        return True

    @property
    def varies(self) -> bool:
        """Whether calls may come with other sizes or numbers than the first."""
        return bool(self._numbers) or any(slot.open_dims for slot in self.slots)

    def tensors(self, inputs: Sequence[Any]) -> tuple[Any, ...]:
        """Of a call's inputs those that the exported program takes."""
        return tuple(inputs[n] for n in self._tensors)

    def numbers(self, inputs: Sequence[Any]) -> tuple[Any, ...]:
        """Of a call's inputs those that are part of the compiled code; of symbols, the values they stand for in Dynamo's trace."""
        return tuple(
            x.node.hint if isinstance(x, _SYMBOLS) else x for x in (inputs[n] for n in self._numbers)
        )

    def export(self, inputs: Sequence[Any], keep_open: bool) -> torch.export.ExportedProgram:
        """The program for these inputs. `keep_open`: the sizes that vary stay symbols where the graph allows it."""
        open_dims = tuple(
            dict.fromkeys(self.slots[n].open_dims, torch.export.Dim.AUTO) if keep_open else {}
            for n in self._tensors
        )
        module = _Module(self, dict(zip(self._numbers, self.numbers(inputs), strict=True)))
        # Export marks the tensors whose sizes it leaves open, and reads such marks: each call of it gets tensors of its own.
        fresh = tuple(x.detach() for x in self.tensors(inputs))
        shapes = {"inputs": open_dims} if any(open_dims) else None
        return torch.export.export(module, fresh, dynamic_shapes=shapes, strict=False)


class Entry:
    """What a plan asks of its inputs, worked out once: every call of a graph whose sizes vary is held against it."""

    def __init__(self, plan: Plan) -> None:
        self._inputs, self._symbols = plan.inputs, plan.symbols
        # Each size is compared below, whatever it is made of.
        self._checks = [check for check in checks(plan) if check.kind != "size"]

    def accepts(self, tensors: Sequence[torch.Tensor]) -> bool:
        """Whether the sizes and strides of these tensors are among those that the plan was made for."""
        dims = [
            (e, size)
            for slot, tensor in zip(self._inputs, tensors, strict=True)
            for e, size in zip(slot.layout.size, tensor.shape, strict=True)
        ]
        if any((e.lo is not None and n < e.lo) or (e.hi is not None and n > e.hi) for e, n in dims):
            return False
        values: dict[Expr, int] = {}
        for s in self._symbols:
            rest = s.rest.evaluate(values)
            values[s.symbol] = (tensors[s.input_index].shape[s.dim] - rest) // s.scale
        return all(size == e.evaluate(values) for e, size in dims) and all(
            _holds(check, tensors, values) for check in self._checks
        )


def _holds(check: SizeCheck, tensors: Sequence[torch.Tensor], values: dict[Expr, int]) -> bool:
    if check.guard is not None:
        mapping: dict[Expr, Expr | int] = dict(values.items())
        return check.guard.subst(mapping).known() is not False
    stride = tensors[check.input_index].stride(check.dim)
    return check.value is not None and stride == check.value.evaluate(values)


def _slots(graph: torch.fx.GraphModule, example_inputs: Sequence[Any]) -> list[Slot]:
    placeholders = [node for node in graph.graph.nodes if node.op == "placeholder"]
    traced = [
        node.meta.get("example_value", value)
        for node, value in zip(placeholders, example_inputs, strict=True)
    ]
    sizes: dict[Any, tuple[int, int]] = {}
    open_dims: dict[int, tuple[int, ...]] = {}
    for n, value in enumerate(traced):
        if isinstance(value, torch.Tensor) and not _is_constant(example_inputs[n]):
            shape: list[Any] = list(value.shape)
            symbolic = [(d, s) for d, s in enumerate(shape) if isinstance(s, torch.SymInt)]
            open_dims[n] = tuple(d for d, _ in symbolic)
            for d, size in symbolic:
                sizes.setdefault(size.node.expr, (n, d))
    return [_slot(n, value, traced[n], sizes, open_dims) for n, value in enumerate(example_inputs)]


def _slot(
    n: int, value: Any, traced: Any, sizes: dict[Any, tuple[int, int]], open_dims: dict[int, tuple[int, ...]]
) -> Slot:
    if _is_constant(value):
        return Slot("constant")
    if isinstance(value, torch.Tensor):
        return Slot("tensor", open_dims.get(n, ()))
    if isinstance(traced, torch.SymInt) and traced.node.expr in sizes:
        of, dim = sizes[traced.node.expr]
        return Slot("size", of=of, dim=dim)
    return Slot("number")


def constant_name(n: int) -> str:
    """Of the constant at placeholder n, as a buffer."""
    return f"constant_{n}"


def _is_constant(value: Any) -> bool:
    """Whether an input of the graph is a parameter or a buffer of the module: Dynamo marks these as static."""
    return isinstance(value, torch.nn.Parameter) or hasattr(value, "_dynamo_static_input_type")


class _Module(torch.nn.Module):
    """The captured graph with its parameters and numbers inside. Nodes keep the source lines that Dynamo gave them."""

    def __init__(self, capture: Capture, numbers: dict[int, Any]) -> None:
        super().__init__()
        self.graph_module, self.slots, self.numbers = capture.graph, capture.slots, numbers
        for n, value in capture.constants.items():
            self.register_buffer(constant_name(n), value.detach())

    def forward(self, *inputs: torch.Tensor) -> Any:
        remaining = iter(inputs)
        given = {n: next(remaining) for n, slot in enumerate(self.slots) if slot.kind == "tensor"}
        with preserve_node_meta():
            args = [self._argument(n, slot, given) for n, slot in enumerate(self.slots)]
            return jit_bodies.Interpreter(self.graph_module).run(*args)

    def _argument(self, n: int, slot: Slot, given: dict[int, torch.Tensor]) -> Any:
        if slot.kind == "size":
            return given[slot.of].shape[slot.dim]
        return getattr(self, constant_name(n)) if slot.kind == "constant" else {**given, **self.numbers}[n]
