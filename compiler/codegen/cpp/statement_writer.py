"""Prints the statements of a KernelSpec as C++: values, stores, loops, accumulators, arrays.

Enters: statements and the types of the pointers that they use. Leaves: indented lines. Constants are written where they are used.

    tmp0 = load in_ptr0 [64*i0 + r0]; tmp1 = constant 2.0; tmp2 = mul tmp0 tmp1    ->    const float tmp0 = in_ptr0[64 * i0 + r0];
                                                                                        const float tmp2 = tmp0 * 2.0f;
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from compiler.codegen.cpp import near_forms
from compiler.codegen.cpp.index_text import index_text
from compiler.codegen.cpp.scalar_text import (
    accumulate_text,
    clamp_text,
    combine_text,
    from_memory,
    is_half,
    literal,
    memory_ctype,
    neutral_literal,
    rank_value_text,
    ranked,
    rounded_text,
    scalar_text,
    to_memory,
    value_ctype,
)
from compiler.codegen.cpp.sum_types import long_enough, sum_types
from compiler.codegen.cpp.vectorizable import scalar_reason
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr
from compiler.ir.kernel import (
    Accumulate,
    Accumulator,
    Compute,
    Define,
    Local,
    Loop,
    Statement,
    Store,
)

WIDTH = 110
_PRAGMA = {"vector": "AOTI_VECTOR_LOOP", "unrolled": "AOTI_UNROLLED_LOOP"}
_VECTOR_PRAGMAS = ("AOTI_VECTOR_LOOP", "AOTI_VECTORIZE")


class StatementWriter:
    """Lines of C++ so far. `pointers`: element types by name."""

    def __init__(self, pointers: Mapping[str, DType]) -> None:
        self.lines: list[str] = []
        self.indent = 0
        self.dtype: dict[str, DType] = dict(pointers)  # of pointers' elements and of values
        self.text: dict[str, str] = {}  # of constants
        self.held: dict[
            str, str
        ] = {}  # of accumulators that hold another type than their value's: the text of the value
        self.rounded: dict[str, str] = {}  # of values whose variables are bits: the value
        self.near = False  # in a loop whose far arguments come again

    def line(self, text: str) -> None:
        """One line, broken after commas where it is too long."""
        prefix = "  " * self.indent
        while len(prefix) + len(text) > WIDTH and ", " in text:
            cut = text.rfind(", ", 0, WIDTH - len(prefix))
            cut = cut if cut >= 0 else text.index(", ")
            self.lines.append(prefix + text[: cut + 1])
            text, prefix = text[cut + 2 :], "  " * (self.indent + 2)
        self.lines.append(prefix + text)

    def open(self, text: str) -> None:
        self.line(text + " {")
        self.indent += 1

    def close(self, end: str = "}") -> None:
        self.indent -= 1
        self.line(end)

    def statements(self, statements: Sequence[Statement]) -> None:
        sums = sum_types(statements, self.dtype)
        for s in statements:
            if isinstance(s, Compute):
                self._compute(s)
            elif isinstance(s, Store):
                self.line(f"{s.target}[{index_text(s.index)}] = {self._stored(s)};")
            elif isinstance(s, Loop):
                kind = s.kind if s.kind != "vector" or long_enough(s.end - s.begin) else "serial"
                self.loop(str(s.symbol), index_text(s.begin), index_text(s.end), kind, s.body)
            elif isinstance(s, Define):
                self.line(f"const int64_t {s.symbol} = {index_text(s.value)};")
            elif isinstance(s, Accumulator):
                self._accumulator(s, sums.get(s.name, ""))
            elif isinstance(s, Accumulate):
                self._accumulate(s)
            elif isinstance(s, Local):
                self._local(s)

    def loop(self, variable: str, begin: str, end: str, kind: str, body: Sequence[Statement]) -> None:
        head = f"for (int64_t {variable} = {begin}; {variable} < {end}; ++{variable})"
        self.marked_loop(_PRAGMA.get(kind, ""), head, body)

    def marked_loop(self, pragma: str, head: str, body: Sequence[Statement], first: str = "") -> None:
        """A loop behind its pragma, or behind a comment on why it stays scalar. `first`: a line at the start of its body.

        A vector loop of sines runs with their near forms, and again with those for all numbers where an argument was far."""
        reason = scalar_reason(body, self.dtype) if pragma else None
        guarded = pragma in _VECTOR_PRAGMAS and reason is None and near_forms.apply(body, self.dtype)
        mark = pragma if reason is None else f"// Scalar: {reason}."
        if not guarded:
            self._loop(mark, head, body, first)
            return
        self.line("{")
        self.indent += 1
        self.line("uint32_t far = 0;")
        self.near = True
        self._loop(mark, head, body, first)
        self.near = False
        self.open("if (__builtin_expect(far != 0, 0))")
        self._loop(mark, head, body, first)
        self.close()
        self.close()

    def _loop(self, mark: str, head: str, body: Sequence[Statement], first: str) -> None:
        if mark:
            self.line(mark)
        self.open(head)
        if first:
            self.line(first)
        self.statements(body)
        self.close()

    def _value(self, name: str) -> str:
        return self.text.get(name) or self.rounded.get(name) or self.held.get(name, name)

    def _stored(self, s: Store) -> str:
        """The value in the form that memory has. What was rounded to this type is not rounded again."""
        target = self.dtype[s.target]
        if s.value in self.rounded and self.dtype[s.value] == target:
            return s.value
        return to_memory(target, self._value(s.value))

    def _compute(self, s: Compute) -> None:
        self.dtype[s.name] = s.dtype
        if s.opcode == "constant":
            text = literal(s.attrs[0], s.dtype)
            self.text[s.name] = f"({text})" if text.startswith("-") else text
            return
        if s.opcode == "neutral":
            self.text[s.name] = neutral_literal(str(s.attrs[0]), s.dtype)
            return
        if s.opcode == "cast" and is_half(s.dtype):
            bits = rounded_text(s.dtype, self.dtype[s.args[0]], self._value(s.args[0]))
            self.line(f"const {memory_ctype(s.dtype)} {s.name} = {bits};")
            self.rounded[s.name] = from_memory(s.dtype, s.name)
            return
        ctype = "int64_t" if s.opcode == "indirect" else value_ctype(s.dtype)
        self.line(f"const {ctype} {s.name} = {self._expression(s)};")

    def _expression(self, s: Compute) -> str:
        args = [self._value(a) for a in s.args]
        if s.opcode == "load":
            pointer, index = str(s.attrs[0]), s.attrs[1]
            assert isinstance(index, Expr)
            where = "i * ld + j" if pointer == "acc" else index_text(index)
            text = from_memory(self.dtype[pointer], f"{pointer}[{where}]")
            return f"{args[0]} ? {text} : {args[1]}" if args else text
        if s.opcode == "index":
            assert isinstance(s.attrs[0], Expr)
            return f"({value_ctype(s.dtype)})({index_text(s.attrs[0])})"
        if s.opcode == "indirect":
            size, message = s.attrs[1], str(s.attrs[2])
            assert isinstance(size, Expr)
            return f"checked_index(ctx, {args[0]}, {index_text(size)}, {json.dumps(message)})"
        if s.opcode == "combine":
            return combine_text(str(s.attrs[0]), s.dtype, args[0], args[1])
        if (
            s.opcode in ("maximum", "minimum")
            and s.args[1] in self.text
            and "nan" not in args[1]
            and s.dtype.is_float
        ):
            return clamp_text(s.opcode, args[0], args[1])
        operand = self.dtype[s.args[1] if s.opcode == "where" else s.args[0]]
        if self.near and near_forms.has_one(s.opcode, operand):
            return near_forms.text(s.opcode, args[0])
        return scalar_text(s.opcode, s.dtype, operand, args)

    def _accumulator(self, s: Accumulator, sum_type: str) -> None:
        """`sum_type`: that of a float32 sum or product, "" for other accumulators."""
        self.dtype[s.name] = s.dtype
        if ranked(s.kind, s.dtype):
            self.line(f"Rank {s.name} = aoti_rank(-__builtin_inff());")
            self.held[s.name] = rank_value_text(s.kind, s.name)
            return
        if sum_type not in ("", "float"):
            self.held[s.name] = f"(float){s.name}"
        self.line(f"{sum_type or value_ctype(s.dtype)} {s.name} = {neutral_literal(s.kind, s.dtype)};")

    def _accumulate(self, s: Accumulate) -> None:
        dtype, value = self.dtype[s.accumulator], self._value(s.value)
        text = accumulate_text(s.kind, dtype, s.accumulator, value)
        if s.kind in ("sum", "prod") and dtype.is_float:
            self.line(f"AOTI_REASSOCIATED({s.accumulator} {'+' if s.kind == 'sum' else '*'}= {value})")
        else:
            self.line(f"{s.accumulator} = {text};")

    def _local(self, s: Local) -> None:
        self.dtype[s.name] = s.dtype
        ctype = memory_ctype(s.dtype)
        if s.scratch_offset_bytes < 0:
            self.line(f"alignas(64) {ctype} {s.name}[{s.numel}];")
        else:
            offset = f" + {s.scratch_offset_bytes}" if s.scratch_offset_bytes else ""
            self.line(f"{ctype} *{s.name} = ({ctype} *)((char *)aoti_scratch(ctx, thread){offset});")


def names_used(statements: Iterable[Statement]) -> set[str]:
    """Pointers, integer symbols, and `ctx` and `thread`, that the statements' text mentions."""
    found: set[str] = set()
    pending = list(statements)
    while pending:
        s = pending.pop()
        indices: list[Expr] = []
        if isinstance(s, Loop):
            pending += s.body
            indices = [s.begin, s.end]
        elif isinstance(s, Define):
            indices = [s.value]
        elif isinstance(s, Store):
            found.add(s.target)
            indices = [s.index]
        elif isinstance(s, Compute):
            indices = [a for a in s.attrs if isinstance(a, Expr)]
            found |= {str(s.attrs[0])} if s.opcode == "load" else {"ctx"} if s.opcode == "indirect" else set()
        elif isinstance(s, Local) and s.scratch_offset_bytes >= 0:
            found |= {"ctx", "thread"}
        found.update(str(symbol) for e in indices for symbol in e.symbols())
    return found
