"""Small Loop IR programs for the tests of scheduler and codegen, written with a builder.

Enters: nothing. Leaves: `ProgramBuilder`, and one function for each family of loops that must be handled.

    b = ProgramBuilder("softmax"); x = b.input("x", [64, 64])
    m = b.reduce("max", x, [64], [64], lambda i, r: [i[0], r[0]])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Union

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, IntLike, as_expr, exprs
from compiler.ir.loop import (
    Body,
    BodyOp,
    Constant,
    CustomKernel,
    Input,
    Layout,
    Node,
    OutputRef,
    Pointwise,
    Program,
    Reduction,
    Result,
    TemplateKernel,
    TensorRef,
    indirect_var,
    loop_var,
    reduction_var,
)
from compiler.ir.triton_kernel import FULL_SCHEMA, TritonKernel
from compiler.support.origins import Origin

Position = Sequence[IntLike]
Parameter = Union[int, float, bool, str, Expr]


class BodyBuilder:
    """Records scalar operations; values are their ids."""

    def __init__(self, program: ProgramBuilder) -> None:
        self.program = program
        self.ops: list[BodyOp] = []

    def _add(self, op: BodyOp) -> int:
        self.ops.append(op)
        return len(self.ops) - 1

    def load(self, buffer: str, position: Position, mask: int | None = None, other: int | None = None) -> int:
        layout = self.program.layouts[buffer]
        args = () if mask is None or other is None else (mask, other)
        return self._add(BodyOp("load", args, layout.dtype, (buffer, layout.index(position))))

    def constant(self, value: float, dtype: DType = dtypes.float32) -> int:
        return self._add(BodyOp("constant", (), dtype, (value,)))

    def index(self, e: IntLike, dtype: DType = dtypes.int64) -> int:
        return self._add(BodyOp("index", (), dtype, (as_expr(e),)))

    def indirect(self, value: int, size: int) -> Expr:
        k = self._add(BodyOp("indirect", (value,), dtypes.int64, (as_expr(size), "the table")))
        return indirect_var(k, size)

    def cast(self, value: int, dtype: DType) -> int:
        return self._add(BodyOp("cast", (value,), dtype))

    def op(self, opcode: str, *args: int) -> int:
        result = self.ops[args[1] if opcode == "where" else args[0]].dtype
        comparison = opcode in (
            "eq",
            "ne",
            "lt",
            "le",
            "gt",
            "ge",
            "logical_and",
            "logical_or",
            "logical_not",
            "isnan",
            "isinf",
        )
        return self._add(BodyOp(opcode, args, dtypes.bool_ if comparison else result))


Recipe = Callable[..., int]


@dataclass
class ProgramBuilder:
    name: str
    inputs: list[Input] = field(default_factory=list)
    constants: list[Constant] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    layouts: dict[str, Layout] = field(default_factory=dict)
    data: dict[str, object] = field(default_factory=dict)

    def input(
        self,
        name: str,
        size: Sequence[IntLike],
        dtype: DType = dtypes.float32,
        strides: Sequence[int] | None = None,
    ) -> str:
        layout = (
            Layout.contiguous(dtype, size) if strides is None else Layout(dtype, exprs(size), exprs(strides))
        )
        self.inputs.append(Input(name, layout))
        self.layouts[name] = layout
        return name

    def constant(self, name: str, size: Sequence[int], packing: str = "", source: Sequence[int] = ()) -> str:
        """A float32 constant with seeded data; `source` is the size before packing."""
        layout = Layout.contiguous(dtypes.float32, size)
        self.constants.append(Constant(name, layout, name, name, packing))
        self.layouts[name] = layout
        import torch  # costs seconds, and most programs have no constants

        generator = torch.Generator().manual_seed(len(self.constants))
        self.data[name] = torch.randn([*(source or size)], generator=generator) * (0.1 if packing else 1.0)
        return name

    def _origin(self, op: str, name: str) -> tuple[Origin, ...]:
        return (Origin(name, f"aten.{op}.default", f"models/example.py:{len(self.nodes) + 1} in forward"),)

    def _add(self, node: Node) -> str:
        self.nodes.append(node)
        self.layouts[node.name] = node.layout
        return node.name

    def _layout(self, dtype: DType, size: Sequence[IntLike], strides: Sequence[int] | None) -> Layout:
        return (
            Layout.contiguous(dtype, size) if strides is None else Layout(dtype, exprs(size), exprs(strides))
        )

    def pointwise(
        self,
        op: str,
        size: Sequence[IntLike],
        recipe: Recipe,
        dtype: DType = dtypes.float32,
        strides: Sequence[int] | None = None,
    ) -> str:
        """recipe(body, i) gives the value at position i."""
        name, body = f"buf{len(self.nodes)}", BodyBuilder(self)
        value = recipe(body, [loop_var(k, e) for k, e in enumerate(size)])
        layout = self._layout(dtype, size, strides)
        return self._add(Pointwise(name, layout, self._origin(op, name), Body(tuple(body.ops), (value,))))

    def reduce(
        self, kind: str, size: Sequence[IntLike], reduced: Sequence[IntLike], recipe: Recipe, dtype: DType = dtypes.float32,
        acc: DType | None = None,
    ) -> str:  # fmt: skip
        """recipe(body, i, r) gives the value to reduce."""
        name, body = f"buf{len(self.nodes)}", BodyBuilder(self)
        variables = (
            [loop_var(k, e) for k, e in enumerate(size)],
            [reduction_var(k, e) for k, e in enumerate(reduced)],
        )
        value = recipe(body, *variables)
        origins = self._origin({"max": "amax", "min": "amin"}.get(kind, kind), name)
        layout = Layout.contiguous(dtype, size)
        stored = Body(tuple(body.ops), (value,))
        return self._add(Reduction(name, layout, origins, exprs(reduced), kind, acc or dtype, stored))

    def template(
        self,
        template: str,
        operands: Sequence[TensorRef],
        params: Sequence[tuple[str, Parameter]],
        ranges: Sequence[int],
        layout: Layout,
    ) -> str:
        name = f"buf{len(self.nodes)}"
        op = {"gemm": "mm", "conv2d": "convolution", "attention": "scaled_dot_product_attention"}.get(
            template, template
        )
        node = TemplateKernel(
            name, layout, self._origin(op, name), template, tuple(operands), tuple(params), exprs(ranges)
        )
        return self._add(node)

    def triton(
        self, kernel: TritonKernel, tensors: Sequence[str | None], grid: Sequence[IntLike], *results: Layout
    ) -> list[str]:
        """A kernel of the model's own; None where the contents do not matter. The buffers that it writes."""
        refs = tuple(None if t is None else TensorRef(t, self.layouts[t]) for t in tensors)
        name, origins = f"custom{len(self.nodes)}", self._origin("triton", kernel.function)
        arguments = (kernel.to_json(), refs, (), tuple(as_expr(n) for n in grid))
        self._add(CustomKernel(name, Layout.contiguous(dtypes.bool_, [0]), origins, FULL_SCHEMA, arguments))
        return [self._add(Result(f"buf{len(self.nodes)}", layout, origins, name)) for layout in results]

    def gemm(self, a: str, b: str, m: int, n: int, k: int) -> str:
        """[M, K] times a packed constant of [K, N]."""
        refs = [TensorRef(a, self.layouts[a]), TensorRef(b, self.layouts[b])]
        return self.template(
            "gemm", refs, (("M", m), ("N", n), ("K", k)), [m, n], Layout.contiguous(dtypes.float32, [m, n])
        )

    def build(self, *outputs: str) -> Program:
        refs = [OutputRef(f"output{k}", TensorRef(b, self.layouts[b])) for k, b in enumerate(outputs)]
        return Program(self.name, self.inputs, self.constants, self.nodes, refs, self.data)


