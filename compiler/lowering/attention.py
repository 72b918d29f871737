"""Scaled dot-product attention: softmax(scale * q @ k^T + mask) @ v.

    float32, 16-bit floats  ->  template attention (blocked, online softmax); q, k, v with unit stride in the last dim, heads in any place;
                                bfloat16 stays bfloat16 where the head size is even, float16 is converted
    float64, on a GPU       ->  matrix products and softmax of this package

The result takes q's memory order, so that `transpose(1, 2).flatten(2)` after it is a view. A bool mask (true:
attend) becomes an additive one in the FX pass `canonicalize_attention`.
"""

from __future__ import annotations

import math

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, mul_all
from compiler.ir.loop import Layout, TensorRef
from compiler.lowering import stride_order
from compiler.lowering.builder import Builder
from compiler.lowering.factories import full
from compiler.lowering.matmul import product
from compiler.lowering.normalization import softmax
from compiler.lowering.pointwise import apply
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.pointwise_composites import select as where
from compiler.lowering.registry import Unsupported, lowers
from compiler.lowering.tracer import Scalar, Tracer, compute_dtype
from compiler.lowering.values import Cost, Index, Value
from compiler.lowering.view_ops import expand, permute, reshape, squeeze, unsqueeze


@lowers("aten.scaled_dot_product_attention.default")
def attention(
    b: Builder,
    q: Value,
    k: Value,
    v: Value,
    mask: Value | None = None,
    dropout: float = 0.0,
    causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Value:
    """q [..., H, Sq, D], k [..., H, Sk, D], v [..., H, Sk, Dv] -> [..., H, Sq, Dv]."""
    if dropout:
        raise Unsupported(f"attention with dropout {dropout}", "call model.eval() before the export")
    if b.out.size and mul_all(b.out.size) == 0:
        return full(b, b.out.size, 0, q.dtype)
    if q.rank == 3:
        q, k, v = (unsqueeze(b, x, 1) for x in (q, k, v))
        mask = unsqueeze(b, mask, 1) if mask is not None and mask.rank == 3 else mask
        return squeeze(b, _four_dims(b, q, k, v, mask, causal, scale), [1])
    if q.rank != 4:
        return _flattened(b, q, k, v, mask, causal, scale)
    return _four_dims(b, q, k, v, mask, causal, scale)


def _flattened(
    b: Builder, q: Value, k: Value, v: Value, mask: Value | None, causal: bool, scale: float | None
) -> Value:
    """Any number of batch dims (none included) as one."""
    lead = q.size[:-3]
    four = [reshape(b, x, (mul_all(lead), *([1] if x.rank == 2 else []), *x.size[-3:])) for x in (q, k, v)]
    if mask is not None and mask.rank > 2:
        mask = reshape(
            b,
            expand(b, mask, (*lead, *q.size[-3:-1], k.size[-2])),
            (mul_all(lead), *q.size[-3:-1], k.size[-2]),
        )
    return reshape(b, _four_dims(b, four[0], four[1], four[2], mask, causal, scale), b.out.size)


def _four_dims(
    b: Builder, q: Value, k: Value, v: Value, mask: Value | None, causal: bool, scale: float | None
) -> Value:
    factor = 1 / math.sqrt(q.size[-1]) if scale is None else scale
    wide = compute_dtype(q.dtype)
    stays = b.on_gpu or (q.dtype == dtypes.bfloat16 and q.size[3] % 2 == 0)
    kept = q.dtype if stays else wide  # the type of operands and result in memory
    if mask is not None:
        mask = _additive(b, mask, kept if b.on_gpu else wide)
    if wide != dtypes.float32 or (b.on_gpu and not _fits_a_gpu(q, v)):
        return _explicit(b, q, k, v, mask, causal, factor)
    operands = [
        _word_rows(b, convert(b, q, kept)),
        _word_rows(b, convert(b, k, kept)),
        _rows(b, convert(b, v, kept)),
    ]
    if mask is not None:
        shape = (q.size[0], q.size[1], q.size[2], k.size[2])
        shown = expand(b, b.realize(mask), shape).ref
        assert shown is not None
        operands.append(shown)
    size = (*q.size[:3], v.size[3])
    order = stride_order.of_layout(operands[0].layout)
    if order[-1] != 3:
        order = stride_order.natural(4)
    dense = Layout.contiguous(kept, [size[d] for d in order])
    layout = stride_order.permuted_layout(dense, stride_order.inverse(order))
    template = "triton_attention" if b.on_gpu else "attention"
    ref = b.template(template, layout, operands, [("scale", factor), ("causal", causal)], dense.size)
    return convert(b, Value.stored(ref), q.dtype)


def _fits_a_gpu(q: Value, v: Value) -> bool:
    """kernels/triton/attention.py: depths known, and at most 256."""
    return all(x.size[3].is_const and x.size[3].value() <= 256 for x in (q, v))


def _additive(b: Builder, mask: Value, wide: DType) -> Value:
    """The mask as numbers that are added to the scores."""
    if mask.dtype == dtypes.bool_:
        return where(b, mask, 0.0, -math.inf, wide)
    return convert(b, mask, wide)


def _rows(b: Builder, x: Value) -> TensorRef:
    """x in memory with unit stride in its last dim."""
    ref = b.in_memory(x)
    if ref.layout.stride[-1] == 1 or x.size[-1] == 1:
        return ref
    return b.contiguous(x)


def _word_rows(b: Builder, x: Value) -> TensorRef:
    """The same, and rows of bfloat16 begin where pairs of them do, as the CPU's kernel reads them."""
    ref = _rows(b, x)
    used = [s for s, size in zip(ref.layout.stride[:-1], x.size, strict=False) if size != 1]
    whole = all(e % 2 == 0 for e in (*used, ref.layout.offset))
    return ref if whole or x.dtype != dtypes.bfloat16 or b.on_gpu else b.contiguous(x)


def _explicit(
    b: Builder, q: Value, k: Value, v: Value, mask: Value | None, causal: bool, scale: float
) -> Value:
    """The definition, step by step. Rows in which nothing may be attended to are zero."""
    batch, heads, rows, _ = q.size
    repeat = heads // k.size[1]
    flat = (batch * heads, rows)

    def per_head(x: Value) -> Value:
        repeated = expand(b, unsqueeze(b, x, 2), (batch, x.size[1], repeat, *x.size[2:]))
        return reshape(b, repeated, (batch * heads, *x.size[2:]))

    scores = product(b, reshape(b, q, (*flat, q.size[3])), permute(b, per_head(k), (0, 2, 1)))
    scores = apply(b, "mul", [scores, scale], q.dtype, q.dtype)
    if causal:
        scores = where(b, _lower_triangle(b, rows, k.size[2]), scores, -math.inf, q.dtype)
    shaped = reshape(b, b.realize(scores), (batch, heads, rows, k.size[2]))
    if mask is not None:
        shaped = apply(b, "add", [shaped, mask], q.dtype, q.dtype)
    weights = softmax(b, shaped, -1, q.dtype)
    # exp(-inf - -inf) is NaN: a row without anything to attend to.
    weights = where(b, apply(b, "isnan", [weights], dtypes.bool_, q.dtype), 0.0, weights, q.dtype)
    result = product(b, reshape(b, weights, (*flat, k.size[2])), per_head(v))
    return reshape(b, result, (batch, heads, rows, v.size[3]))


def _lower_triangle(b: Builder, rows: Expr, columns: Expr) -> Value:
    def make(t: Tracer, i: Index) -> Scalar:
        return t.op("ge", t.index(i[0]), t.index(i[1]))

    return b.lazy(dtypes.bool_, (rows, columns), make, Cost(ops=1))
