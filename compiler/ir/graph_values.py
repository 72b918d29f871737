"""Arguments and types of Graph IR from text: the inverse of `graph_text.print_value` and `print_type`.

Enters: a scanner at the place where one begins. Leaves: the value, and the scanner behind it; ValueError says what was expected.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.fx

from compiler.ir.expr import Expr
from compiler.ir.expr_parse import parse_expr, parse_exprs
from compiler.ir.guard import parse_guard
from compiler.ir.size_float import parse_size_float
from compiler.ir.tensor_type import tensor_type
from compiler.ir.text_scanner import Scanner

_NUMBER = re.compile(r"[-+]?(?:inf|nan|\d[\w.]*(?:(?<=e)[-+]\d+)?)")
_KEYWORD = re.compile(r"[A-Za-z_]\w*=")
_WORDS = {"None": None, "True": True, "False": False}
# Values that print as attributes of torch.
_TORCH_KINDS = (torch.dtype, torch.layout, torch.memory_format)


class ValueReader:
    """Reads on from where its scanner is."""

    def __init__(self, s: Scanner, nodes: Mapping[str, torch.fx.Node], symbols: Mapping[str, Expr]) -> None:
        self.s = s
        self.nodes = nodes
        self.symbols = symbols

    def value(self) -> Any:
        """One argument of a call."""
        if self.s.next_is("%"):
            return self.node()
        if self.s.next_is('"'):
            return self.s.string()
        if self.s.next_is("[") or self.s.next_is("("):
            return self._sequence(self.value)
        number = self.s.match(_NUMBER)
        return _number(number) if number else self._named(self.s.name())

    def type(self) -> Any:
        """What a node gives: tensors without data, or a number."""
        if self.s.next_is("[") or self.s.next_is("("):
            return self._sequence(self.type)
        word = self.s.name()
        dtype = getattr(torch, word, None)
        if not isinstance(dtype, torch.dtype):
            return self._named(word)
        sizes = self.sizes()
        self.s.expect("stride")
        return tensor_type(dtype, sizes, self.sizes())

    def sizes(self) -> tuple[int | Expr, ...]:
        """`[2, s0]`; a size that is a number is an int."""
        return tuple(_plain(e) for e in parse_exprs(self.s.bracketed(), self.symbols))

    def node(self) -> torch.fx.Node:
        """`%name` of a node above."""
        self.s.take("%")
        name = self.s.name()
        if name not in self.nodes:
            raise ValueError(f"%{name} is not defined above")
        return self.nodes[name]

    def arguments(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """`(%x, 1, dim=2)`"""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        self.s.take("(")
        while not self.s.taken(")"):
            keyword = self.s.match(_KEYWORD)
            if keyword:
                kwargs[keyword.removesuffix("=")] = self.value()
            elif kwargs:
                raise ValueError("an argument without a name follows one that has one")
            else:
                args.append(self.value())
            if not self.s.next_is(")"):
                self.s.take(",")
        return tuple(args), kwargs

    def _sequence(self, read: Callable[[], Any]) -> list[Any] | tuple[Any, ...]:
        opening, close = ("[", "]") if self.s.next_is("[") else ("(", ")")
        self.s.take(opening)
        found = []
        while not self.s.taken(close):
            found.append(read())
            if not self.s.next_is(close):
                self.s.take(",")
        return found if close == "]" else tuple(found)

    def _named(self, word: str) -> Any:
        if word in _WORDS:
            return _WORDS[word]
        if word == "device":
            self.s.take("(")
            device = torch.device(self.s.string())
            self.s.take(")")
            return device
        if word == "operator":
            self.s.take("(")
            found = named_operator(self.s.string())
            self.s.take(")")
            return found
        if word == "size":
            return _plain(parse_expr(self.s.parenthesised(), self.symbols))
        if word == "check":
            return parse_guard(self.s.parenthesised(), self.symbols)
        if word == "number":
            return parse_size_float(self.s.parenthesised(), self.symbols)
        made = getattr(torch, word.removeprefix("torch."), None) if word.startswith("torch.") else None
        if not isinstance(made, _TORCH_KINDS):
            raise ValueError(f"{word!r} is no value that this text can have")
        return made


def named_operator(name: str) -> Callable[..., Any]:
    """The operator of a name that `graph_text.target_name` gave."""
    if name == "getitem":
        return operator.getitem
    parts = name.split(".")
    found: Any = None
    if len(parts) == 3:
        packet = getattr(getattr(torch.ops, parts[0]), parts[1], None)
        found = getattr(packet, parts[2], None)
    elif len(parts) == 1:
        found = getattr(torch.ops.higher_order, name, None)
    if not callable(found):
        raise ValueError(
            f"there is no operator {json.dumps(name)}: expected one of PyTorch, or a custom one of a .pt2 that is given too"
        )
    return found  # type: ignore[no-any-return]


def _number(text: str) -> int | float:
    return int(text) if re.fullmatch(r"[-+]?\d+", text) else float(text)


def _plain(e: Expr) -> int | Expr:
    return e.value() if e.is_const else e