def pointwise_chain() -> Program:
    b = ProgramBuilder("pointwise_chain")
    x, y = b.input("x", [64, 64]), b.input("y", [64, 64])
    s = b.pointwise("sin", [64, 64], lambda o, i: o.op("sin", o.load(x, i)))
    t = b.pointwise("add", [64, 64], lambda o, i: o.op("add", o.load(s, i), o.load(y, i)))
    r = b.pointwise("relu", [64, 64], lambda o, i: o.op("maximum", o.load(t, i), o.constant(0.0)))
    return b.build(r)


def softmax(rows: int = 64, columns: int = 64) -> Program:
    b = ProgramBuilder("softmax")
    size = [rows, columns]
    x = b.input("x", size)
    m = b.reduce("max", [rows], [columns], lambda o, i, r: o.load(x, [i[0], r[0]]))
    d = b.pointwise("sub", size, lambda o, i: o.op("sub", o.load(x, i), o.load(m, i[:1])))
    e = b.pointwise("exp", size, lambda o, i: o.op("exp", o.load(d, i)))
    s = b.reduce("sum", [rows], [columns], lambda o, i, r: o.load(e, [i[0], r[0]]))
    y = b.pointwise("div", size, lambda o, i: o.op("div", o.load(e, i), o.load(s, i[:1])))
    return b.build(y)


