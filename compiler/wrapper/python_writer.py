"""Prints a wrapper plan as Python, line for line what `cpp_writer` prints as C++.

Enters: a verified `wrapper.Plan`. Leaves: the text of a module with one function `run(rt, args)`, where `rt` gives memory, kernels and
the shim's functions. `--compile-to=python` shows it; it is the form in which a JIT runs the plan.

    alloc buf0 ... arena 0             buf0 = rt.arena(0, (64, 64), (64, 1), "float32")
    launch cpp_fused_sin_0(x, buf0)    # aten.sin.default [sin] at models/my_model.py:20 in forward
                                       rt.kernels.cpp_fused_sin_0(x, buf0)
    alloc buf1 ... slot 0              buf1 = rt.slot(0, (s0, 64), (64, 1), "float32")
    alloc buf2 ... output              buf2 = rt.empty_strided((64, 64), (64, 1), "float32")
    reuse buf3 ... = buf2              buf3 = rt.view(buf2, (64, 64), (64, 1), 0, "float32"); del buf2  # reuse
    return buf3                        return (buf3,)
"""

from __future__ import annotations

import keyword
from collections.abc import Sequence

from compiler.ir.expr import Expr
from compiler.ir.loop import Layout
from compiler.ir.wrapper import (
    Alloc,
    Arg,
    CallArg,
    Check,
    Cond,
    Copy,
    ExternCall,
    Free,
    Launch,
    Line,
    OpArg,
    Operand,
    Plan,
    ProxyCall,
    ReadSize,
    Return,
    Reuse,
    SizeSymbol,
    View,
    While,
)
from compiler.support.cpp_text import comment
from compiler.support.origins import Origin
from compiler.support.version import COMPILER_VERSION

_OF_THE_WRAPPER = frozenset(("rt", "args", "run", "inf", "nan", "rng_seed", "rng_run"))


def write(plan: Plan) -> str:
    """The module's text."""
    rows = [*_head(plan), *(f"    {row}" for row, _ in line_rows(plan))]
    return "\n".join(rows) + "\n"


def launches_by_row(plan: Plan) -> dict[int, Launch]:
    """The launches of the plan, those in branches and loops too, by the number that their row has in `write`'s text (the first is 1)."""
    calls = enumerate(line_rows(plan), len(_head(plan)) + 1)
    return {
        number: line
        for number, (text, line) in calls
        if isinstance(line, Launch) and text.lstrip().startswith("rt.kernels.")
    }


def _head(plan: Plan) -> list[str]:
    """What comes before the rows of the lines."""
    rows = [f"def run(rt, args):  # {plan.name}, by {COMPILER_VERSION}"]
    names = [identifier(i.name) for i in plan.inputs]
    rows.append(f"    ({''.join(f'{n}, ' for n in names)}) = args" if names else "    () = args")
    rows += [f"    {identifier(c.name)} = rt.constants[{n}]" for n, c in enumerate(plan.constants)]
    rows += [f"    {s.symbol} = {_solved(s, names)}" for s in plan.symbols]
    if plan.is_random:
        rows.append("    rng_seed, rng_run = rt.next_run()")
    return rows


def _solved(s: SizeSymbol, names: Sequence[str]) -> str:
    """The symbol from the dimension that gives it."""
    size = f"{names[s.input_index]}.shape[{s.dim}]"
    return size if s.is_bare else f"({size} - ({s.rest})) // {s.scale}"


def identifier(name: str) -> str:
    """The Python spelling of a plan's name: one to one."""
    taken = keyword.iskeyword(name) or name in _OF_THE_WRAPPER or name.endswith("_")
    return name + "_" if taken else name


def line_rows(plan: Plan) -> list[tuple[str, Line]]:
    """The rows of all lines, each with the line that it is of: inside a branch or loop, the one there, indented."""
    return [row for line in plan.lines for row in _rows(line, plan)]


def _rows(line: Line, plan: Plan) -> list[tuple[str, Line]]:
    match line:
        case Cond(predicate, then, otherwise, origins):
            test = [*_comments(origins), f"if rt.item({identifier(predicate)}):"]
            branches = (
                _block(then, plan) or [("    pass", line)],
                _block(otherwise, plan) or [("    pass", line)],
            )
            return [*((row, line) for row in test), *branches[0], ("else:", line), *branches[1]]
        case While(predicate, test_lines, body, origins):
            head = [*_comments(origins), "while True:"]
            leave = f"    if not rt.item({identifier(predicate)}): break"
            return [
                *((row, line) for row in head),
                *_block(test_lines, plan),
                (leave, line),
                *_block(body, plan),
            ]
    return [(row, line) for row in _plain_rows(line, plan)]


