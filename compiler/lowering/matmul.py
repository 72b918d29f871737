"""Matrix products. The FX passes leave `linear` (any rank times a weight [N, K]), `mm` and `bmm`.

    linear, mm with a constant right side  ->  template gemm: weight packed when the package is written; bfloat16 stays
                                               bfloat16 in memory (an even K; else it is converted)
    mm, bmm                                ->  template bmm: operands with any strides, mm as a batch of one
    one row or one column                  ->  a reduction over k: every element of the matrix is read once, so tiles would only copy
                                               it, and what computes it (the weights of chosen experts) is fused
    float64 and integers                   ->  a reduction over k (correct, not fast)
    on a GPU, all of them                  ->  template triton_gemm: operands in their own type and with any strides, nothing packed;
                                               a matrix times a vector the other way round, as one row

On a CPU products of 16-bit floats are added up in float32 and rounded once, behind the bias, which is a pointwise
addition that the scheduler fuses.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, mul_all
from compiler.ir.loop import Layout, TensorRef
from compiler.lowering.builder import Builder
from compiler.lowering.constants import packed_gemm_numel, packing_for
from compiler.lowering.factories import full
from compiler.lowering.pointwise import apply
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.promotion import promote
from compiler.lowering.registry import lowers
from compiler.lowering.tracer import Scalar, Tracer, compute_dtype
from compiler.lowering.values import Index, Value
from compiler.lowering.view_ops import permute, reshape


@lowers("aten.mm.default")
def mm(b: Builder, x: Value, y: Value) -> Value:
    return product(b, x, y)


@lowers("aten.bmm.default")
def bmm(b: Builder, x: Value, y: Value) -> Value:
    return product(b, x, y)


@lowers("aten.linear.default")
def linear(b: Builder, x: Value, weight: Value, bias: Value | None = None) -> Value:
    rows = reshape(b, x, (mul_all(x.size[:-1]), x.size[-1]))
    result = wide_product(b, rows, permute(b, weight, (1, 0)))
    if bias is not None:
        result = apply(b, "add", [result, bias], x.dtype, promote([result, bias]))
    result = convert(b, result, x.dtype)
    if b.on_gpu:
        b.realize(result)  # behind the product's tiles, whoever reads parts of it
    return reshape(b, result, (*x.size[:-1], weight.size[0]))


def product(b: Builder, x: Value, y: Value) -> Value:
    """x [M, K] @ y [K, N], or x [B, M, K] @ y [B, K, N], in the operands' dtype."""
    return convert(b, wide_product(b, x, y), x.dtype)


def wide_product(b: Builder, x: Value, y: Value) -> Value:
    """The same, on a CPU not yet rounded: float32 for 16-bit floats."""
    size = (*x.size[:-1], y.size[-1])
    if x.size[-1] == 0 or mul_all(size) == 0:
        return full(b, size, 0, x.dtype)
    if compute_dtype(x.dtype) != dtypes.float32:
        return _by_reduction(b, x, y, size)
    if b.on_gpu:
        return _on_gpu(b, x, y, size)
    packable = x.rank == 2 and y.ref is not None and b.constants.tensor(y.ref) is not None
    if size[-1] == 1 or (size[-2] == 1 and not packable):
        return _by_vector(b, x, y, size)
    if packable and y.ref is not None:
        return _gemm(b, x, y.ref, size)
    return _by_template(b, convert(b, x, dtypes.float32), convert(b, y, dtypes.float32), size)


def _by_template(b: Builder, x: Value, y: Value, size: Sequence[Expr]) -> Value:
    if x.rank == 2:
        one = [reshape(b, b.realize(v), (1, *v.size)) for v in (x, y)]
        return reshape(b, _by_template(b, one[0], one[1], (*one[0].size[:2], size[1])), size)
    batch, m, n = size
    layout = Layout.contiguous(dtypes.float32, size)
    params = (("B", plain(batch)), ("M", plain(m)), ("N", plain(n)), ("K", plain(x.size[-1])))
    return Value.stored(b.template("bmm", layout, [b.in_memory(x), b.in_memory(y)], params, size))


def _on_gpu(b: Builder, x: Value, y: Value, size: Sequence[Expr]) -> Value:
    if x.rank == 2:
        one = [reshape(b, b.realize(v), (1, *v.size)) for v in (x, y)]
        return reshape(b, _on_gpu(b, one[0], one[1], (*one[0].size[:2], size[1])), size)
    batch, m, n = size
    if (
        n == 1 and m != 1
    ):  # the vector has the few rows, which a template takes at the speed of memory and in exact float32
        turned = _on_gpu(b, permute(b, y, (0, 2, 1)), permute(b, x, (0, 2, 1)), (batch, n, m))
        return permute(b, turned, (0, 2, 1))
    params = (("B", plain(batch)), ("M", plain(m)), ("N", plain(n)), ("K", plain(x.size[-1])))
    layout = Layout.contiguous(x.dtype, size)
    return Value.stored(b.template("triton_gemm", layout, [b.in_memory(x), b.in_memory(y)], params, size))


def _gemm(b: Builder, x: Value, weight: TensorRef, size: Sequence[Expr]) -> Value:
    m, n = size
    k = x.size[1]
    packing = packing_for("panel16", x.dtype, k.value())
    packed = b.constants.packed(weight, packing, packed_gemm_numel(n.value(), k.value()))
    rows = _rows(b, convert(b, x, packed.layout.dtype))
    params = (("M", plain(m)), ("N", plain(n)), ("K", plain(k)))
    return Value.stored(
        b.template("gemm", Layout.contiguous(dtypes.float32, size), [rows, packed], params, size)
    )


def _rows(b: Builder, x: Value) -> TensorRef:
    """x [M, K] in memory with unit stride in K; rows may be apart, by an even number where the kernel reads pairs."""
    ref = b.in_memory(x)
    stride = ref.layout.stride
    if x.dtype == dtypes.bfloat16 and x.size[0] != 1 and stride[0] % 2 != 0:
        return b.contiguous(x)
    if (stride[1] == 1 or x.size[1] == 1) and (stride[0] != 0 or x.size[0] == 1):
        return ref
    return b.contiguous(x)


def _by_vector(b: Builder, x: Value, y: Value, size: Sequence[Expr]) -> Value:
    """One of the two has one row or column and is read again for each of the other's; the other may be computed on the way."""
    b.realize(y if size[-1] == 1 else x)
    left, right = (convert(b, v, dtypes.float32) for v in (x, y))
    return _over_k(b, left, right, size, dtypes.float32)


def _by_reduction(b: Builder, x: Value, y: Value, size: Sequence[Expr]) -> Value:
    return _over_k(b, b.realize(x), b.realize(y), size, _accumulator(x.dtype))


def _over_k(b: Builder, x: Value, y: Value, size: Sequence[Expr], accumulate: DType) -> Value:
    """Sums of `accumulate`, stored in x's type."""

    def make(t: Tracer, i: Index, r: Index) -> Scalar:
        left = x.at(t, (*i[:-1], *r))
        return t.cast(t.op("mul", left, y.at(t, (*i[:-2], *r, i[-1]))), accumulate)

    return b.reduce("sum", x.dtype, accumulate, size, (x.size[-1],), make)


def _accumulator(dtype: DType) -> DType:
    return dtype if dtype.is_float else dtypes.int64


def plain(e: Expr) -> int | Expr:
    """A constant size as a Python integer."""
    return e.value() if e.is_const else e
