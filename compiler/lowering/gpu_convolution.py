"""Convolutions of one and two dims on a GPU: the templates of kernels/triton/convolution.py, channels last inside.

Enters: x [N, C, H, W], weight [OC, C / groups, KH, KW], of one float type. Leaves: a value [N, OC, OH, OW] that lies channels last, so that
between convolutions nothing is reordered. A constant weight is reordered while compiling, another one by a kernel:

    C / groups > 1    [OC, KH, KW, C / groups]    channels contiguous, for tensor cores
    C / groups == 1   [KH, KW, OC]                a tap's weights contiguous, for ordinary units (depthwise)

A kernel of one element that moves by one is a matrix product over pixels, which needs neither.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.expr import Expr, as_expr
from compiler.ir.loop import Layout, TensorRef
from compiler.lowering.builder import Builder, Parameter
from compiler.lowering.matmul import wide_product
from compiler.lowering.stride_order import Order
from compiler.lowering.values import Index, Value
from compiler.lowering.view_ops import permute, reshape

CHANNELS_LAST = (0, 2, 3, 1)
TAPS_FIRST = (2, 3, 0, 1)


def by_template(b: Builder, x: Value, weight: Value, size: Index, params: Sequence[Parameter]) -> Value:
    """`params`: the fields of Conv2dShape."""
    n, out_channels, out_h, out_w = size
    stored = b.realize(x, CHANNELS_LAST)
    assert stored.ref is not None
    order = TAPS_FIRST if weight.size[1] == 1 else CHANNELS_LAST
    layout = Layout.contiguous(x.dtype, (n * out_h * out_w, out_channels))
    operands = [stored.ref, _in_order(b, weight, order)]
    return _channels_last(b.template("triton_convolution", layout, operands, params, layout.size), size)


def by_product(b: Builder, x: Value, weight: Value, size: Index) -> Value:
    """A kernel of one element, stride 1, no padding, one group."""
    n, out_channels, out_h, out_w = size
    rows = reshape(b, permute(b, b.realize(x, CHANNELS_LAST), CHANNELS_LAST), (n * out_h * out_w, x.size[1]))
    matrix = permute(b, reshape(b, weight, (out_channels, x.size[1])), (1, 0))
    result = b.realize(wide_product(b, rows, matrix))
    assert result.ref is not None
    return _channels_last(result.ref, size)


def _in_order(b: Builder, weight: Value, order: Order) -> TensorRef:
    if weight.ref is not None:
        constant = b.constants.reordered(weight.ref, order)
        if constant is not None:
            return constant
    ref = b.realize(weight, order).ref
    assert ref is not None
    return ref


def _channels_last(rows: TensorRef, size: Index) -> Value:
    """A matrix [pixels, OC] as [N, OC, OH, OW]."""
    _, channels, high, wide = size
    strides: tuple[Expr, ...] = (high * wide * channels, as_expr(1), wide * channels, channels)
    return Value.stored(TensorRef(rows.buffer, Layout(rows.layout.dtype, size, strides)))
