"""All example programs for tests: one for each family of loops and access patterns. See `example_programs` for the builder."""

from __future__ import annotations

import math
from collections.abc import Callable

from compiler.ir import dtypes
from compiler.ir.expr import Expr
from compiler.ir.loop import Program
from compiler.scheduler.example_programs import EXAMPLES, BodyBuilder, ProgramBuilder
from compiler.scheduler.example_reductions import REDUCTIONS
from compiler.scheduler.example_templates import TEMPLATES


def scalar() -> Program:
    """Tensors of rank 0."""
    b = ProgramBuilder("scalar")
    x = b.input("x", [])
    return b.build(b.pointwise("exp", [], lambda o, i: o.op("exp", o.load(x, i))))


def broadcast() -> Program:
    """A row, a column and a plane; two outputs, one of them read by the other."""
    b = ProgramBuilder("broadcast")
    x, row, column = b.input("x", [5, 7, 33]), b.input("row", [33]), b.input("column", [5, 1, 1])
    s = b.pointwise("add", [5, 7, 33], lambda o, i: o.op("add", o.load(x, i), o.load(row, i[2:])))
    t = b.pointwise("mul", [5, 7, 33], lambda o, i: o.op("mul", o.load(s, i), o.load(column, [i[0], 0, 0])))
    return b.build(s, t)


def channels_last() -> Program:
    """Input and output in channels-last order; the loops must merge into one."""
    b = ProgramBuilder("channels_last")
    size, strides = [2, 6, 5, 4], [120, 1, 24, 6]
    x = b.input("x", size, strides=strides)
    return b.build(b.pointwise("tanh", size, lambda o, i: o.op("tanh", o.load(x, i)), strides=strides))


def to_channels_last() -> Program:
    b = ProgramBuilder("to_channels_last")
    x = b.input("x", [2, 3, 20, 24])
    return b.build(b.pointwise("clone", [2, 3, 20, 24], lambda o, i: o.load(x, i), strides=[1440, 1, 72, 3]))


def pad_and_cat() -> Program:
    """Masked loads: a constant border, and two parts side by side along the last and the first dim."""
    b = ProgramBuilder("pad_and_cat")
    x, y = b.input("x", [6, 10]), b.input("y", [6, 9])

    def inside(o: BodyBuilder, position: Expr, extent: int) -> int:
        low = o.op("ge", o.index(position), o.constant(0, dtypes.int64))
        return o.op("logical_and", low, o.op("lt", o.index(position), o.constant(extent, dtypes.int64)))

    def padded(o: BodyBuilder, i: list[Expr]) -> int:
        mask = o.op("logical_and", inside(o, i[0] - 1, 6), inside(o, i[1] - 2, 10))
        return o.load(x, [i[0] - 1, i[1] - 2], mask, o.constant(-1.5))

    def joined(o: BodyBuilder, i: list[Expr]) -> int:
        left = o.op("lt", o.index(i[1]), o.constant(10, dtypes.int64))
        zero = o.constant(0.0)
        right = o.load(y, [i[0], i[1] - 10], o.op("logical_not", left), zero)
        return o.op("where", left, o.load(x, i, left, zero), right)

    return b.build(b.pointwise("pad", [8, 13], padded), b.pointwise("cat", [6, 19], joined))


def max_pool() -> Program:
    """3x3 windows, stride 2, padding 1 over channels-last images: masks do not depend on the channel."""
    b = ProgramBuilder("max_pool")
    x = b.input("x", [1, 20, 9, 9], strides=[1620, 1, 180, 20])

    def window(o: BodyBuilder, i: list[Expr]) -> int:
        best = -1
        for h in range(3):
            for w in range(3):
                at = [i[2] * 2 + h - 1, i[3] * 2 + w - 1]
                tests = [o.op("ge", o.index(e), o.constant(0, dtypes.int64)) for e in at]
                tests += [o.op("lt", o.index(e), o.constant(9, dtypes.int64)) for e in at]
                mask = tests[0]
                for t in tests[1:]:
                    mask = o.op("logical_and", mask, t)
                value = o.load(x, [i[0], i[1], *at], mask, o.constant(-math.inf))
                best = value if best < 0 else o.op("maximum", best, value)
        return best

    return b.build(b.pointwise("max_pool2d", [1, 20, 5, 5], window, strides=[500, 1, 100, 20]))