def layer_norm(rows: int = 128, columns: int = 384) -> Program:
    """Residual addition, layer norm with two-pass variance, scale and shift."""
    b = ProgramBuilder("layer_norm")
    size = [1, rows, columns]
    x, z = b.input("x", size), b.input("z", size)
    g, h = b.constant("gamma", [columns]), b.constant("beta", [columns])
    a = b.pointwise("add", size, lambda o, i: o.op("add", o.load(x, i), o.load(z, i)))
    s = b.reduce("sum", [1, rows], [columns], lambda o, i, r: o.load(a, [*i, r[0]]))
    m = b.pointwise("mean", [1, rows], lambda o, i: o.op("mul", o.load(s, i), o.constant(1.0 / columns)))
    d = b.pointwise("sub", size, lambda o, i: o.op("sub", o.load(a, i), o.load(m, i[:2])))
    v = b.reduce(
        "sum", [1, rows], [columns], lambda o, i, r: o.op("mul", o.load(d, [*i, r[0]]), o.load(d, [*i, r[0]]))
    )

    def scale(o: BodyBuilder, i: list[Expr]) -> int:
        variance = o.op("mul", o.load(v, i), o.constant(1.0 / columns))
        return o.op("rsqrt", o.op("add", variance, o.constant(1e-12)))

    q = b.pointwise("rsqrt", [1, rows], scale)
    n = b.pointwise("mul", size, lambda o, i: o.op("mul", o.load(d, i), o.load(q, i[:2])))
    y = b.pointwise(
        "native_layer_norm",
        size,
        lambda o, i: o.op("add", o.op("mul", o.load(n, i), o.load(g, i[2:])), o.load(h, i[2:])),
    )
    return b.build(y)


def linear_gelu(m: int = 128, n: int = 1536, k: int = 384) -> Program:
    b = ProgramBuilder("linear_gelu")
    x, bias = b.input("x", [m, k]), b.constant("bias", [n])
    w = b.constant("weight", [-(-n // 16) * k * 16], "panel16", [k, n])
    y = b.gemm(x, w, m, n, k)
    z = b.pointwise("add", [1, m, n], lambda o, i: o.op("add", o.load(y, i[1:]), o.load(bias, i[2:])))

    def gelu(o: BodyBuilder, i: list[Expr]) -> int:
        v = o.load(z, i)
        erf = o.op("erf", o.op("mul", v, o.constant(0.7071067811865476)))
        return o.op("mul", o.op("mul", v, o.constant(0.5)), o.op("add", erf, o.constant(1.0)))

    return b.build(b.pointwise("gelu", [1, m, n], gelu))


def mean_over_tokens(tokens: int = 128, channels: int = 384) -> Program:
    """Masked mean over dim 1 of [1, tokens, channels]: a reduction across contiguous memory."""
    b = ProgramBuilder("mean_over_tokens")
    x, mask = b.input("x", [1, tokens, channels]), b.input("mask", [1, tokens], dtypes.int64)
    w = b.pointwise("to", [1, tokens, 1], lambda o, i: o.cast(o.load(mask, i[:2]), dtypes.float32))
    p = b.pointwise(
        "mul", [1, tokens, channels], lambda o, i: o.op("mul", o.load(x, i), o.load(w, [*i[:2], 0]))
    )
    s = b.reduce("sum", [1, channels], [tokens], lambda o, i, r: o.load(p, [i[0], r[0], i[1]]))
    c = b.reduce("sum", [1, 1], [tokens], lambda o, i, r: o.load(w, [i[0], r[0], 0]))
    y = b.pointwise(
        "div",
        [1, channels],
        lambda o, i: o.op("div", o.load(s, i), o.op("maximum", o.load(c, [i[0], 0]), o.constant(1e-9))),
    )
    return b.build(y)


def embedding(tokens: int = 128, rows: int = 1000, channels: int = 384) -> Program:
    b = ProgramBuilder("embedding")
    ids, table = b.input("ids", [1, tokens], dtypes.int64), b.constant("table", [rows, channels])
    position = b.constant("position", [tokens, channels])

    def gather(o: BodyBuilder, i: list[Expr]) -> int:
        row = o.indirect(o.load(ids, i[:2]), rows)
        return o.load(table, [row, i[2]])

    e = b.pointwise("embedding", [1, tokens, channels], gather)
    return b.build(
        b.pointwise(
            "add", [1, tokens, channels], lambda o, i: o.op("add", o.load(e, i), o.load(position, i[1:]))
        )
    )


def transpose(rows: int = 96, columns: int = 80) -> Program:
    b = ProgramBuilder("transpose")
    x = b.input("x", [rows, columns])
    return b.build(b.pointwise("clone", [columns, rows], lambda o, i: o.load(x, [i[1], i[0]])))


EXAMPLES: dict[str, Callable[[], Program]] = {
    f.__name__: f
    for f in (pointwise_chain, softmax, layer_norm, linear_gelu, mean_over_tokens, embedding, transpose)
}
