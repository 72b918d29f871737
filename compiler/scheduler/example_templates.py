"""Example programs around templates, scans and scatters. See `example_programs` for the builder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from compiler.ir import dtypes
from compiler.ir.expr import Expr, exprs
from compiler.ir.loop import Body, Layout, Program, Scan, Scatter, TensorRef, loop_var
from compiler.scheduler.example_programs import BodyBuilder, ProgramBuilder

CONV_SHAPE = (
    "N",
    "H",
    "W",
    "C",
    "OC",
    "KH",
    "KW",
    "OH",
    "OW",
    "stride_h",
    "stride_w",
    "pad_h",
    "pad_w",
    "dil_h",
    "dil_w",
    "groups",
)


def in_place_chain() -> Program:
    """A value that a product reads and a later kernel overwrites in place."""
    b = ProgramBuilder("in_place_chain")
    x, w = b.input("x", [40, 48]), b.constant("weight", [48 * 16], "panel16", [48, 16])
    a = b.pointwise("exp", [40, 48], lambda o, i: o.op("exp", o.load(x, i)))
    y = b.gemm(a, w, 40, 16, 48)
    m = b.reduce("max", [], [40, 16], lambda o, i, r: o.load(y, r))
    c = b.pointwise("sub", [40, 48], lambda o, i: o.op("sub", o.load(a, i), o.load(m, [])))
    z = b.gemm(c, w, 40, 16, 48)
    return b.build(b.pointwise("tanh", [40, 16], lambda o, i: o.op("tanh", o.load(z, i))))


def scan(name: str, size: Sequence[int], dim: int, kind: str) -> Program:
    b = ProgramBuilder(name)
    x, body = b.input("x", size), BodyBuilder(b)
    body.load(x, [loop_var(k, e) for k, e in enumerate(size)])
    layout = Layout.contiguous(dtypes.float32, size)
    b._add(
        Scan(
            "buf0",
            layout,
            b._origin("cumsum", "buf0"),
            dim,
            kind,
            dtypes.float32,
            Body(tuple(body.ops), (0,)),
        )
    )
    return b.build("buf0")


def scan_rows() -> Program:
    return scan("scan_rows", [7, 50], 1, "sum")


def scan_columns() -> Program:
    return scan("scan_columns", [3, 9, 70], 1, "max")


def scan_line() -> Program:
    return scan("scan_line", [100], 0, "prod")


def scatter(mode: str) -> Program:
    """Rows of `y` go to the rows of a copy of `x` that `index` names; indices repeat."""
    b = ProgramBuilder(f"scatter_{mode}")
    x, y, index = b.input("x", [10, 20]), b.input("y", [15, 20]), b.input("index", [15], dtypes.int64)
    body = BodyBuilder(b)
    i = [loop_var(0, 15), loop_var(1, 20)]
    row = body.indirect(body.load(index, i[:1]), 10)
    value = body.load(y, i)
    layout = Layout.contiguous(dtypes.float32, [10, 20])
    stored = Body(tuple(body.ops), (value,))
    base = TensorRef(x, b.layouts[x])
    b._add(
        Scatter(
            "buf0",
            layout,
            b._origin("index_put", "buf0"),
            base,
            exprs([15, 20]),
            layout.index([row, i[1]]),
            mode,
            stored,
        )
    )
    return b.build("buf0")


def scatter_store() -> Program:
    return scatter("store")


def scatter_add() -> Program:
    return scatter("add")


def gemm_residual() -> Program:
    """Two outputs behind one product: with bias and residual, and its ReLU; M is no multiple of the tile."""
    b = ProgramBuilder("gemm_residual")
    x, z, bias = b.input("x", [3, 11, 24]), b.input("z", [3, 11, 40]), b.constant("bias", [40])
    w = b.constant("weight", [3 * 24 * 16], "panel16", [24, 40])
    refs = [TensorRef(x, Layout.contiguous(dtypes.float32, [33, 24])), TensorRef(w, b.layouts[w])]
    y = b.template(
        "gemm", refs, (("M", 33), ("N", 40), ("K", 24)), [33, 40], Layout.contiguous(dtypes.float32, [33, 40])
    )
    biased = b.pointwise(
        "add", [3, 11, 40], lambda o, i: o.op("add", o.load(y, [i[0] * 11 + i[1], i[2]]), o.load(bias, i[2:]))
    )
    s = b.pointwise("add", [3, 11, 40], lambda o, i: o.op("add", o.load(biased, i), o.load(z, i)))
    r = b.pointwise("relu", [3, 11, 40], lambda o, i: o.op("maximum", o.load(s, i), o.constant(0.0)))
    return b.build(s, r)


def bmm_scaled() -> Program:
    """A batched product with a transposed operand; the epilogue reads a value of each batch."""
    b = ProgramBuilder("bmm_scaled")
    x, y, scale = b.input("x", [3, 10, 8]), b.input("y", [3, 20, 8]), b.input("scale", [3])
    transposed = Layout(dtypes.float32, exprs([3, 8, 20]), exprs([160, 1, 8]))
    refs = [TensorRef(x, b.layouts[x]), TensorRef(y, transposed)]
    params = (("B", 3), ("M", 10), ("N", 20), ("K", 8))
    p = b.template("bmm", refs, params, [3, 10, 20], Layout.contiguous(dtypes.float32, [3, 10, 20]))
    return b.build(
        b.pointwise("mul", [3, 10, 20], lambda o, i: o.op("mul", o.load(p, i), o.load(scale, i[:1])))
    )


def conv_relu() -> Program:
    b = ProgramBuilder("conv_relu")
    strides = [8 * 9 * 9, 1, 9 * 8, 8]
    x = b.input("x", [2, 8, 9, 9], strides=strides)
    w, bias = (
        b.constant("weight", [2 * 9 * 8 * 16], "conv_panel16:1", [20, 8, 3, 3]),
        b.constant("bias", [20]),
    )
    shape = (2, 9, 9, 8, 20, 3, 3, 9, 9, 1, 1, 1, 1, 1, 1, 1)
    refs = [TensorRef(x, b.layouts[x]), TensorRef(w, b.layouts[w])]
    y = b.template(
        "conv2d",
        refs,
        tuple(zip(CONV_SHAPE, shape, strict=True)),
        [162, 20],
        Layout.contiguous(dtypes.float32, [162, 20]),
    )

    def relu(o: BodyBuilder, i: list[Expr]) -> int:
        return o.op(
            "maximum",
            o.op("add", o.load(y, [i[0] * 81 + i[2] * 9 + i[3], i[1]]), o.load(bias, [i[1]])),
            o.constant(0.0),
        )

    return b.build(b.pointwise("relu", [2, 20, 9, 9], relu, strides=[20 * 81, 1, 180, 20]))


def attention() -> Program:
    b = ProgramBuilder("attention")
    q, k, v = (b.input(n, [1, 2, 12, 16]) for n in "qkv")
    refs = [TensorRef(n, b.layouts[n]) for n in (q, k, v)]
    out = Layout(dtypes.float32, exprs([1, 2, 12, 16]), exprs([384, 16, 32, 1]))
    y = b.template("attention", refs, (("scale", 0.25), ("causal", False)), [1, 12, 2, 16], out)
    return b.build(y)


TEMPLATES: dict[str, Callable[[], Program]] = {
    f.__name__: f
    for f in (
        in_place_chain,
        scan_rows,
        scan_columns,
        scan_line,
        scatter_store,
        scatter_add,
        gemm_residual,
        bmm_scaled,
        conv_relu,
        attention,
    )
}
