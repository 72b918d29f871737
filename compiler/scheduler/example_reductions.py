"""Example programs around reductions: along and across memory, several passes, long ones. See `example_programs` for the builder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr
from compiler.ir.loop import Program
from compiler.scheduler.example_programs import BodyBuilder, ProgramBuilder


def long_sum() -> Program:
    """Few results of many points: cut in two for the threads."""
    b = ProgramBuilder("long_sum")
    x = b.input("x", [512, 520])
    s = b.reduce("sum", [], [512, 520], lambda o, i, r: o.op("mul", o.load(x, r), o.load(x, r)))
    return b.build(b.pointwise("div", [512, 520], lambda o, i: o.op("div", o.load(x, i), o.load(s, []))))


def tall_sum() -> Program:
    """A costly value and its sum over many rows of few columns: one kernel would be one task."""
    b = ProgramBuilder("tall_sum")
    x = b.input("x", [6000, 40])
    a = b.pointwise("exp", [6000, 40], lambda o, i: o.op("exp", o.load(x, i)))
    return b.build(a, b.reduce("sum", [40], [6000], lambda o, i, r: o.load(a, [r[0], i[0]])))


def column_passes() -> Program:
    """Pointwise values between two reductions across memory; all in one kernel, rows kept for its tile of columns."""
    b = ProgramBuilder("column_passes")
    x = b.input("x", [40, 148])
    a = b.pointwise("exp", [40, 148], lambda o, i: o.op("exp", o.load(x, i)))
    s = b.reduce("sum", [148], [40], lambda o, i, r: o.load(a, [r[0], i[0]]))
    c = b.pointwise("div", [40, 148], lambda o, i: o.op("div", o.load(a, i), o.load(s, i[1:])))
    t = b.reduce("max", [148], [40], lambda o, i, r: o.load(c, [r[0], i[0]]))
    return b.build(b.pointwise("sub", [40, 148], lambda o, i: o.op("sub", o.load(c, i), o.load(t, i[1:]))))


def reductions(outer: Sequence[int], inner: Sequence[int], order: Sequence[int], name: str) -> Program:
    """Every kind of reduction of one input whose dims are a permutation `order` of outer + inner."""
    b = ProgramBuilder(name)
    sizes = [*outer, *inner]
    x = b.input("x", [sizes[k] for k in order])
    flags = b.pointwise(
        "gt", [sizes[k] for k in order], lambda o, i: o.op("gt", o.load(x, i), o.constant(1.5)), dtypes.bool_
    )

    def at(i: Sequence[Expr], r: Sequence[Expr]) -> list[Expr]:
        position = [*i, *r]
        return [position[k] for k in order]

    out = [
        b.reduce(kind, outer, inner, lambda o, i, r: o.load(x, at(i, r))) for kind in ("sum", "max", "min")
    ]
    out.append(
        b.reduce(
            "prod",
            outer,
            inner,
            lambda o, i, r: o.op("add", o.op("mul", o.load(x, at(i, r)), o.constant(0.01)), o.constant(1.0)),
        )
    )
    for kind in ("argmax", "argmin"):
        out.append(
            b.reduce(kind, outer, inner, lambda o, i, r: o.load(x, at(i, r)), dtypes.int64, dtypes.float32)
        )
    for kind in ("any", "all"):
        out.append(b.reduce(kind, outer, inner, lambda o, i, r: o.load(flags, at(i, r)), dtypes.bool_))
    return b.build(*out)


def row_reductions() -> Program:
    return reductions([6, 5], [37], [0, 1, 2], "row_reductions")


def column_reductions() -> Program:
    return reductions([70], [6, 5], [1, 2, 0], "column_reductions")


def middle_reductions() -> Program:
    """Over the middle dim of [3, 7, 20]."""
    return reductions([3, 20], [7], [0, 2, 1], "middle_reductions")


def full_reductions() -> Program:
    return reductions([], [9, 11], [0, 1], "full_reductions")


def nan_positions() -> Program:
    """argmax and max of rows and of columns, for inputs with NaN."""
    b = ProgramBuilder("nan_positions")
    x = b.input("x", [8, 40])
    pairs: list[tuple[str, DType]] = [
        ("argmax", dtypes.int64),
        ("max", dtypes.float32),
        ("argmin", dtypes.int64),
    ]
    out = [
        b.reduce(k, [8], [40], lambda o, i, r: o.load(x, [i[0], r[0]]), t, dtypes.float32) for k, t in pairs
    ]
    out += [
        b.reduce(k, [40], [8], lambda o, i, r: o.load(x, [r[0], i[0]]), t, dtypes.float32) for k, t in pairs
    ]
    return b.build(*out)


def softmax_over_rows() -> Program:
    """Softmax over dim 1 of [3, 10, 50]: passes over the rows of a tile of columns, exp kept in between."""
    b = ProgramBuilder("softmax_over_rows")
    size = [3, 10, 50]
    x = b.input("x", size)
    m = b.reduce("max", [3, 50], [10], lambda o, i, r: o.load(x, [i[0], r[0], i[1]]))
    e = b.pointwise("exp", size, lambda o, i: o.op("exp", o.op("sub", o.load(x, i), o.load(m, [i[0], i[2]]))))
    s = b.reduce("sum", [3, 50], [10], lambda o, i, r: o.load(e, [i[0], r[0], i[1]]))
    q = b.pointwise("reciprocal", [3, 50], lambda o, i: o.op("reciprocal", o.load(s, i)))
    return b.build(
        b.pointwise("softmax", size, lambda o, i: o.op("mul", o.load(e, i), o.load(q, [i[0], i[2]])))
    )


def wide_softmax() -> Program:
    """Rows too long for the stack: the kept row lives in scratch."""
    b = ProgramBuilder("wide_softmax")
    x = b.input("x", [9, 9001])
    m = b.reduce("max", [9], [9001], lambda o, i, r: o.load(x, [i[0], r[0]]))
    e = b.pointwise("exp", [9, 9001], lambda o, i: o.op("exp", o.op("sub", o.load(x, i), o.load(m, i[:1]))))
    s = b.reduce("sum", [9], [9001], lambda o, i, r: o.load(e, [i[0], r[0]]))
    return b.build(
        b.pointwise("softmax", [9, 9001], lambda o, i: o.op("div", o.load(e, i), o.load(s, i[:1])))
    )


def group_norm() -> Program:
    """Over (channels of a group, positions) of [2, 8, 15], 4 groups; scale per channel."""
    b = ProgramBuilder("group_norm")
    x, g = b.input("x", [2, 8, 15]), b.constant("gamma", [8])
    count = 1.0 / 30

    def element(i: Sequence[Expr], r: Sequence[Expr]) -> list[Expr]:
        return [i[0], i[1] * 2 + r[0], r[1]]

    s = b.reduce("sum", [2, 4], [2, 15], lambda o, i, r: o.load(x, element(i, r)))

    def square(o: BodyBuilder, i: list[Expr], r: list[Expr]) -> int:
        d = o.op("sub", o.load(x, element(i, r)), o.op("mul", o.load(s, i), o.constant(count)))
        return o.op("mul", d, d)

    v = b.reduce("sum", [2, 4], [2, 15], square)

    def normal(o: BodyBuilder, i: list[Expr]) -> int:
        at = [i[0], i[1] // 2]
        d = o.op("sub", o.load(x, i), o.op("mul", o.load(s, at), o.constant(count)))
        q = o.op("rsqrt", o.op("add", o.op("mul", o.load(v, at), o.constant(count)), o.constant(1e-5)))
        return o.op("mul", o.op("mul", d, q), o.load(g, [i[1]]))

    return b.build(b.pointwise("native_group_norm", [2, 8, 15], normal))


REDUCTIONS: dict[str, Callable[[], Program]] = {
    f.__name__: f
    for f in (
        long_sum,
        tall_sum,
        column_passes,
        row_reductions,
        column_reductions,
        middle_reductions,
        full_reductions,
        nan_positions,
        softmax_over_rows,
        wide_softmax,
        group_norm,
    )
}
