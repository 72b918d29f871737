"""Numbers that Dynamo hands to the bodies of branches and loops, made part of the bodies.

Dynamo lifts every size that it lets vary into an operand of `cond`, `while_loop`, `scan` and `map`. Export takes tensors there and fails
in its naming of placeholders otherwise. `Interpreter` runs a captured graph for export and writes such numbers into copies of the bodies.

    cond(pred, f, g, (x, 4))  f(x, n): x[:n]     ->     cond(pred, f', g', (x,))  f'(x): x[:4]

A number that is still open is refused: its bodies would need a parameter. Jit then compiles the graph for these sizes alone.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch._ops import HigherOrderOperator
from torch.fx.node import map_arg

from compiler.support.diagnostics import UserError

_OPEN = (torch.SymInt, torch.SymFloat, torch.SymBool)
_NUMBERS = (int, float, bool)


class Interpreter(torch.fx.Interpreter):
    """Runs a graph; operands of higher-order operators are tensors only where that can be."""

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if isinstance(target, HigherOrderOperator):
            args = tensors_only(str(target), args)
        return super().call_function(target, args, kwargs)


def tensors_only(name: str, args: Sequence[Any]) -> tuple[Any, ...]:
    """The arguments of a higher-order operator, without the numbers among its last operands. Bodies take the operands of all its lists,
    in order; the lists before the last are carried from turn to turn, so that numbers there are left alone. Raises UserError for a
    number that is not known yet."""
    lists = [n for n, a in enumerate(args) if isinstance(a, (tuple, list))]
    if not lists or not any(isinstance(x, (*_OPEN, *_NUMBERS)) for x in args[lists[-1]]):
        return tuple(args)
    if any(isinstance(x, _OPEN) for x in args[lists[-1]]):
        raise UserError(f"{name} takes a size that varies: it can be compiled for fixed sizes only")
    before = sum(len(args[n]) for n in lists[:-1])
    numbers = {before + n: x for n, x in enumerate(args[lists[-1]]) if isinstance(x, _NUMBERS)}
    return tuple(
        type(a)(x for x in a if not isinstance(x, _NUMBERS))
        if n == lists[-1]
        else _with_numbers(a, numbers)
        if isinstance(a, torch.fx.GraphModule)
        else a
        for n, a in enumerate(args)
    )


def _with_numbers(body: torch.fx.GraphModule, numbers: dict[int, Any]) -> torch.fx.GraphModule:
    """The body with these of its placeholders replaced by numbers, in the bodies inside it too."""
    graph = copy.deepcopy(body.graph)
    values = {node: numbers[n] for n, node in enumerate(graph.find_nodes(op="placeholder")) if n in numbers}
    for node in graph.nodes:
        node.args = map_arg(node.args, lambda a: values.get(a, a))
        node.kwargs = map_arg(node.kwargs, lambda a: values.get(a, a))
    for placeholder in values:
        graph.erase_node(placeholder)
    closed = torch.fx.GraphModule(body, graph)
    for node in graph.nodes:
        if isinstance(node.target, HigherOrderOperator):
            _close_bodies(closed, node)
    closed.recompile()
    return closed


def _close_bodies(module: torch.fx.GraphModule, node: torch.fx.Node) -> None:
    """A call inside a body: its bodies are attributes of the module, and get copies that this call alone uses."""
    given = [_body(module, a) or a for a in node.args]
    args = tensors_only(str(node.target), given)
    for n, (old, new) in enumerate(zip(given, args, strict=True)):
        if isinstance(new, torch.fx.GraphModule):
            if new is not old:
                module.add_submodule(f"{node.name}_body_{n}", new)
                with module.graph.inserting_before(node):
                    node.update_arg(n, module.graph.get_attr(f"{node.name}_body_{n}"))
        else:
            node.update_arg(n, new)


def _body(module: torch.fx.GraphModule, argument: Any) -> torch.fx.GraphModule | None:
    if not isinstance(argument, torch.fx.Node) or argument.op != "get_attr":
        return None
    found = getattr(module, str(argument.target), None)
    return found if isinstance(found, torch.fx.GraphModule) else None
