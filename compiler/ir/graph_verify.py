"""Checks the invariants of a Graph IR (listed in `graph.py`). A violation is an InternalError that names the graph, the node and the rule.

`verify(graph)` after the frontend and after the FX passes: one pass over the nodes of the graph and of its blocks, no data is read, so it
is cheap enough to run always (0.3 ms for 200 nodes). The order of nodes is checked here and not by `torch.fx.Graph.lint`, whose errors
are RuntimeErrors that do not say in which block the node is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
import torch.fx

from compiler.ir.graph import GraphConstant, GraphInput, ModelGraph
from compiler.support.diagnostics import InternalError

OPS = frozenset(("placeholder", "get_attr", "call_function", "output"))


def verify(graph: ModelGraph) -> None:
    """Raises InternalError for the first rule that the graph or a block of it breaks."""
    _Verifier(graph).run()
    for block in graph.blocks.values():
        verify(block)


class _Verifier:
    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self.nodes: list[torch.fx.Node] = list(graph.module.graph.nodes)
        self.signature: list[GraphInput | GraphConstant] = [*graph.inputs, *graph.constants]
        self.placeholders = {n.name: n for n in self.nodes if n.op == "placeholder"}

    def run(self) -> None:
        self._order()
        self._signature()
        for constant in self.graph.constants:
            self._data(constant)
        for node in self.nodes:
            self._metadata(node)
        self._blocks()
        for node in self.nodes:
            self._bodies(node)
        self._outputs()
        self._mutations()

    def _fail(self, name: str, why: str) -> None:
        raise InternalError(f"Graph IR {self.graph.name}, {name}: {why}")

    def _order(self) -> None:
        """Nodes have names of their own, and use only nodes of this graph that come before them."""
        seen: set[torch.fx.Node] = set()
        names: set[str] = set()
        for node in self.nodes:
            if node.op not in OPS:
                self._fail(node.name, f"{node.op} is no kind of node of Graph IR")
            if node.name in names:
                self._fail(node.name, "another node has the same name")
            for operand in node.all_input_nodes:
                if operand not in seen:
                    self._fail(node.name, f"uses {operand.name}, which is not defined before it")
            seen.add(node)
            names.add(node.name)

    def _signature(self) -> None:
        """Placeholders, and inputs and constants: each has exactly one of the other."""
        described = Counter([s.placeholder for s in self.signature])
        for name, times in described.items():
            if name not in self.placeholders:
                self._fail(name, "an input or constant of the signature is no placeholder of the graph")
            if times > 1:
                self._fail(name, f"the placeholder belongs to {times} inputs and constants, not to one")
        for name in self.placeholders:
            if name not in described:
                self._fail(name, "the placeholder belongs to no input and no constant")
        for kind, entries in (("inputs", self.graph.inputs), ("constants", self.graph.constants)):
            listed = [e.placeholder for e in entries]
            members = set(listed)
            if listed != [name for name in self.placeholders if name in members]:
                self._fail(kind, "are not in the order of their placeholders")

    def _data(self, constant: GraphConstant) -> None:
        """The data of a constant is what its placeholder says."""
        data = self.graph.data.get(constant.fqn)
        if data is None:
            self._fail(constant.placeholder, f"the constant {constant.fqn!r} has no data")
            return
        said = self.placeholders[constant.placeholder].meta.get("val")
        if not isinstance(said, torch.Tensor):
            self._fail(constant.placeholder, f"meta 'val' of a constant is {type(said).__name__}, no tensor")
            return
        if (said.dtype, tuple(said.shape)) != (data.dtype, tuple(data.shape)):
            self._fail(
                constant.placeholder,
                f"meta 'val' is {_type(said)}, the data of {constant.fqn!r} is {_type(data)}",
            )

    def _metadata(self, node: torch.fx.Node) -> None:
        wanted = {"placeholder": ("val",), "call_function": ("val", "origin")}.get(node.op, ())
        for key in wanted:
            if key not in node.meta:
                self._fail(node.name, f"has no meta {key!r}")

    def _blocks(self) -> None:
        """get_attr nodes name blocks, and blocks are the sub-modules that they name."""
        for node in self.nodes:
            if node.op == "get_attr" and node.target not in self.graph.blocks:
                self._fail(node.name, f"names {node.target}, which is no block of the graph")
        for target, block in self.graph.blocks.items():
            if getattr(self.graph.module, target, None) is not block.module:
                self._fail(target, "the block is not the sub-module of that name")

    def _bodies(self, node: torch.fx.Node) -> None:
        """Branches, and the body of a loop, return what the call does: as many tensors, of the same types and fixed sizes."""
        bodies = {"cond": node.args[1:3], "while_loop": node.args[1:2]}.get(str(node.target), ())
        for body in bodies:
            if not isinstance(body, torch.fx.Node) or body.target not in self.graph.blocks:
                self._fail(node.name, f"{body} of {node.target} is no block of the graph")
                continue
            returned = list(self.graph.blocks[str(body.target)].module.graph.nodes)[-1].args[0]
            made = [r.meta.get("val") if isinstance(r, torch.fx.Node) else r for r in _flat(returned)]
            wanted = _flat(node.meta["val"])
            if len(made) != len(wanted):
                self._fail(node.name, f"{body.target} returns {len(made)} values, the call {len(wanted)}")
            for number, (one, other) in enumerate(zip(made, wanted, strict=True)):
                if not _same_type(one, other):
                    self._fail(
                        node.name,
                        f"result {number} of {body.target} is {_said(one)}, that of the call {_said(other)}",
                    )

    def _returned(self) -> Sequence[object]:
        """The elements of the output node, which is the last."""
        if not self.nodes or [n for n in self.nodes if n.op == "output"] != self.nodes[-1:]:
            self._fail("output", "the graph does not end in its only output node")
        values = self.nodes[-1].args[0]
        if not isinstance(values, (tuple, list)):
            self._fail(self.nodes[-1].name, "returns one value, not a flat tuple")
            return ()
        return values

    def _outputs(self) -> None:
        returned, described = len(self._returned()), len(self.graph.outputs)
        if returned != described:
            self._fail(
                self.nodes[-1].name, f"returns {returned} values, the signature has {described} outputs"
            )

    def _mutations(self) -> None:
        """An output that mutates names an input or constant that says so, and the other way round."""
        marked = {s.placeholder for s in self.signature if s.mutated}
        targets = Counter([o.mutates for o in self.graph.outputs if o.mutates])
        for name, times in targets.items():
            if name not in self.placeholders:
                self._fail(name, "an output mutates it, but it is no input or constant")
            if name not in marked:
                self._fail(name, "an output mutates it, but it is not marked as mutated")
            if times > 1:
                self._fail(name, f"{times} outputs mutate it")
        for name in sorted(marked - set(targets)):
            self._fail(name, "it is marked as mutated, but no output is its new value")


def _flat(values: object) -> list[object]:
    return list(values) if isinstance(values, (tuple, list)) else [values]


def _same_type(one: object, other: object) -> bool:
    """Sizes that are no plain numbers are left to what made them: the same size can be written in two ways."""
    if not isinstance(one, torch.Tensor) or not isinstance(other, torch.Tensor):
        return isinstance(one, torch.Tensor) == isinstance(other, torch.Tensor)
    return (
        one.dtype == other.dtype
        and one.dim() == other.dim()
        and all(
            a == b
            for a, b in zip(one.shape, other.shape, strict=True)
            if isinstance(a, int) and isinstance(b, int)
        )
    )


def _said(value: object) -> str:
    return _type(value) if isinstance(value, torch.Tensor) else str(value)


def _type(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"
