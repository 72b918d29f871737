"""Reads the text that `graph_text.print_graph` writes: `print_graph(parse_graph(text)) == text`.

The data of constants is not in the text: give it as `data` (by name), or do without, in which case the graph does not verify before it
has it. Operators must be registered: those of PyTorch are, a model's custom ones after its `.pt2` was read. The text is data from
outside: whatever does not parse is a `ValueError` that names the line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.fx

from compiler.ir.expr import Expr
from compiler.ir.expr_parse import parse_range
from compiler.ir.graph import GraphConstant, GraphInput, GraphOutput, ModelGraph
from compiler.ir.graph_values import ValueReader, named_operator
from compiler.ir.guard import parse_guard
from compiler.ir.recipe import parse_original, parse_recipe
from compiler.ir.text_scanner import Scanner
from compiler.support.origins import Origin

CONSTANT_KINDS = ("parameter", "buffer", "tensor", "folded")


def parse_graph(text: str, data: Mapping[str, torch.Tensor] | None = None) -> ModelGraph:
    """The graph of the text. Raises ValueError naming the line that cannot be read."""
    lines = [line for line in text.split("\n") if line.strip()]
    return _Parser(lines, dict(data or {}), {}).graph()


class _Parser:
    def __init__(self, lines: list[str], data: dict[str, torch.Tensor], symbols: Mapping[str, Expr]) -> None:
        self.lines = lines
        self.position = 0
        self.symbols = dict(symbols)
        self.fx = torch.fx.Graph()
        self.nodes: dict[str, torch.fx.Node] = {}
        self.returned: list[Any] = []
        self.modules: dict[str, torch.nn.Module] = {}
        module = torch.fx.GraphModule({}, torch.fx.Graph())
        self.result = ModelGraph("", module, [], [], [], data)

    def graph(self) -> ModelGraph:
        readers: dict[str, Callable[[Scanner], None]] = {
            "graph": self._name, "meta": self._meta, "in_spec": self._spec("in_spec"), "out_spec": self._spec("out_spec"),
            "call_info": self._spec("call_info"), "symbol": self._symbol, "guard": self._guard, "input": self._input,
            "constant": self._constant, "original": self._original, "recipe": self._recipe, "output": self._output, "block": self._block,
        }  # fmt: skip
        while self.position < len(self.lines):
            line = self.lines[self.position]
            self.position += 1
            s = Scanner(line)
            try:
                if s.next_is("%"):
                    self._node(s)
                else:
                    word = s.word()
                    if word not in readers:
                        raise ValueError(f"expected one of {', '.join(readers)} or a %node, got {word!r}")
                    readers[word](s)
                s.end()
            except _Located as error:
                raise ValueError(str(error)) from None
            except (ValueError, KeyError, IndexError, TypeError, RuntimeError) as error:
                raise _Located(f"Graph IR line {line.strip()!r}: {error}") from None
        return self._finished()

    def _finished(self) -> ModelGraph:
        named = {str(node.target) for node in self.nodes.values() if node.op == "get_attr"}
        if named - set(self.modules):
            raise ValueError(
                f"Graph IR {self.result.name}: no block {min(named - set(self.modules))} in the text"
            )
        output = self.fx.output(tuple(self.returned))
        output.meta["origin"] = Origin(output.name, "output")
        self.result.module = torch.fx.GraphModule(self.modules, self.fx)
        return self.result

    # -- head of the graph -------------------------------------------------------------------------------------------

    def _name(self, s: Scanner) -> None:
        self.result.name = s.word()
        self.result.canonical = s.skip("canonical")

    def _spec(self, field: str) -> Callable[[Scanner], None]:
        return lambda s: setattr(self.result, field, s.string())

    def _meta(self, s: Scanner) -> None:
        key = s.string()
        self.result.meta[key] = s.string()

    def _symbol(self, s: Scanner) -> None:
        name = s.word()
        s.expect("in")
        self.symbols[name] = parse_range(name, s.bracketed())

    def _guard(self, s: Scanner) -> None:
        text = s.bracketed()
        self.result.guards.append(parse_guard(text, self.symbols, _location(s)))

    def _original(self, s: Scanner) -> None:
        self.result.originals.append(parse_original(s.rest()))

    def _recipe(self, s: Scanner) -> None:
        fqn = s.string()
        s.expect("=")
        self.result.recipes[fqn] = parse_recipe(s.rest())

    # -- signature ---------------------------------------------------------------------------------------------------

    def _input(self, s: Scanner) -> None:
        name = s.word()
        s.expect("->")
        node = self._place(self._new_name(s), s)
        node.meta["origin"] = Origin(self.result.origin_name(node.name), node.name)
        position = int(s.word()) if s.skip("position") else 0
        mutated = s.skip("mutated")
        device = s.word() if s.skip("on") else ""
        self.result.inputs.append(GraphInput(node.name, name, _location(s), mutated, position, device))

    def _constant(self, s: Scanner) -> None:
        name = self._new_name(s)
        fqn, kind = s.string(), s.word()
        if kind not in CONSTANT_KINDS:
            raise ValueError(f"expected a constant's kind ({', '.join(CONSTANT_KINDS)}), got {kind!r}")
        node = self._place(name, s)
        self.result.constants.append(GraphConstant(name, fqn, kind, s.skip("mutated")))
        node.meta["origin"] = self._origin(s, name, name)

    def _place(self, name: str, s: Scanner) -> torch.fx.Node:
        s.expect(":")
        node = self.fx.placeholder(name)
        node.meta["val"] = self._values(s).type()
        return self._named(node, name)

    def _output(self, s: Scanner) -> None:
        name = s.word()
        s.expect("=")
        self.returned.append(self._values(s).value())
        stride = self._values(s).sizes() if s.skip("stride") else None
        mutates = self._values(s).node().name if s.skip("mutates") else ""
        self.result.outputs.append(GraphOutput(name, mutates, stride, s.word() if s.skip("on") else ""))

    # -- nodes -------------------------------------------------------------------------------------------------------

    def _node(self, s: Scanner) -> None:
        name = self._new_name(s)
        s.expect("=")
        if s.skip("block"):
            self._named(self.fx.create_node("get_attr", s.word(), (), {}, name), name)
            return
        operator_name = s.name()
        args, kwargs = self._values(s).arguments()
        node = self.fx.create_node("call_function", named_operator(operator_name), args, kwargs, name)
        s.expect(":")
        node.meta["val"] = self._values(s).type()
        node.meta["origin"] = self._origin(s, name, operator_name)
        self._named(node, name)

    def _origin(self, s: Scanner, name: str, own_operator: str) -> Origin:
        own = (self.result.origin_name(name), own_operator)
        node, aten_op = (s.string(), s.string()) if s.skip("from") else own
        return Origin(node, aten_op, _location(s))

    def _new_name(self, s: Scanner) -> str:
        name = s.word().removeprefix("%")
        if not name.isidentifier():
            raise ValueError(f"expected a %name, got {name!r}")
        if name in self.nodes:
            raise ValueError(f"%{name} is defined twice")
        return name

    def _named(self, node: torch.fx.Node, name: str) -> torch.fx.Node:
        # FX avoids names such as `input`; the text's name is the one that counts.
        node.name = name
        self.nodes[name] = node
        return node

    def _values(self, s: Scanner) -> ValueReader:
        return ValueReader(s, self.nodes, self.symbols)

    # -- blocks ------------------------------------------------------------------------------------------------------

    def _block(self, s: Scanner) -> None:
        target = s.word()
        begin = self.position
        while self.position < len(self.lines) and self.lines[self.position].startswith("  "):
            self.position += 1
        inner = [line[2:] for line in self.lines[begin : self.position]]
        block = _Parser(inner, self.result.data, self.symbols).graph()
        block.data = {c.fqn: self.result.data[c.fqn] for c in block.constants if c.fqn in self.result.data}
        self.result.blocks[target] = block
        self.modules[target] = block.module


class _Located(ValueError):
    """An error whose text names its line already."""


def _location(s: Scanner) -> str:
    return s.string() if s.skip("at") else ""
