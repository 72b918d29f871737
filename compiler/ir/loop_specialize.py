"""A program of sizes that are known at run time only, as the program of one run: every size symbol replaced by a number.

Enters: a verified program, a number for each of its size symbols. Leaves: a verified program of fixed sizes, which the interpreter runs:
the reference for what the dynamic one must compute at these sizes. Constants and their data are shared. Numbers that the run reads out
of tensors are still symbols in it: the interpreter replaces them when it has read them.

    specialize(program, {s0: 7})       buf0 = pointwise float32 [s0, 64]   ->   buf0 = pointwise float32 [7, 64]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from compiler.ir.expr import Expr, as_expr, data_symbols
from compiler.ir.loop import (
    Body,
    Constant,
    Node,
    OutputRef,
    Program,
    ReadSize,
    Reduction,
    TemplateKernel,
    indirect_var,
    loop_var,
    reduction_var,
)
from compiler.ir.loop_bodies import substitute
from compiler.ir.size_float import SizeFloat


def specialize(program: Program, sizes: Mapping[Expr, int]) -> Program:
    """The program at these sizes. Raises KeyError for a symbol that has none."""
    missing = [str(s) for s in program.size_symbols() if s not in sizes]
    if missing:
        raise KeyError(f"no size is given for {', '.join(missing)}")
    known = {symbol: as_expr(n) for symbol, n in sizes.items()}
    guards = [g.subst(known) for g in program.guards if data_symbols((g.left, g.right))]
    return replace(_program(program, known), guards=guards)


def _program(program: Program, known: Mapping[Expr, Expr]) -> Program:
    return replace(
        program,
        inputs=[replace(i, layout=_fixed(i.layout, known)) for i in program.inputs],
        nodes=[specialize_node(node, known) for node in program.nodes],
        outputs=[specialize_output(o, known) for o in program.outputs],
    )


def specialize_output(output: OutputRef, known: Mapping[Expr, Expr]) -> OutputRef:
    """The output with these symbols replaced; one that still depends on others stays an expression."""
    value = _fixed(output.value, known)
    symbols = value.symbols() if isinstance(value, (Expr, SizeFloat)) else ()
    return replace(output, value=value if symbols else _number(value))


def specialize_node(node: Node, known: Mapping[Expr, Expr]) -> Node:
    """The node with these symbols replaced. Loop variables are named after their extents, so they change with them."""
    ranges: Sequence[Expr] = getattr(node, "ranges", ())
    reduced = node.reduction_ranges if isinstance(node, Reduction) else ()
    mapping = dict(known)
    for variable, extents in ((loop_var, ranges), (reduction_var, reduced)):
        mapping.update((variable(k, e), variable(k, e.subst(known))) for k, e in enumerate(extents))
    body = getattr(node, "body", None)
    if isinstance(body, Body):
        indirect = ((k, op.expr) for k, op in enumerate(body.ops) if op.opcode == "indirect")
        mapping.update((indirect_var(k, e), indirect_var(k, e.subst(known))) for k, e in indirect)
    changed = {f.name: _fixed(getattr(node, f.name), mapping) for f in fields(node)}
    if isinstance(body, Body):
        changed["body"] = substitute(body, mapping)
    if isinstance(node, TemplateKernel):
        changed["params"] = tuple((name, _number(value)) for name, value in changed["params"])
    if isinstance(node, ReadSize):
        changed["symbol"] = node.symbol
    return replace(node, **changed)


def _fixed(value: Any, known: Mapping[Expr, Expr]) -> Any:
    """Every expression inside replaced."""
    if isinstance(value, Expr):
        return value.subst(known)
    if isinstance(value, Program):
        return _program(value, known)
    if isinstance(value, tuple):
        return tuple(_fixed(v, known) for v in value)
    if isinstance(value, (Body, Constant)) or not is_dataclass(value):
        return value
    return replace(value, **{f.name: _fixed(getattr(value, f.name), known) for f in fields(value)})  # type: ignore[type-var]


def _number(value: Any) -> Any:
    """A number made of known sizes, computed; anything else as it is."""
    known = isinstance(value, (Expr, SizeFloat)) and not value.symbols()
    return value.value() if known else value
