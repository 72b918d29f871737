"""Reads the text that `kernel_text.print_kernels` writes: `print_kernels(parse_kernels(text)) == text`.

The text is data from outside: whatever does not parse is a ValueError that names the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Union

from compiler.ir.dtypes import parse_dtype
from compiler.ir.expr import Expr, as_expr, sym
from compiler.ir.expr_parse import parse_expr, parse_exprs
from compiler.ir.kernel import (
    Accumulate,
    Accumulator,
    Argument,
    AtomicAdd,
    Attr,
    Compute,
    Define,
    Grid,
    GridAxis,
    KernelSpec,
    Local,
    Loop,
    Parallel,
    Pointer,
    Span,
    Statement,
    Store,
    TemplateCall,
    TemplateLaunch,
    TemplateValue,
    TensorMap,
    Tile,
    UserArgument,
    UserCall,
)
from compiler.ir.loop import Layout
from compiler.ir.loop_parse import plain
from compiler.ir.text_scanner import Scanner
from compiler.support.origins import Origin


def parse_kernels(text: str) -> list[KernelSpec]:
    """The specs of the text, in order."""
    return _Parser(text).kernels()


class _Parser:
    def __init__(self, text: str) -> None:
        self.lines = [line for line in text.split("\n") if line.strip()]
        self.position = 0
        self.symbols: dict[str, Expr] = {}

    def kernels(self) -> list[KernelSpec]:
        specs = []
        while self.position < len(self.lines):
            try:
                specs.append(self._kernel())
            except (ValueError, KeyError, IndexError) as error:
                raise ValueError(
                    f"kernel line {self.lines[max(0, self.position - 1)].strip()!r}: {error}"
                ) from None
        return specs

    def _next(self) -> Scanner:
        self.position += 1
        return Scanner(self.lines[self.position - 1].strip())

    def _depth(self) -> int:
        """Indentation of the next line; -1 at the end."""
        if self.position == len(self.lines):
            return -1
        line = self.lines[self.position]
        return len(line) - len(line.lstrip(" "))

    def _kernel(self) -> KernelSpec:
        s = self._next()
        s.expect("kernel")
        name = s.word()
        s.expect("function")
        spec = KernelSpec(name, s.word(), (), (), (), ())
        s.end()
        self.symbols = {}
        readers: dict[str, Callable[[KernelSpec, Scanner], KernelSpec]] = {
            "from": self._origin, "in": self._argument, "out": self._argument, "inout": self._argument, "size": self._size,
            "can_fail": lambda k, _: replace(k, can_fail=True), "scratch": self._scratch, "archs": self._archs,
        }  # fmt: skip
        while self._depth() == 2 and Scanner(self.lines[self.position].strip()).peek() in readers:
            line = self._next()
            word = line.peek()
            if word not in ("in", "out", "inout"):
                line.word()
            spec = readers[word](spec, line)
            line.end()
        return replace(spec, body=self._block(2))

    def _origin(self, spec: KernelSpec, s: Scanner) -> KernelSpec:
        return replace(spec, origins=(*spec.origins, Origin(s.string(), s.string(), s.string())))

    def _scratch(self, spec: KernelSpec, s: Scanner) -> KernelSpec:
        return replace(spec, scratch_bytes_per_thread=int(s.word()))

    def _archs(self, spec: KernelSpec, s: Scanner) -> KernelSpec:
        return replace(spec, archs=tuple(s.rest().split()))

    def _size(self, spec: KernelSpec, s: Scanner) -> KernelSpec:
        return replace(spec, sizes=(*spec.sizes, self._symbol(s)))

    def _argument(self, spec: KernelSpec, s: Scanner) -> KernelSpec:
        direction, name, buffer, dtype = s.word(), s.word(), s.word(), parse_dtype(s.word())
        size = self._layout_exprs(s)
        s.expect("stride")
        stride = self._layout_exprs(s)
        offset = as_expr(0)
        if s.skip("offset"):
            offset = self._layout_expr(s.bracketed() if s.next_is("[") else s.word())
        layout = Layout(dtype, size, stride, offset, s.word() if s.skip("device") else "cpu")
        return replace(spec, arguments=(*spec.arguments, Argument(name, buffer, dtype, direction, layout)))

    def _layout_exprs(self, s: Scanner) -> tuple[Expr, ...]:
        text = s.bracketed()
        return parse_exprs(text, self._layout_symbols(text))

    def _layout_expr(self, text: str) -> Expr:
        return parse_expr(text, self._layout_symbols(text))

    def _layout_symbols(self, text: str) -> dict[str, Expr]:
        """Sizes of arguments may name symbols that are declared further down; their ranges do not matter here."""
        names = set(re.findall(r"[A-Za-z_]\w*", text))
        return {**{n: sym(n, 0, None) for n in names}, **self.symbols}

    def _symbol(self, s: Scanner) -> Expr:
        """`name in [lo, hi]`, known from here on."""
        name = s.word()
        s.expect("in")
        lo, hi = s.bracketed().split(",")
        self.symbols[name] = sym(
            name, None if lo == "None" else int(lo), None if hi.strip() == "inf" else int(hi)
        )
        return self.symbols[name]

    def _expr(self, s: Scanner) -> Expr:
        return parse_expr(s.bracketed(), self.symbols)

    # Statements.

    def _block(self, depth: int) -> tuple[Statement, ...]:
        statements: list[Statement] = []
        while self._depth() == depth:
            s = self._next()
            statements.append(self._statement(s, depth))
            s.end()
        return tuple(statements)

    def _statement(self, s: Scanner, depth: int) -> Statement:
        word = s.word()
        if word == "store":
            return Store(s.word(), self._expr(s), s.word())
        if word == "atomic_add":
            return AtomicAdd(s.word(), self._expr(s), s.word())
        if word == "grid":
            return self._grid(s, depth)
        if word in ("span", "tile"):
            symbol, extent, block = self._axis(s)
            return (
                Span(symbol, extent, block)
                if word == "span"
                else Tile(symbol, extent, block, self._block(depth + 2))
            )
        if word == "accumulator":
            name, kind = s.word(), s.word()
            return Accumulator(name, parse_dtype(s.word()), kind)
        if word == "define":
            symbol = self._symbol(s)
            s.expect("as")
            return Define(symbol, self._expr(s))
        if word == "local":
            return Local(
                s.word(), parse_dtype(s.word()), int(s.word()), int(s.word()) if s.skip("scratch") else -1
            )
        if word in ("serial", "vector", "unrolled", "parallel"):
            return self._loop(word, s, depth)
        if word == "template":
            return self._template(s, depth)
        if word == "user":
            return self._user(s, depth + 2)
        return self._compute(word, s) if s.skip("=") else Accumulate(word, s.word(), s.word())

    def _axis(self, s: Scanner) -> tuple[Expr, Expr, int]:
        symbol = self._symbol(s)
        s.expect("to")
        extent = self._expr(s)
        s.expect("block")
        return symbol, extent, int(s.word())

    def _grid(self, s: Scanner, depth: int) -> Grid:
        kind = s.word()
        s.expect("warps")
        warps = int(s.word())
        axes = []
        while self._depth() == depth + 2 and Scanner(self.lines[self.position].strip()).peek() == "axis":
            line = self._next()
            line.expect("axis")
            axes.append(GridAxis(*self._axis(line)))
            line.end()
        return Grid(kind, tuple(axes), warps, self._block(depth + 2))

    def _loop(self, kind: str, s: Scanner, depth: int) -> Union[Loop, Parallel]:
        symbol = self._symbol(s)
        if kind == "parallel":
            s.expect("to")
            extent = self._expr(s)
            s.expect("grain")
            grain = self._expr(s) if s.next_is("[") else int(s.word())
            vector = s.skip("vector")
            return Parallel(symbol, extent, grain, vector, self._block(depth + 2))
        s.expect("from")
        begin = self._expr(s)
        s.expect("to")
        return Loop(symbol, begin, self._expr(s), kind, self._block(depth + 2))

    def _template(self, s: Scanner, depth: int) -> TemplateCall:
        template = s.word()
        s.expect("tile")
        batch, m, n = self._symbol(s), self._symbol(s), self._symbol(s)
        arguments: list[TemplateValue] = []
        line = self._next()
        while line.skip("argument"):
            arguments.append(self._value(line))
            line = self._next()
        launch = None
        if line.skip("launch"):
            launch = self._launch(line, depth + 4)
            line = self._next()
        line.expect("row")
        row = self._block(depth + 4)
        self._next().expect("column")
        return TemplateCall(template, tuple(arguments), batch, m, n, row, self._block(depth + 4), launch)

    def _user(self, s: Scanner, depth: int) -> UserCall:
        function = s.word()
        s.expect("launch")
        grid = (self._expr(s), self._expr(s), self._expr(s))
        numbers = []
        for word in ("warps", "stages", "ctas", "registers"):
            s.expect(word)
            numbers.append(int(s.word()))
        warps, stages, ctas, registers = numbers
        s.expect("chosen")
        chosen = s.string()
        line = self._next()
        line.expect("source")
        source = line.string()
        arguments = []
        while self._depth() == depth:
            line = self._next()
            line.expect("argument")
            arguments.append(UserArgument(line.word(), line.word(), self._value(line)))  # type: ignore[arg-type]
        return UserCall(function, source, tuple(arguments), grid, warps, stages, ctas, registers, chosen)

    def _launch(self, s: Scanner, depth: int) -> TemplateLaunch:
        grid = (self._expr(s), self._expr(s), self._expr(s))
        s.expect("warps")
        warps = int(s.word())
        s.expect("stages")
        stages = int(s.word())
        s.expect("of")
        rows, columns = self._expr(s), self._expr(s)
        s.expect("chosen")
        chosen = s.string()
        floats, semaphores = (int(s.word()), int(s.word())) if s.skip("workspace") else (0, 0)
        constants: list[tuple[str, Union[int, bool, str]]] = []
        maps: list[TensorMap] = []
        while self._depth() == depth:
            line = self._next()
            if line.skip("map"):
                maps.append(self._tensor_map(line))
            else:
                constants.append((line.word(), plain(line, self.symbols)))  # type: ignore[arg-type]
        return TemplateLaunch(
            tuple(constants), grid, warps, stages, rows, columns, chosen, tuple(maps), floats, semaphores
        )

    def _tensor_map(self, s: Scanner) -> TensorMap:
        name = s.word()
        pointer = self._value(s)
        assert isinstance(pointer, Pointer)
        dtype = parse_dtype(s.word())
        dims = []
        while s.next_is("["):
            dims.append((self._expr(s), self._expr(s), int(s.word())))
        sizes, strides, block = zip(*dims, strict=True)
        return TensorMap(name, pointer, dtype, sizes, strides, block)

    def _value(self, s: Scanner) -> TemplateValue:
        if s.skip("pointer"):
            name = s.word()
            return Pointer("" if name == "null" else name, self._expr(s))
        return plain(s, self.symbols)  # type: ignore[return-value]

    def _compute(self, name: str, s: Scanner) -> Compute:
        opcode = s.word()
        args: list[str] = []
        attrs: tuple[Attr, ...] = ()
        if opcode == "load":
            attrs = (s.word(), self._expr(s))
            if s.skip("if"):
                args.append(s.word())
                s.expect("else")
                args.append(s.word())
        elif opcode == "indirect":
            args.append(s.word())
            symbol = self._symbol(s)
            s.expect("size")
            attrs = (symbol, self._expr(s), s.string())
        elif opcode == "index":
            attrs = (self._expr(s),)
        elif opcode == "constant":
            attrs = (_number(s.word()),)
        elif opcode in ("neutral", "combine", "reduce", "scan"):
            attrs = (s.word(),)
        while s.peek() != ":":
            args.append(s.word())
        s.expect(":")
        return Compute(name, parse_dtype(s.word()), opcode, tuple(args), attrs)


def _number(text: str) -> Union[bool, int, float]:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