def half_types() -> Program:
    b = ProgramBuilder("half_types")
    x, y = b.input("x", [4, 50], dtypes.float16), b.input("y", [4, 50], dtypes.bfloat16)

    def total(o: BodyBuilder, i: list[Expr]) -> int:
        return o.op("add", o.cast(o.load(x, i), dtypes.float32), o.cast(o.load(y, i), dtypes.float32))

    a = b.pointwise("add", [4, 50], lambda o, i: o.cast(total(o, i), dtypes.float16), dtypes.float16)
    c = b.pointwise("to", [4, 50], lambda o, i: o.cast(total(o, i), dtypes.bfloat16), dtypes.bfloat16)
    s = b.reduce(
        "sum", [4], [50], lambda o, i, r: o.cast(o.load(a, [i[0], r[0]]), dtypes.float32), dtypes.float32
    )
    return b.build(a, c, s)


def integers() -> Program:
    """Wrap-around, divisions and remainders of negative numbers, shifts, narrow types."""
    b = ProgramBuilder("integers")
    x, y, z = (
        b.input("x", [90], dtypes.int64),
        b.input("y", [90], dtypes.int64),
        b.input("z", [90], dtypes.int8),
    )
    out = [
        b.pointwise(op, [90], lambda o, i, op=op: o.op(op, o.load(x, i), o.load(y, i)), dtypes.int64)
        for op in ("add", "mul", "floordiv", "truncdiv", "mod", "fmod", "maximum", "bitwise_xor")
    ]
    out.append(b.pointwise("add", [90], lambda o, i: o.op("add", o.load(z, i), o.load(z, i)), dtypes.int8))
    out.append(b.pointwise("to", [90], lambda o, i: o.cast(o.load(z, i), dtypes.float32)))
    out.append(b.reduce("sum", [], [90], lambda o, i, r: o.cast(o.load(z, r), dtypes.int64), dtypes.int64))
    return b.build(*out)


def empty() -> Program:
    """Loops of no iterations: a transposed copy of nothing, sums over nothing, and no sums."""
    b = ProgramBuilder("empty")
    x, y = b.input("x", [3, 0, 5]), b.input("y", [4, 0])
    return b.build(
        b.pointwise("clone", [5, 3, 0], lambda o, i: o.load(x, [i[1], i[2], i[0]])),
        b.reduce("sum", [4], [0], lambda o, i, r: o.load(y, [i[0], r[0]])),
        b.reduce("sum", [0], [4], lambda o, i, r: o.load(y, [r[0], i[0]])),
        b.reduce("sum", [], [4, 0], lambda o, i, r: o.load(y, r)),
    )


def diamond() -> Program:
    """A value with two users in kernels of different loops, joined again: no fusion may close a cycle."""
    b = ProgramBuilder("diamond")
    x = b.input("x", [30, 20])
    a = b.pointwise("exp", [30, 20], lambda o, i: o.op("exp", o.load(x, i)))
    s = b.reduce("sum", [20], [30], lambda o, i, r: o.load(a, [r[0], i[0]]))
    m = b.reduce("max", [30], [20], lambda o, i, r: o.op("mul", o.load(a, [i[0], r[0]]), o.load(s, [r[0]])))
    y = b.pointwise(
        "sub",
        [30, 20],
        lambda o, i: o.op("sub", o.load(a, i), o.op("mul", o.load(m, i[:1]), o.load(s, i[1:]))),
    )
    return b.build(y, m)


FAMILIES: dict[str, Callable[[], Program]] = {
    **EXAMPLES,
    **{
        f.__name__: f
        for f in (
            scalar,
            broadcast,
            channels_last,
            to_channels_last,
            pad_and_cat,
            max_pool,
            half_types,
            integers,
            diamond,
            empty,
        )
    },
    **REDUCTIONS,
    **TEMPLATES,
}