def _plain_rows(line: Line, plan: Plan) -> list[str]:
    """Of a line that has no others in it."""
    match line:
        case Alloc(name, layout, "arena", _, slot) if slot >= 0:
            return [f"{identifier(name)} = rt.slot({slot}, {_shape(layout)})"]
        case Alloc(name, layout, "arena", offset):
            return [f"{identifier(name)} = rt.arena({offset}, {_shape(layout)})"]
        case Alloc(name, layout, _, _):
            return [f"{identifier(name)} = rt.empty_strided({_shape(layout)})"]
        case Reuse(name, layout, old):
            return [f"{identifier(name)} = {_view(old, layout)}; del {identifier(old)}  # reuse"]
        case View(name, layout, base):
            return [f"{identifier(name)} = {_view(base, layout)}"]
        case Free(name, views):
            return [f"del {', '.join(map(identifier, (name, *views)))}"]
        case ReadSize(symbol, source, origins):
            what = f"{_view(source.buffer, source.layout)}, {symbol.lo}, {symbol.hi}, {str(origins[0])!r}"
            return [*_comments(origins), f"{symbol} = rt.read_size({what})"]
        case Check(guard):
            values = "".join(f", {s}={s}" for s in guard.symbols())
            return [f"rt.check_sizes({guard}, {str(guard)!r}, {guard.origin!r}{values})"]
        case Launch(kernel, args, origins, can_fail):
            check = [f'rt.check("{kernel}")'] if can_fail else []
            return [*_comments(origins), f"rt.kernels.{kernel}({', '.join(map(_arg, args))})", *check]
        case ExternCall():
            return [*_comments(line.origins), _extern(line)]
        case Copy(target, source, origins):
            made, old = (_view(t.buffer, t.layout) for t in (target, source))
            return [*_comments(origins), f"rt.copy_({made}, {old})"]
        case ProxyCall(op, args, outputs, origins):
            operands, written = (", ".join(map(_op_arg, part)) for part in (args, outputs))
            return [*_comments(origins), f"rt.op({plan.ops[op]!r}, [{operands}], [{written}])"]
        case Return(values):
            slots = zip(values, plan.outputs, strict=True)
            given = [identifier(v) if v is not None else repr(slot.literal) for v, slot in slots]
            return [f"return ({''.join(f'{g}, ' for g in given)})"]
    raise AssertionError(line)


def _block(lines: Sequence[Line], plan: Plan) -> list[tuple[str, Line]]:
    return [(f"    {text}", inner) for line in lines for text, inner in _rows(line, plan)]


def _comments(origins: Sequence[Origin]) -> list[str]:
    return [f"# {comment(str(origin))}" for origin in origins]


def _tuple(values: Sequence[Expr]) -> str:
    return (
        "(" + "".join(f"{v}, " for v in values) + ")"
        if len(values) < 2
        else f"({', '.join(map(str, values))})"
    )


def _shape(layout: Layout) -> str:
    return f'{_tuple(layout.size)}, {_tuple(layout.stride)}, "{layout.dtype}"'


def _view(name: str, layout: Layout) -> str:
    sizes, strides = _tuple(layout.size), _tuple(layout.stride)
    return f'rt.view({identifier(name)}, {sizes}, {strides}, {layout.offset}, "{layout.dtype}")'


def _arg(arg: Arg) -> str:
    return identifier(arg.value) if isinstance(arg.value, str) else str(arg.value)


def _call_arg(arg: CallArg) -> str:
    if isinstance(arg, Operand):
        return _view(arg.buffer, arg.layout)
    return repr(list(arg)) if isinstance(arg, tuple) else repr(arg)


def _op_arg(arg: OpArg) -> str:
    return f"[{', '.join(map(_op_arg, arg))}]" if isinstance(arg, tuple) else _call_arg(arg)


def _extern(line: ExternCall) -> str:
    args = [_call_arg(a) for a in line.args]
    if line.fresh:
        return f"{identifier(line.result)} = rt.shim.{line.function}({', '.join(args)})"
    return f"rt.shim.{line.function}({', '.join([identifier(line.result), *args])})"
