"""Reads the text that `loop_text.print_program` writes: `print_program(parse_program(text)) == text`.

The constants' data is not in the text: give it as `data` (by source), or do without. The text is data from
outside: whatever does not parse is a `ValueError` that names the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Union

from compiler.ir import random_symbols
from compiler.ir.dtypes import DType, parse_dtype
from compiler.ir.expr import Expr, as_expr
from compiler.ir.expr_parse import parse_expr, parse_exprs, parse_range
from compiler.ir.guard import parse_guard
from compiler.ir.loop import (
    Body,
    BodyOp,
    Cond,
    Constant,
    CustomKernel,
    ExternKernel,
    Input,
    Layout,
    Mutation,
    Node,
    OutputRef,
    Pointwise,
    Program,
    ReadSize,
    Reduction,
    Result,
    Scan,
    Scatter,
    TemplateKernel,
    TensorRef,
    View,
    While,
    Written,
    indirect_var,
    loop_var,
    reduction_var,
)
from compiler.ir.recipe import parse_original, parse_recipe
from compiler.ir.scalar_ops import SCALAR_OPS
from compiler.ir.size_float import SizeFloat, parse_size_float
from compiler.ir.text_scanner import Scanner
from compiler.support.origins import Origin

Plain = Union[None, bool, int, float, str, Expr, SizeFloat, tuple["Plain", ...]]
Symbols = Mapping[str, Expr]
# How a plain value begins.
_PLAIN = ("none", "bool", "int", "float", "expr", "sizes")


def parse_program(text: str, data: Mapping[str, object] | None = None) -> Program:
    """The program of the text. Raises ValueError naming the line that cannot be read."""
    return _Parser(text, dict(data or {})).program()


class _Parser:
    def __init__(self, text: str, data: dict[str, object], symbols: Symbols | None = None) -> None:
        self.lines = [line for line in text.split("\n") if line.strip()]
        self.position = 0
        self.result = Program("", [], [], [], [], data)
        self.symbols: dict[str, Expr] = {**random_symbols.BY_NAME, **(symbols or {})}

    def program(self) -> Program:
        readers: dict[str, Callable[[Scanner], None]] = {
            "program": self._name, "in_spec": self._in_spec, "out_spec": self._out_spec,
            "call_info": self._call_info, "symbol": self._symbol,
            "guard": self._guard, "input": self._input, "constant": self._constant, "output": self._output, "mutate": self._mutate,
            "original": self._original,
        }  # fmt: skip
        while self.position < len(self.lines):
            s = self._next()
            word = s.word()
            try:
                if word in readers:
                    readers[word](s)
                    s.end()
                else:
                    s.expect("=")
                    self.result.nodes.append(self._node(word, s))
            except (ValueError, KeyError, IndexError) as error:
                raise ValueError(f"loop IR line {self.lines[self.position - 1].strip()!r}: {error}") from None
        return self.result

    def _next(self) -> Scanner:
        self.position += 1
        return Scanner(self.lines[self.position - 1].strip())

    def _details(self) -> list[Scanner]:
        """The indented lines that follow."""
        found = []
        while self.position < len(self.lines) and self.lines[self.position].startswith(" "):
            found.append(self._next())
        return found

    # -- head of the program -----------------------------------------------------------------------------------------

    def _name(self, s: Scanner) -> None:
        self.result.name = s.word()

    def _in_spec(self, s: Scanner) -> None:
        self.result.in_spec = s.string()

    def _out_spec(self, s: Scanner) -> None:
        self.result.out_spec = s.string()

    def _call_info(self, s: Scanner) -> None:
        self.result.call_info = s.string()

    def _symbol(self, s: Scanner) -> None:
        name = s.word()
        s.expect("in")
        self.symbols[name] = parse_range(name, s.bracketed())

    def _guard(self, s: Scanner) -> None:
        text = s.bracketed()
        self.result.guards.append(parse_guard(text, self.symbols, s.string() if s.skip("at") else ""))

    def _input(self, s: Scanner) -> None:
        name, layout = s.word(), self.layout(s)
        device = s.word() if s.skip("on") else ""
        self.result.inputs.append(Input(name, layout, s.string() if s.skip("at") else "", device))

    def _constant(self, s: Scanner) -> None:
        name, layout = s.word(), self.layout(s)
        s.expect("source")
        source = s.string()
        fqn = s.string() if s.skip("fqn") else ""
        kind = s.word() if s.skip("kind") else "unknown"
        packing = s.string() if s.skip("packing") else ""
        transpose = s.skip("transpose")
        digest = s.word() if s.skip("sha256") else ""
        recipe = parse_recipe(s.string()) if s.skip("recipe") else None
        made = Constant(name, layout, source, fqn, packing, transpose, digest, kind, recipe)
        self.result.constants.append(made)

    def _original(self, s: Scanner) -> None:
        self.result.originals.append(parse_original(s.rest()))

    def _mutate(self, s: Scanner) -> None:
        target = s.word()
        s.expect("=")
        self.result.mutations.append(Mutation(target, self.ref(s)))

    def _output(self, s: Scanner) -> None:
        name = s.word()
        s.expect("=")
        value = plain(s, self.symbols) if s.peek() in _PLAIN else self.ref(s)
        assert value is None or isinstance(value, (TensorRef, Expr, SizeFloat, bool, int, float))
        self.result.outputs.append(OutputRef(name, value, s.word() if s.skip("on") else ""))

    # -- nodes -------------------------------------------------------------------------------------------------------

    def layout(self, s: Scanner) -> Layout:
        dtype = parse_dtype(s.word())
        size = self.exprs(s)
        s.expect("stride")
        stride = self.exprs(s)
        offset = self._offset(s) if s.skip("offset") else as_expr(0)
        return Layout(dtype, size, stride, offset, s.word() if s.skip("device") else "cpu")

    def _offset(self, s: Scanner) -> Expr:
        return parse_expr(s.bracketed() if s.next_is("[") else s.word(), self.symbols)

    def exprs(self, s: Scanner) -> tuple[Expr, ...]:
        return parse_exprs(s.bracketed(), self.symbols)

    def ref(self, s: Scanner) -> TensorRef:
        return TensorRef(s.word(), self.layout(s))

    def _node(self, name: str, s: Scanner) -> Node:
        kind, _, variant = s.word().partition(".")
        makers: dict[str, Callable[[str, str, Scanner], Node]] = {
            "pointwise": self._pointwise, "reduction": self._reduction, "scan": self._scan, "scatter": self._scatter,
            "view": self._view, "template": self._template, "extern": self._extern,
            "cond": self._cond, "while": self._while, "result": self._result,
            "custom": self._custom, "size": self._size,
        }  # fmt: skip
        return makers[kind](name, variant, s)

    def _pointwise(self, name: str, _: str, s: Scanner) -> Node:
        layout = self.layout(s)
        s.end()
        origins, rest = self._origins()
        return Pointwise(name, layout, origins, self.body(rest, layout.size))

    def _reduction(self, name: str, kind: str, s: Scanner) -> Node:
        layout = self.layout(s)
        s.expect("over")
        over = self.exprs(s)
        s.expect("acc")
        acc = parse_dtype(s.word())
        origins, rest = self._origins()
        return Reduction(name, layout, origins, over, kind, acc, self.body(rest, layout.size, over))

    def _scan(self, name: str, kind: str, s: Scanner) -> Node:
        layout = self.layout(s)
        s.expect("dim")
        dim = int(s.word())
        s.expect("acc")
        acc = parse_dtype(s.word())
        origins, rest = self._origins()
        return Scan(name, layout, origins, dim, kind, acc, self.body(rest, layout.size))

    def _scatter(self, name: str, mode: str, s: Scanner) -> Node:
        layout = self.layout(s)
        s.expect("over")
        ranges = self.exprs(s)
        s.expect("at")
        index = s.bracketed()
        s.expect("base")
        base = self.ref(s)
        origins, rest = self._origins()
        body, symbols = self._body_and_symbols(rest, ranges)
        return Scatter(name, layout, origins, base, ranges, parse_expr(index, symbols), mode, body)

    def _view(self, name: str, _: str, s: Scanner) -> Node:
        layout = self.layout(s)
        s.expect("of")
        return View(name, layout, self._origins()[0], self.ref(s))

    def _template(self, name: str, _: str, s: Scanner) -> Node:
        template, layout = s.word(), self.layout(s)
        s.expect("over")
        ranges = self.exprs(s)
        origins, rest = self._origins()
        operands, params = [], []
        for line in rest:
            if line.skip("operand"):
                operands.append(self.ref(line))
            else:
                line.expect("param")
                key = line.word()
                line.expect("=")
                params.append((key, plain(line, self.symbols)))
            line.end()
        return TemplateKernel(name, layout, origins, template, tuple(operands), tuple(params), ranges)  # type: ignore[arg-type]

    def _extern(self, name: str, _: str, s: Scanner) -> Node:
        function, layout = s.word(), self.layout(s)
        s.expect("op")
        op = s.string()
        origins, rest = self._origins()
        args: list[object] = []
        for line in rest:
            if line.skip("operand"):
                args.append(self.ref(line))
            else:
                line.expect("argument")
                args.append(plain(line, self.symbols))
            line.end()
        return ExternKernel(name, layout, origins, function, tuple(args), op)

    def _custom(self, name: str, _: str, s: Scanner) -> Node:
        layout, schema = self.layout(s), s.string()
        origins, rest = self._origins()
        lists: list[list[object]] = [[]]
        bases: list[TensorRef | None] = []
        for line in rest:
            if line.skip("base"):
                bases.append(None if line.skip("none") else self.ref(line))
            elif line.skip("written"):
                lists[-1].append(Written(int(line.word()), self.layout(line)))
            elif line.skip("list"):
                lists.append([])
            elif line.skip("end"):
                inner = tuple(lists.pop())
                lists[-1].append(inner)
            elif line.skip("operand"):
                lists[-1].append(self.ref(line))
            else:
                line.expect("argument")
                lists[-1].append(plain(line, self.symbols))
        (args,) = lists
        return CustomKernel(name, layout, origins, schema, tuple(args), tuple(bases))

    def _cond(self, name: str, _: str, s: Scanner) -> Node:
        layout = self.layout(s)
        s.expect("on")
        predicate = self.ref(s)
        origins, rest = self._origins()
        then, otherwise = self._blocks(rest)
        return Cond(name, layout, origins, predicate, then, otherwise)

    def _while(self, name: str, _: str, s: Scanner) -> Node:
        layout = self.layout(s)
        origins, rest = self._origins()
        enter, test, body = self._blocks(rest)
        return While(name, layout, origins, enter, test, body)

    def _result(self, name: str, _: str, s: Scanner) -> Node:
        layout = self.layout(s)
        s.expect("of")
        control = s.word()
        return Result(name, layout, self._origins()[0], control)

    def _size(self, name: str, _: str, s: Scanner) -> Node:
        layout = self.layout(s)
        s.expect("of")
        return ReadSize(name, layout, self._origins()[0], self.symbols[name], self.ref(s))

    def _blocks(self, lines: Sequence[Scanner]) -> list[Program]:
        """The programs in the lines that begin with a bar."""
        texts: list[list[str]] = []
        for s in lines:
            if not s.line.startswith("| "):
                raise ValueError(f"expected a line of a block, got {s.line!r}")
            if s.line.startswith("| program "):
                texts.append([])
            texts[-1].append(s.line[2:])
        blocks = [_Parser("\n".join(text), self.result.data, self.symbols) for text in texts]
        return [b.program() for b in blocks]

    def _origins(self) -> tuple[tuple[Origin, ...], list[Scanner]]:
        origins, rest = [], []
        for s in self._details():
            if s.skip("from"):
                origins.append(Origin(s.string(), s.string(), s.string()))
            else:
                rest.append(s)
        return tuple(origins), rest

    # -- bodies ------------------------------------------------------------------------------------------------------

    def body(self, lines: Sequence[Scanner], ranges: Sequence[Expr], over: Sequence[Expr] = ()) -> Body:
        return self._body_and_symbols(lines, ranges, over)[0]

    def _body_and_symbols(
        self, lines: Sequence[Scanner], ranges: Sequence[Expr], over: Sequence[Expr] = ()
    ) -> tuple[Body, dict[str, Expr]]:
        symbols = dict(self.symbols)
        symbols.update((f"i{k}", loop_var(k, e)) for k, e in enumerate(ranges))
        symbols.update((f"r{k}", reduction_var(k, e)) for k, e in enumerate(over))
        return parse_body(lines, symbols), symbols


def parse_body(lines: Sequence[Scanner], symbols: dict[str, Expr]) -> Body:
    """The ops of these lines; symbols of indirect ops are added to `symbols`."""
    ops: list[BodyOp] = []
    for s in lines:
        if s.skip("yield"):
            return Body(tuple(ops), s.ids())
        if s.ids() != (len(ops),):
            raise ValueError(f"expected the op %{len(ops)}")
        s.expect("=")
        ops.append(_op(s, symbols))
        if ops[-1].opcode == "indirect":
            symbols[f"v{len(ops) - 1}"] = indirect_var(len(ops) - 1, ops[-1].expr)
    raise ValueError("the body yields nothing")


def _op(s: Scanner, symbols: Symbols) -> BodyOp:
    opcode = s.word()
    args: tuple[int, ...] = ()
    attrs: tuple[Union[str, Expr, int, float, bool], ...] = ()
    if opcode == "load":
        buffer = s.word()
        attrs = (buffer, parse_expr(s.bracketed(), symbols))
        if s.skip("if"):
            args = s.ids()
            s.expect("else")
            args += s.ids()
    elif opcode == "constant":
        attrs = (_number(s.word()),)
    elif opcode == "index":
        attrs = (parse_expr(s.bracketed(), symbols),)
    elif opcode == "indirect":
        args = s.ids()
        s.expect("in")
        attrs = (parse_expr(s.bracketed(), symbols), s.string())
    elif opcode in SCALAR_OPS or opcode == "cast":
        args = s.ids()
    else:
        raise ValueError(f"unknown operation {opcode!r}")
    s.expect(":")
    return BodyOp(opcode, args, _dtype(s), attrs)


def _dtype(s: Scanner) -> DType:
    dtype = parse_dtype(s.word())
    s.end()
    return dtype


def _number(text: str) -> Union[bool, int, float]:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)


def plain(s: Scanner, symbols: Symbols) -> Plain:
    """The inverse of `loop_text.print_scalar`."""
    if s.peek() == "" and s.line[s.position :].lstrip().startswith("["):
        return tuple(plain(Scanner(part), symbols) for part in split_list(s.bracketed()))
    kind = s.word()
    if kind == "none":
        return None
    if kind == "expr":
        return parse_expr(s.rest(), symbols)
    if kind == "sizes":
        return parse_size_float(s.rest(), symbols)
    if kind == "str":
        return s.string()
    word = s.word()
    return word == "true" if kind == "bool" else int(word) if kind == "int" else float(word)


def split_list(text: str) -> list[str]:
    """The parts of `a; [b; c]; d` at the top level."""
    parts, depth, start = [], 0, 0
    for k, character in enumerate(text):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if character == ";" and depth == 0:
            parts.append(text[start:k])
            start = k + 1
    return [*parts, text[start:]] if text.strip() else []
