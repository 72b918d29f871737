"""Rewriting of stored bodies: substitution of loop variables, and the index expressions that a body uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from compiler.ir.expr import Expr
from compiler.ir.loop import Body, BodyOp


def substitute(body: Body, mapping: Mapping[Expr, Expr]) -> Body:
    """The body with loop variables replaced in every index expression."""
    memo: dict[Expr, Expr] = {}

    def new_attr(attr: object) -> object:
        if not isinstance(attr, Expr) or attr.is_const:
            return attr
        if attr not in memo:
            memo[attr] = attr.subst(mapping)
        return memo[attr]

    def new_op(op: BodyOp) -> BodyOp:
        attrs = tuple(new_attr(a) for a in op.attrs)
        return op if attrs == op.attrs else replace(op, attrs=attrs)  # type: ignore[arg-type]

    return Body(tuple(new_op(op) for op in body.ops), body.yields)


def load_index(op: BodyOp) -> Expr:
    index = op.attrs[1]
    assert isinstance(index, Expr)
    return index


def loaded_buffer(op: BodyOp) -> str:
    return str(op.attrs[0])


def access_indices(body: Body) -> Iterator[Expr]:
    """Every expression that depends on loop variables: of loads, of `index` ops, and sizes of `indirect` ops."""
    for op in body.ops:
        for attr in op.attrs:
            if isinstance(attr, Expr) and not attr.is_const:
                yield attr
