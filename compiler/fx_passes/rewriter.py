"""Edits a `ModelGraph`: new calls with the metadata that every node must have, new constants, replacement of
nodes.

Invariant: what a rewriter makes has `meta["val"]` (by `type_rules`, or from running the operator on tensors without data) and
`meta["origin"]` (of the node that it stands for).

    with r.at(node):
        r.replace(node, r.call(aten.linear.default, x, weight, bias))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.fx

from compiler.fx_passes.type_rules import type_of
from compiler.ir.expr import Expr
from compiler.ir.graph import GraphConstant, ModelGraph, gives_sizes
from compiler.ir.recipe import Fixed, Recipe
from compiler.ir.size_float import SizeFloat
from compiler.ir.tensor_type import SizedTensor
from compiler.support.origins import Origin

aten = torch.ops.aten


class Rewriter:
    """One pass's hold on a graph. Nodes that lose all users are removed by `finish`."""

    def __init__(self, model: ModelGraph) -> None:
        self.model = model
        self.graph = model.module.graph
        self._constants = {c.placeholder: c for c in model.constants if not c.mutated}
        self._origin = Origin("", "")

    def calls(self, *names: str) -> list[torch.fx.Node]:
        """The calls of these operators (all calls without names), in graph order."""
        return [
            n for n in self.graph.nodes if n.op == "call_function" and (not names or str(n.target) in names)
        ]

    @contextmanager
    def at(self, node: torch.fx.Node) -> Iterator[None]:
        """New nodes go before `node` and carry its origin."""
        outer, self._origin = self._origin, node.meta["origin"]
        with self.graph.inserting_before(node):
            yield
        self._origin = outer

    def call(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> torch.fx.Node:
        """A new call with its type and origin."""
        shapes, options = torch.fx.map_arg((args, kwargs), lambda n: n.meta["val"])
        result = type_of(str(target), shapes)
        if result is None:
            with torch.no_grad():
                result = target(*shapes, **options)
        return self._call(target, args, kwargs, torch.utils._pytree.tree_map(_without_data, result))

    def call_like(self, old: torch.fx.Node, *args: Any, **kwargs: Any) -> torch.fx.Node:
        """The operator of `old` on other arguments, with the same type of result."""
        assert callable(old.target)
        return self._call(old.target, args, kwargs, old.meta["val"])

    def _call(
        self, target: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], val: object
    ) -> torch.fx.Node:
        node = self.graph.call_function(target, args, kwargs)
        node.meta["val"] = val
        node.meta["origin"] = self._origin
        return node

    def where(self, condition: torch.fx.Node, x: float, y: float, dtype: torch.dtype) -> torch.fx.Node:
        """x where the condition holds, else y."""
        numbers = [self.call(aten.full.default, [], float(v), dtype=dtype) for v in (x, y)]
        return self.call(aten.where.self, condition, *numbers)

    def replace(self, old: torch.fx.Node, new: torch.fx.Node) -> None:
        old.replace_all_uses_with(new)

    # -- constants ---------------------------------------------------------------------------------------------------

    def constant(self, node: object) -> GraphConstant | None:
        """The constant that this node is the placeholder of. What the model changes while it runs is none."""
        return self._constants.get(node.name) if isinstance(node, torch.fx.Node) else None

    def tensor(self, node: object) -> torch.Tensor | None:
        """The data of a constant."""
        found = self.constant(node)
        return None if found is None else self.model.data[found.fqn]

    def recipe(self, node: object) -> Recipe | Fixed:
        """How a constant is made of the model's originals."""
        found = self.constant(node)
        assert found is not None
        return self.model.recipe(found.fqn)

    def new_constant(self, name: str, data: torch.Tensor, recipe: Recipe | Fixed) -> torch.fx.Node:
        """A folded constant, as a placeholder at the top of the graph. `recipe` says how `data` was made."""
        key, n = name, 1
        while key in self.model.data:
            n += 1
            key = f"{name}.{n}"
        identifier = "c_" + "".join(c if c.isalnum() else "_" for c in key)
        first = next(iter(self.graph.nodes))
        with self.graph.inserting_before(first):
            node = self.graph.placeholder(identifier)
        node.meta["val"] = _without_data(data)
        node.meta["origin"] = self._origin
        entry = GraphConstant(node.name, key, "folded")
        self.model.constants.insert(0, entry)
        self._constants[node.name] = entry
        self.model.data[key] = data
        self.model.recipes[key] = recipe
        return node

    def finish(self) -> ModelGraph:
        """Removes what nothing uses: calls, and constants with their data."""
        for node in reversed(list(self.graph.nodes)):
            unused_constant = node.op == "placeholder" and node.name in self._constants
            unused_call = node.op == "call_function" and not gives_sizes(node)
            if not node.users and (unused_call or unused_constant):
                self.graph.erase_node(node)
        alive = {n.name for n in self.graph.nodes if n.op == "placeholder"}
        self.model.constants = [c for c in self.model.constants if c.placeholder in alive]
        kept = {c.fqn for c in self.model.constants}
        self.model.data = {k: v for k, v in self.model.data.items() if k in kept}
        return self.model


def value(node: object) -> torch.Tensor:
    """The tensor without data that stands for a node."""
    assert isinstance(node, torch.fx.Node)
    found = node.meta["val"]
    assert isinstance(found, torch.Tensor)
    return found


def argument(node: torch.fx.Node, position: int, name: str = "") -> Any:
    """An argument by position, or by name where it was given so; None where it is absent."""
    return node.args[position] if len(node.args) > position else node.kwargs.get(name)


def shape(node: object) -> list[Any]:
    """Sizes: integers, or expressions where they are known at run time only."""
    return list(value(node).shape)


def depends_on_sizes(node: torch.fx.Node) -> bool:
    """Whether an argument is a number that is known at run time only."""
    leaves = torch.utils._pytree.tree_leaves((node.args, node.kwargs))
    return any(isinstance(leaf, (Expr, SizeFloat)) for leaf in leaves)


def _without_data(value: object) -> object:
    """A tensor's size, strides and type on the meta device."""
    if not isinstance(value, torch.Tensor) or isinstance(value, SizedTensor):
        return value
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
