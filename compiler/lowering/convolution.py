"""Convolutions.

    float32 or 16-bit, constant weight:
      1-D, 2-D                         ->  a template (`convolution_template.py`); bfloat16 stays bfloat16 in memory where the channels of
                                           a group are even
      3-D                              ->  a sum of 2-D ones, one for each tap of the depth (`convolution_depth.py`)
      transposed, stride = kernel      ->  a matrix product; each pixel's columns are the pixels that it becomes
      transposed, one group, 1-D, 2-D  ->  an ordinary one for each remainder of the output's place (`convolution_transposed.py`)
    on a GPU, float32 and 16-bit, 1-D and 2-D  ->  template triton_convolution (`gpu_convolution.py`), or triton_gemm for a 1x1 kernel
    on a GPU, 3-D, one group                   ->  a matrix product with the taps written out
    other transposed, float64, computed weights  ->  a reduction over channels and window (correct, not fast)

Before/after (conv 3x3, stride 1, padding 1, [1, 64, 56, 56]; the input is stored channels-last, so nothing is
reordered):
    buf1 = template conv2d float32 [3136, 64] stride [64, 1] over [3136, 64]
      operand buf0 float32 [1, 64, 56, 56] stride [200704, 1, 3584, 64]
      operand p_weight_packed float32 [36864] stride [1]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from compiler.ir import dtypes
from compiler.ir.expr import Expr, as_expr, mul_all
from compiler.lowering import gpu_convolution
from compiler.lowering.builder import Builder
from compiler.lowering.convolution_depth import by_depth
from compiler.lowering.convolution_template import Window, by_template, flat, is_pointwise, params_of
from compiler.lowering.convolution_transposed import by_phases
from compiler.lowering.factories import full
from compiler.lowering.matmul import product, wide_product
from compiler.lowering.pointwise import apply
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.registry import lowers
from compiler.lowering.tracer import Scalar, Tracer, compute_dtype
from compiler.lowering.values import Cost, Index, Value
from compiler.lowering.view_ops import permute, reshape, squeeze, unsqueeze


@lowers("aten.convolution.default")
def convolution(
    b: Builder,
    x: Value,
    weight: Value,
    bias: Value | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Value:
    return convolve(
        b, x, weight, bias, Window.of(weight.rank - 2, stride, padding, dilation, groups, transposed)
    )


@lowers("aten.conv1d.default", "aten.conv2d.default", "aten.conv3d.default")
def conv_nd(
    b: Builder,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Sequence[int] | int = 1,
    padding: Sequence[int] | int = 0,
    dilation: Sequence[int] | int = 1,
    groups: int = 1,
) -> Value:
    return convolve(b, x, weight, bias, Window.of(weight.rank - 2, stride, padding, dilation, groups))


@lowers("aten.conv1d.padding", "aten.conv2d.padding", "aten.conv3d.padding")
def conv_nd_padding(
    b: Builder,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Sequence[int] | int = 1,
    padding: str = "valid",
    dilation: Sequence[int] | int = 1,
    groups: int = 1,
) -> Value:
    """ "same" pads d * (k - 1) in all, the smaller half in front; what is missing behind follows from the result's size."""
    window = Window.of(weight.rank - 2, stride, 0, dilation, groups)
    if padding == "same":
        front = tuple(d * (k.value() - 1) // 2 for d, k in zip(window.dilation, weight.size[2:], strict=True))
        window = replace(window, padding=front)
    return convolve(b, x, weight, bias, window)


def convolve(b: Builder, x: Value, weight: Value, bias: Value | None, window: Window) -> Value:
    """x [N, C, spatial...] (or without N) with weight [OC, C / groups, kernel...]; the sizes of the result are export's."""
    if x.rank == weight.rank - 1:
        batched = convolve_batched(b, unsqueeze(b, x, 0), weight, (as_expr(1), *b.out.size), window)
        result = squeeze(b, batched, [0])
    else:
        result = convolve_batched(b, x, weight, b.out.size, window)
    if bias is not None:
        shaped = reshape(b, bias, [bias.size[0], *[1] * (weight.rank - 2)])
        result = apply(b, "add", [result, shaped], x.dtype, result.dtype)
    return convert(b, result, x.dtype)


def convolve_batched(b: Builder, x: Value, weight: Value, size: Index, window: Window) -> Value:
    """The convolution without bias; sums of 16-bit floats are float32, not yet rounded."""
    if mul_all(size) == 0 or x.numel() == 0:
        return full(b, size, 0, x.dtype)
    if b.on_gpu and not window.transposed and compute_dtype(x.dtype) == dtypes.float32:
        if weight.rank in (3, 4):
            return _on_gpu(b, x, weight, size, window)
        if window.groups == 1:
            return _by_product(b, x, weight, size, window)
    constant = weight.ref is not None and b.constants.tensor(weight.ref) is not None
    if not constant or compute_dtype(x.dtype) != dtypes.float32:
        return _by_reduction(b, x, weight, size, window)
    if _only_spreads(x, weight, size, window):
        return _by_spreading(b, x, weight, size)
    if b.on_gpu or (window.transposed and (window.groups > 1 or weight.rank == 5)):
        return _by_reduction(b, x, weight, size, window)
    if window.transposed:
        return by_phases(b, x, weight, size, window)
    return (
        by_depth(b, x, weight, size, window) if weight.rank == 5 else by_template(b, x, weight, size, window)
    )


def _on_gpu(b: Builder, x: Value, weight: Value, size: Index, window: Window) -> Value:
    if weight.rank == 3:
        size_2d = (*size[:2], as_expr(1), size[2])
        return squeeze(b, _on_gpu(b, unsqueeze(b, x, 2), unsqueeze(b, weight, 2), size_2d, flat(window)), [2])
    if is_pointwise(x, weight, size, window):
        return gpu_convolution.by_product(b, x, weight, size)
    return gpu_convolution.by_template(b, x, weight, size, params_of(x, weight, size, window))


def _only_spreads(x: Value, weight: Value, size: Index, window: Window) -> bool:
    """Whether every output pixel of a transposed convolution comes from one input pixel and one tap."""
    sizes = zip(x.size[2:], weight.size[2:], size[2:], window.stride, strict=True)
    whole = all(k == s and out is extent * s for extent, k, out, s in sizes)
    return window.transposed and window.groups == 1 and set(window.padding) == {0} and whole


def _by_spreading(b: Builder, x: Value, weight: Value, size: Index) -> Value:
    """A matrix product over input pixels; weight [C, OC, kernel...] is its right side as it lies in memory."""
    kernel, spatial = weight.size[2:], x.size[2:]
    rows = permute(b, b.realize(x, (0, *range(2, x.rank), 1)), (0, *range(2, x.rank), 1))
    rows = reshape(b, rows, (mul_all((x.size[0], *spatial)), x.size[1]))
    products = wide_product(b, rows, reshape(b, weight, (x.size[1], mul_all(weight.size[1:]))))

    def element(t: Tracer, i: Index) -> Scalar:
        row, column = i[0], i[1]
        for place, extent, taps in zip(i[2:], spatial, kernel, strict=True):
            row, column = row * extent + place // taps, column * taps + place % taps
        return products.at(t, (row, column))

    return b.lazy(products.dtype, size, element, Cost(ops=2 * len(kernel)))


def _by_reduction(b: Builder, x: Value, weight: Value, size: Index, window: Window) -> Value:
    b.share(x)
    b.share(weight)
    acc = compute_dtype(x.dtype)
    kernel = weight.size[2:]
    in_group = x.size[1] // window.groups
    out_group = size[1] // window.groups

    def make(t: Tracer, i: Index, r: Index) -> Scalar:
        group, channel = i[1] // out_group, i[1] % out_group
        source = group * in_group + r[0]
        if window.transposed:
            at, conditions = _transposed_position(t, i[2:], r[1:], x.size[2:], window)
            w = weight.at(t, (source, channel, *r[1:]))
        else:
            at, conditions = _position(t, i[2:], r[1:], x.size[2:], window)
            w = weight.at(t, (i[1], *r))
        value = t.masked(t.all_of(conditions), lambda: x.at(t, (i[0], source, *at)), 0)
        return t.op("mul", value, w)

    return b.reduce("sum", x.dtype, acc, size, (in_group, *kernel), make)


def _by_product(b: Builder, x: Value, weight: Value, size: Index, window: Window) -> Value:
    """On a GPU: a matrix product over (pixels, channels and taps of the kernel), the operand of pixels written out."""
    b.share(x)
    kernel = weight.size[2:]
    pixels = (size[0], *size[2:])

    def tap(t: Tracer, i: Index) -> Scalar:
        out, channel, taps = i[1 : len(pixels)], i[len(pixels)], i[len(pixels) + 1 :]
        at, conditions = _position(t, out, taps, x.size[2:], window)
        return t.masked(t.all_of(conditions), lambda: x.at(t, (i[0], channel, *at)), 0)

    taps = b.realize(b.lazy(x.dtype, (*pixels, x.size[1], *kernel), tap, Cost(ops=4)))
    depth = mul_all((x.size[1], *kernel))
    rows = reshape(b, taps, (mul_all(pixels), depth))
    matrix = permute(b, reshape(b, weight, (weight.size[0], depth)), (1, 0))
    result = reshape(b, product(b, rows, matrix), (*pixels, weight.size[0]))
    last = len(pixels)
    return permute(b, result, (0, last, *range(1, last)))


def _position(t: Tracer, out: Index, tap: Index, extent: Index, window: Window) -> tuple[Index, list[Scalar]]:
    """Where in the input this tap of the kernel lies, and the conditions for being inside."""
    at = tuple(
        o * s - p + k * d
        for o, k, s, p, d in zip(out, tap, window.stride, window.padding, window.dilation, strict=True)
    )
    return at, [c for position, size in zip(at, extent, strict=True) for c in t.in_range(position, 0, size)]


def _transposed_position(
    t: Tracer, out: Index, tap: Index, extent: Index, window: Window
) -> tuple[Index, list[Scalar]]:
    """The same for a transposed convolution: the input element that this tap spreads to this output, where there is one."""
    at: list[Expr] = []
    conditions: list[Scalar] = []
    for o, k, s, p, d, size in zip(
        out, tap, window.stride, window.padding, window.dilation, extent, strict=True
    ):
        spread = o + p - k * d
        if s > 1:
            conditions.append(t.op("eq", t.index(spread % s), t.index(0)))
        at.append(spread // s)
        conditions += t.in_range(spread // s, 0, size)
    return tuple(at), conditions
