"""Wrapper IR as text: `print_plan` and its inverse `parse_plan`.

Enters and leaves: a `wrapper.Plan`, a string. `parse_plan(print_plan(p)) == p` for every plan that verifies. Strings from outside
(pytree specs, source lines, parameter names) are JSON strings, so that they may hold anything. `parse_plan` raises ValueError
with the number and the text of the line that it does not understand.

    plan my_model
    arena 32768 scratch 0 weights 0
    in_spec "[1, ...]"
    out_spec "[1, ...]"
    call_info "{...}"
    input x: float32 [64, 64] stride [64, 1] at "models/my_model.py:20 in forward"
    constant c0: float32 [48] stride [1] of float32 [3, 10] stride [10, 1] bytes 0+192 parameter "fc.weight" packing "panel16"
    output cos: float32 [64, 64] stride [64, 1]
    symbol s0 in [2, 128] = input 0 dim 1
    op "mylib::op(Tensor x, int[] n, str s, Tensor? m) -> Tensor"
    begin
      alloc buf0: float32 [64, 64] stride [64, 1] arena 0
      launch cpp_fused_sin_0(in x: float, out buf0: float, size s0*64: int64_t) may fail  # aten.sin.default [sin] at m.py:20
      launch k_2(out buf1: float) grid [8, 2, 1] maps (buf0: float32 [64, 64] stride [64, 1]) workspace else launch k_3(...) grid [4, 1, 1]
      call aoti_torch_cpu_mm_out(buf1, buf0: float32 [64, 64] stride [64, 1], [1, 2], "text", 1.0, None)
      call t: float32 [3] stride [1] = aoti_torch_cpu_cumsum(buf1: float32 [3] stride [1], 0, None)
      size u0 in [0, inf] = buf2: int64 [] stride []
      check [u0 <= s0] at "models/my_model.py:22 in forward"
      alloc buf3: float32 [u0] stride [1] own
      free buf3, view4
      proxy 0 (buf0: float32 [3] stride [1], [1, 2], "text", None) writes (buf1: float32 [3] stride [1])
      cond p {
        ...
      } else {
        ...
      }
      while p {
        ...
      } do {
        ...
      }
      return cos
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from compiler.ir import random_symbols
from compiler.ir.dtypes import parse_dtype
from compiler.ir.expr import Expr, as_expr
from compiler.ir.expr_parse import parse_expr, parse_exprs, parse_range, print_range
from compiler.ir.guard import parse_guard
from compiler.ir.loop import Layout
from compiler.ir.recipe import parse_original, parse_recipe, print_original, print_recipe
from compiler.ir.size_float import SizeFloat, parse_size_float
from compiler.ir.wrapper import (
    Alloc,
    Arg,
    CallArg,
    Check,
    Cond,
    ConstantSlot,
    Copy,
    ExternCall,
    Free,
    InputSlot,
    Launch,
    Line,
    Literal,
    OpArg,
    Operand,
    OutputSlot,
    Plan,
    ProxyCall,
    ReadSize,
    Return,
    Reuse,
    SizeSymbol,
    View,
    While,
)
from compiler.support.origins import Origin


def layout_text(layout: Layout) -> str:
    """`float32 [64, 64] stride [64, 1] offset 3 device cuda`; a zero offset and the CPU are left out."""
    text = f"{layout.dtype} {_list(layout.size)} stride {_list(layout.stride)}"
    text += "" if layout.offset == 0 else f" offset {layout.offset}"
    return text if layout.device == "cpu" else f"{text} device {layout.device}"


def _list(values: Iterable[object]) -> str:
    return "[" + ", ".join(str(v) for v in values) + "]"


def print_plan(plan: Plan) -> str:
    """The whole plan, one item a line."""
    out = [
        f"plan {plan.name}",
        f"arena {plan.arena_bytes} scratch {plan.scratch_bytes_per_thread} weights {plan.weights_bytes}"
        + (f" workspace {plan.workspace_bytes} {plan.semaphores}" if plan.semaphores else ""),
        f"in_spec {json.dumps(plan.in_spec)}",
        f"out_spec {json.dumps(plan.out_spec)}",
        f"call_info {json.dumps(plan.call_info)}",
    ]
    for i in plan.inputs:
        out.append(
            f"input {i.name}: {layout_text(i.layout)}{' mutated' * i.mutated}"
            + (f" at {json.dumps(i.origin)}" if i.origin else "")
        )
    out += [f"original {print_original(o)}" for o in plan.originals]
    for c in plan.constants:
        out.append(
            f"constant {c.name}: {layout_text(c.layout)} of {layout_text(c.original)} bytes {c.offset_bytes}+{c.size_bytes}"
            f" {c.kind} {json.dumps(c.fqn)} packing {json.dumps(c.packing)}{' mutated' * c.mutated}"
            + (f" recipe {json.dumps(print_recipe(c.recipe))}" if c.recipe else "")
        )
    for o in plan.outputs:
        out.append(
            f"output {o.name}: {layout_text(o.layout)}"
            if o.layout
            else f"output {o.name} = {_literal(o.literal)}"
        )
    for s in plan.symbols:
        part = "" if s.is_bare else f" scale {s.scale} rest [{s.rest}]"
        out.append(f"symbol {s.symbol} in {print_range(s.symbol)} = input {s.input_index} dim {s.dim}{part}")
    for guard in plan.guards:
        out.append(f"guard [{guard}]" + (f" at {json.dumps(guard.origin)}" if guard.origin else ""))
    out += [f"slot [{size}]" for size in plan.slots]
    out += [f"op {json.dumps(schema)}" for schema in plan.ops]
    out.append("begin")
    for line in plan.lines:
        out.extend(f"  {text}" for text in print_line(line))
    return "\n".join(out) + "\n"


def print_line(line: Line) -> list[str]:
    """One line of the plan as text; several lines for one that holds blocks."""
    match line:
        case Alloc(name, layout, place, offset, slot):
            where = f"slot {slot}" if slot >= 0 else f"arena {offset}" if place == "arena" else place
            return [f"alloc {name}: {layout_text(layout)} {where}"]
        case Reuse(name, layout, old):
            return [f"reuse {name}: {layout_text(layout)} = {old}"]
        case View(name, layout, base):
            return [f"view {name}: {layout_text(layout)} = {base}"]
        case Free(name, views):
            return [f"free {', '.join((name, *views))}"]
        case ReadSize(symbol, source, origins):
            return [f"size {symbol} in {print_range(symbol)} = {_call_arg(source)}{_origins(origins)}"]
        case Check(guard):
            return [f"check [{guard}]" + (f" at {json.dumps(guard.origin)}" if guard.origin else "")]
        case Launch():
            otherwise = f" else {_launch(line.otherwise)}" if line.otherwise else ""
            return [f"{_launch(line)}{otherwise}{_origins(line.origins)}"]
        case ExternCall(function, result, args, layout, origins):
            listed = ", ".join(_call_arg(a) for a in args)
            if layout is not None:
                return [f"call {result}: {layout_text(layout)} = {function}({listed}){_origins(origins)}"]
            return [f"call {function}({', '.join(filter(None, (result, listed)))}){_origins(origins)}"]
        case Copy(target, source, origins):
            return [f"copy ({_call_arg(target)}) from ({_call_arg(source)}){_origins(origins)}"]
        case ProxyCall(op, args, outputs, origins):
            listed, written = (", ".join(map(_op_arg, part)) for part in (args, outputs))
            return [f"proxy {op} ({listed}) writes ({written}){_origins(origins)}"]
        case Cond(predicate, then, otherwise, origins):
            return _block(f"cond {predicate} {{{_origins(origins)}", then, "} else {", otherwise)
        case While(predicate, test, body, origins):
            return _block(f"while {predicate} {{{_origins(origins)}", test, "} do {", body)
        case Return(values):
            return ["return " + ", ".join("literal" if v is None else v for v in values)]
    raise AssertionError(line)


def _launch(line: Launch) -> str:
    listed = ", ".join(f"{a.mode} {a.value}: {a.ctype}" for a in line.args)
    programs = f" grid {_list(line.grid)}" if line.grid else ""
    maps = f" maps ({', '.join(map(_call_arg, line.maps))})" if line.maps else ""
    flags = " workspace" * line.workspace + " may fail" * line.can_fail
    return f"launch {line.kernel}({listed}){programs}{maps}{flags}"


def _block(head: str, first: tuple[Line, ...], middle: str, second: tuple[Line, ...]) -> list[str]:
    out = [head]
    for lines, end in ((first, middle), (second, "}")):
        for inner in lines:
            out.extend(f"  {text}" for text in print_line(inner))
        out.append(end)
    return out


def _call_arg(arg: CallArg) -> str:
    if isinstance(arg, Operand):
        return f"{arg.buffer}: {layout_text(arg.layout)}"
    if isinstance(arg, str):
        return json.dumps(arg)
    return _list(arg) if isinstance(arg, tuple) else f"expr {arg}" if isinstance(arg, Expr) else repr(arg)


def _op_arg(arg: OpArg) -> str:
    """As `_call_arg`, with lists of anything."""
    return f"[{', '.join(map(_op_arg, arg))}]" if isinstance(arg, tuple) else _call_arg(arg)


def _literal(value: Literal) -> str:
    if isinstance(value, (Expr, SizeFloat)):
        return f"{'expr' if isinstance(value, Expr) else 'sizes'} [{value}]"
    return repr(value)


def _origins(origins: Sequence[Origin]) -> str:
    return "  # " + "; ".join(str(o) for o in origins) if origins else ""


_NAME = r"[A-Za-z_]\w*"
_LAYOUT = r"\w+ \[[^\]]*\] stride \[[^\]]*\](?: offset [^:=\"]+?)?(?: device \w+)?"
_ORIGIN = re.compile(r"(\S+) \[([^\]]*)\](?: at (.*))?$")
_LITERALS: Mapping[str, int | float | bool | None] = {
    "None": None,
    "True": True,
    "False": False,
    "inf": float("inf"),
    "nan": float("nan"),
}


def parse_plan(text: str) -> Plan:
    """The inverse of `print_plan`. Raises ValueError naming the line."""
    return _Parser(text).plan()


class _Parser:
    """Reads line by line; `symbols` are those declared so far."""

    def __init__(self, text: str) -> None:
        self.rows = [(n, row.strip()) for n, row in enumerate(text.splitlines(), 1) if row.strip()]
        self.at = 0
        self.symbols: dict[str, Expr] = dict(random_symbols.BY_NAME)

    def plan(self) -> Plan:
        for _, row in self.rows:  # a layout may use a symbol that is declared below it
            if m := re.fullmatch(rf"(?:symbol|size) ({_NAME}) in \[([^\]]*)\] = .*", row):
                self.symbols[m[1]] = parse_range(m[1], m[2])
        plan = Plan(self._match(rf"plan ({_NAME})")[1], [], [], [], [])
        m = self._match(r"arena (\d+) scratch (\d+) weights (\d+)(?: workspace (\d+) (\d+))?")
        plan.arena_bytes, plan.scratch_bytes_per_thread, plan.weights_bytes = int(m[1]), int(m[2]), int(m[3])
        plan.workspace_bytes, plan.semaphores = int(m[4] or 0), int(m[5] or 0)
        plan.in_spec = json.loads(self._match(r"in_spec (\".*\")")[1])
        plan.out_spec = json.loads(self._match(r"out_spec (\".*\")")[1])
        plan.call_info = json.loads(self._match(r"call_info (\".*\")")[1])
        while self._peek() != "begin":
            self._slot(plan)
        self.at += 1
        while self.at < len(self.rows):
            plan.lines.append(self._line())
        return plan

    def _peek(self) -> str:
        if self.at >= len(self.rows):
            raise ValueError("the plan ends before its last line")
        return self.rows[self.at][1]

    def _fail(self, why: str = "") -> ValueError:
        number, row = self.rows[min(self.at, len(self.rows) - 1)]
        return ValueError(f"line {number} of the plan is not understood{': ' + why if why else ''}: {row}")

    def _match(self, pattern: str) -> re.Match[str]:
        m = re.fullmatch(pattern, self._peek())
        if m is None:
            raise self._fail(f"expected {pattern!r}")
        self.at += 1
        return m

    def _slot(self, plan: Plan) -> None:
        row = self._peek()
        if m := re.fullmatch(rf"input ({_NAME}): ({_LAYOUT})( mutated)?(?: at (\".*\"))?", row):
            origin = json.loads(m[4]) if m[4] else ""
            plan.inputs.append(InputSlot(m[1], self._layout(m[2]), origin, bool(m[3])))
        elif m := re.fullmatch(
            rf"constant ({_NAME}): ({_LAYOUT}) of ({_LAYOUT}) bytes (\d+)\+(\d+) (\w+) (\".*\") packing (\"[^\"]*\")"
            r"( mutated)?(?: recipe (\".*\"))?",
            row,
        ):
            layouts = self._layout(m[2]), self._layout(m[3])
            plan.constants.append(
                ConstantSlot(
                    m[1],
                    *layouts,
                    int(m[4]),
                    int(m[5]),
                    json.loads(m[7]),
                    m[6],
                    json.loads(m[8]),
                    bool(m[9]),
                    parse_recipe(json.loads(m[10])) if m[10] else None,
                )  # fmt: skip
            )
        elif row.startswith("original "):
            plan.originals.append(parse_original(row.removeprefix("original ")))
        elif m := re.fullmatch(rf"output ({_NAME}): ({_LAYOUT})", row):
            plan.outputs.append(OutputSlot(m[1], self._layout(m[2])))
        elif m := re.fullmatch(rf"output ({_NAME}) = (\S+)", row):
            plan.outputs.append(OutputSlot(m[1], None, self._plain(m[2])))
        elif m := re.fullmatch(rf"output ({_NAME}) = (expr|sizes) \[(.+)\]", row):
            number = self._expr(m[3]) if m[2] == "expr" else parse_size_float(m[3], self.symbols)
            plan.outputs.append(OutputSlot(m[1], None, number))
        elif m := re.fullmatch(
            rf"symbol ({_NAME}) in .* = input (\d+) dim (\d+)(?: scale (-?\d+) rest \[(.+)\])?", row
        ):
            part = (int(m[4]), self._expr(m[5])) if m[4] else ()
            plan.symbols.append(SizeSymbol(self.symbols[m[1]], int(m[2]), int(m[3]), *part))
        elif m := re.fullmatch(r"guard \[(.+?)\](?: at (\".*\"))?", row):
            plan.guards.append(parse_guard(m[1], self.symbols, json.loads(m[2]) if m[2] else ""))
        elif m := re.fullmatch(r"slot \[(.+)\]", row):
            plan.slots.append(self._expr(m[1]))
        elif m := re.fullmatch(r"op (\".*\")", row):
            plan.ops.append(json.loads(m[1]))
        else:
            raise self._fail()
        self.at += 1

    def _layout(self, text: str) -> Layout:
        m = re.fullmatch(r"(\w+) \[(.*?)\] stride \[(.*?)\](?: offset (.+?))?(?: device (\w+))?", text)
        if m is None:
            raise self._fail("not a layout")
        try:
            dims = [parse_exprs(part, self.symbols) for part in (m[2], m[3])]
            offset = self._expr(m[4]) if m[4] else as_expr(0)
            return Layout(parse_dtype(m[1]), dims[0], dims[1], offset, m[5] or "cpu")
        except ValueError as e:
            raise self._fail(str(e)) from None

    def _expr(self, text: str) -> Expr:
        return parse_expr(text, self.symbols)

    def _grid(self, text: str | None) -> tuple[Expr, Expr, Expr] | None:
        if text is None:
            return None
        sides = parse_exprs(text, self.symbols)
        if len(sides) != 3:
            raise self._fail(f"[{text}] is not a grid of three sides")
        return sides[0], sides[1], sides[2]

    def _plain(self, text: str) -> int | float | bool | None:
        if text in _LITERALS:
            return _LITERALS[text]
        try:
            return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
        except ValueError:
            raise self._fail(f"{text!r} is not a number") from None

    def _line(self) -> Line:
        row, origins = _split_origins(self._peek())
        if m := re.fullmatch(r"(cond|while) (\w+) \{", row):
            self.at += 1
            first = self._until("} else {" if m[1] == "cond" else "} do {")
            second = self._until("}")
            return (
                Cond(m[2], first, second, origins) if m[1] == "cond" else While(m[2], first, second, origins)
            )
        line = self._simple(row, origins)
        self.at += 1
        return line

    def _until(self, end: str) -> tuple[Line, ...]:
        out: list[Line] = []
        while self._peek() != end:
            out.append(self._line())
        self.at += 1
        return tuple(out)

    def _simple(self, row: str, origins: tuple[Origin, ...]) -> Line:
        if m := re.fullmatch(rf"alloc ({_NAME}): ({_LAYOUT}) slot (\d+)", row):
            return Alloc(m[1], self._layout(m[2]), "arena", slot=int(m[3]))
        if m := re.fullmatch(rf"free ({_NAME})((?:, {_NAME})*)", row):
            return Free(m[1], tuple(split_list(m[2])[1:]))
        if m := re.fullmatch(rf"size ({_NAME}) in .*? = (.*)", row):
            return ReadSize(self.symbols[m[1]], self._operand(m[2]), origins)
        if m := re.fullmatch(r"check \[(.+?)\](?: at (\".*\"))?", row):
            return Check(parse_guard(m[1], self.symbols, json.loads(m[2]) if m[2] else ""))
        if m := re.fullmatch(rf"alloc ({_NAME}): ({_LAYOUT}) (arena|output|own)(?: (\d+))?", row):
            return Alloc(m[1], self._layout(m[2]), m[3], int(m[4] or 0))
        if m := re.fullmatch(rf"(reuse|view) ({_NAME}): ({_LAYOUT}) = ({_NAME})", row):
            return (Reuse if m[1] == "reuse" else View)(m[2], self._layout(m[3]), m[4])
        if row.startswith("launch "):
            first, _, rest = row.partition(" else ")
            return self._launch(first, origins, self._launch(rest, origins, None) if rest else None)
        if m := re.fullmatch(rf"call ({_NAME}): ({_LAYOUT}) = ({_NAME})\((.*)\)", row):
            return ExternCall(
                m[3], m[1], tuple(map(self._call_arg, split_list(m[4]))), self._layout(m[2]), origins
            )
        if m := re.fullmatch(rf"call ({_NAME})\(({_NAME})(?:, (.*))?\)", row):
            return ExternCall(m[1], m[2], tuple(map(self._call_arg, split_list(m[3] or ""))), None, origins)
        if m := re.fullmatch(r"copy \((.*)\) from \((.*)\)", row):
            return Copy(self._operand(m[1]), self._operand(m[2]), origins)
        if m := re.fullmatch(r"proxy (\d+) \((.*)\) writes \((.*)\)", row):
            values, outputs = (tuple(map(self._op_arg, split_list(part))) for part in (m[2], m[3]))
            if not all(isinstance(o, Operand) for o in outputs):
                raise self._fail("a custom operator writes tensors")
            return ProxyCall(int(m[1]), values, outputs, origins)  # type: ignore[arg-type]
        if m := re.fullmatch(r"return ?(.*)", row):
            return Return(tuple(None if v == "literal" else v for v in split_list(m[1])))
        raise self._fail()

    def _launch(self, text: str, origins: tuple[Origin, ...], otherwise: Launch | None) -> Launch:
        pattern = (
            rf"launch ({_NAME})\((.*?)\)(?: grid \[([^\]]*)\])?(?: maps \((.*)\))?( workspace)?( may fail)?"
        )
        m = re.fullmatch(pattern, text)
        if m is None:
            raise self._fail("not a launch")
        args = tuple(self._arg(a) for a in split_list(m[2]))
        maps = tuple(self._operand(a) for a in split_list(m[4] or ""))
        return Launch(m[1], args, origins, bool(m[6]), self._grid(m[3]), maps, bool(m[5]), otherwise)

    def _arg(self, text: str) -> Arg:
        m = re.fullmatch(r"(in|out|inout|size) (.+): (\w+)", text)
        if m is None:
            raise self._fail(f"{text!r} is not an argument of a launch")
        return Arg(self._expr(m[2]) if m[1] == "size" else m[2], m[3], m[1])

    def _operand(self, text: str) -> Operand:
        name, _, layout = text.partition(": ")
        return Operand(name, self._layout(layout))

    def _op_arg(self, text: str) -> OpArg:
        if text.startswith("["):
            return tuple(map(self._op_arg, split_list(text[1:-1])))
        return self._call_arg(text)

    def _call_arg(self, text: str) -> CallArg:
        if re.fullmatch(rf"{_NAME}: {_LAYOUT}", text):
            return self._operand(text)
        if text.startswith('"'):
            return str(json.loads(text))
        if text.startswith("["):
            items = split_list(text[1:-1])
            return tuple(int(i) if re.fullmatch(r"-?\d+", i) else self._expr(i) for i in items)
        if text.startswith("expr "):
            return self._expr(text.removeprefix("expr "))
        return self._plain(text)


def _split_origins(row: str) -> tuple[str, tuple[Origin, ...]]:
    head, mark, tail = row.partition("  # ")
    if not mark:
        return row, ()
    matches = [_ORIGIN.fullmatch(part) for part in tail.split("; ")]
    return head, tuple(Origin(m[2], m[1], m[3] or "") for m in matches if m is not None)


def split_list(text: str) -> list[str]:
    """Splits at commas outside brackets and quotes: `a, [1, 2], "x, y"` has three items."""
    items, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(text):
        if c == '"' and text[i - 1 : i] != "\\":
            quoted = not quoted
        elif not quoted:
            depth += (c in "[(") - (c in "])")
            if c == "," and depth == 0:
                items.append(text[start:i].strip())
                start = i + 1
    last = text[start:].strip()
    return [*items, last] if last else items
