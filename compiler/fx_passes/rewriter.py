"""Edits a `ModelGraph`: new calls with the metadata that every node must have, new constants, replacement of nodes.

Invariant: what a rewriter makes has `meta["val"]` (from running the operator on fake tensors) and `meta["origin"]` (of the node that it stands for).

    with r.at(node):
        r.replace(node, r.call(aten.linear.default, x, weight, bias))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.fx
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from compiler.ir.graph import GraphConstant, ModelGraph
from compiler.support.origins import Origin

aten = torch.ops.aten


class Rewriter:
    """One pass's hold on a graph. Nodes that lose all users are removed by `finish`."""

    def __init__(self, model: ModelGraph) -> None:
        self.model = model
        self.graph = model.module.graph
        self._constants = {c.placeholder: c for c in model.constants}
        self._origin = Origin("", "")

    def calls(self, *names: str) -> list[torch.fx.Node]:
        """The calls of these operators (all calls without names), in graph order."""
        return [n for n in self.graph.nodes if n.op == "call_function" and (not names or str(n.target) in names)]

    @contextmanager
    def at(self, node: torch.fx.Node) -> Iterator[None]:
        """New nodes go before `node` and carry its origin."""
        outer, self._origin = self._origin, node.meta["origin"]
        with self.graph.inserting_before(node):
            yield
        self._origin = outer

    def call(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> torch.fx.Node:
        """A new call."""
        node = self.graph.call_function(target, args, kwargs)
        fake_args, fake_kwargs = torch.fx.map_arg((args, kwargs), lambda n: n.meta["val"])
        with _fake_mode(fake_args):
            node.meta["val"] = target(*fake_args, **fake_kwargs)
        node.meta["origin"] = self._origin
        return node

    def replace(self, old: torch.fx.Node, new: torch.fx.Node) -> None:
        old.replace_all_uses_with(new)

    # -- constants ---------------------------------------------------------------------------------------------------

    def constant(self, node: object) -> GraphConstant | None:
        """The constant that this node is the placeholder of."""
        return self._constants.get(node.name) if isinstance(node, torch.fx.Node) else None

    def tensor(self, node: object) -> torch.Tensor | None:
        """The data of a constant."""
        found = self.constant(node)
        return None if found is None else self.model.data[found.fqn]

    def new_constant(self, name: str, data: torch.Tensor) -> torch.fx.Node:
        """A folded constant, as a placeholder at the top of the graph."""
        key, n = name, 1
        while key in self.model.data:
            n += 1
            key = f"{name}.{n}"
        identifier = "c_" + "".join(c if c.isalnum() else "_" for c in key)
        first = next(iter(self.graph.nodes))
        with self.graph.inserting_before(first):
            node = self.graph.placeholder(identifier)
        mode = next(n.meta["val"].fake_mode for n in self.graph.nodes if isinstance(n.meta.get("val"), FakeTensor))
        node.meta["val"] = mode.from_tensor(data, static_shapes=True)
        node.meta["origin"] = self._origin
        entry = GraphConstant(node.name, key, "folded")
        self.model.constants.append(entry)
        self._constants[node.name] = entry
        self.model.data[key] = data
        return node

    def finish(self) -> ModelGraph:
        """Removes what nothing uses: calls, and constants with their data."""
        for node in reversed(list(self.graph.nodes)):
            unused_constant = node.op == "placeholder" and node.name in self._constants
            if not node.users and (node.op == "call_function" or unused_constant):
                self.graph.erase_node(node)
        alive = {n.name for n in self.graph.nodes if n.op == "placeholder"}
        self.model.constants = [c for c in self.model.constants if c.placeholder in alive]
        kept = {c.fqn for c in self.model.constants}
        self.model.data = {k: v for k, v in self.model.data.items() if k in kept}
        return self.model


def value(node: object) -> torch.Tensor:
    """The fake tensor of a node."""
    assert isinstance(node, torch.fx.Node)
    found = node.meta["val"]
    assert isinstance(found, torch.Tensor)
    return found


def shape(node: object) -> list[int]:
    return [int(s) for s in value(node).shape]


@contextmanager
def _fake_mode(args: Any) -> Iterator[None]:
    """The fake mode of the first fake tensor among the arguments."""
    flat = torch.utils._pytree.tree_leaves(args)
    mode: FakeTensorMode | None = next((a.fake_mode for a in flat if isinstance(a, FakeTensor)), None)
    if mode is None:
        mode = FakeTensorMode()
    with mode, torch.no_grad():
        yield
