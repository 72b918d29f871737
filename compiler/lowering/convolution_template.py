"""Convolutions that a template of kernels/cpp computes: 1-D and 2-D, a constant weight, any stride, padding, dilation and groups.

Enters: x [N, C, H, W], weight [OC, C / groups, KH, KW] as a view of a constant, the result's size, a `Window`. Leaves: float32
[N, OC, OH, OW] with channels last, from a template conv2d, conv2d_winograd (`winograd.py`) or, for a 1x1 kernel, gemm.
Invariants: a negative dilation means that the kernel's taps go backwards (`convolution_transposed.py`); nothing is written out of
the image, whose surroundings count as zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.ir import dtypes
from compiler.ir.expr import Expr, as_expr
from compiler.ir.loop import Layout, TensorRef
from compiler.lowering import winograd
from compiler.lowering.builder import Builder, Parameter
from compiler.lowering.constants import packed_conv_numel, packed_dtype, packing_for
from compiler.lowering.matmul import plain, wide_product
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.values import Index, Value
from compiler.lowering.view_ops import permute, reshape, squeeze, unsqueeze

CHANNELS_LAST = (0, 2, 3, 1)


@dataclass(frozen=True)
class Window:
    """How the kernel moves over the spatial dims, one entry a dim."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int
    transposed: bool = False

    @staticmethod
    def of(
        rank: int,
        stride: Sequence[int] | int,
        padding: Sequence[int] | int,
        dilation: Sequence[int] | int,
        groups: int,
        transposed: bool = False,
    ) -> Window:
        def full_rank(v: Sequence[int] | int) -> tuple[int, ...]:
            values = [v] if isinstance(v, int) else list(v)
            return tuple(values * rank if len(values) == 1 else values)

        return Window(full_rank(stride), full_rank(padding), full_rank(dilation), groups, transposed)


def flat(window: Window) -> Window:
    """A 1-D window as a 2-D one of height 1."""
    return Window(
        (1, *window.stride), (0, *window.padding), (1, *window.dilation), window.groups, window.transposed
    )


def by_template(b: Builder, x: Value, weight: Value, size: Index, window: Window) -> Value:
    """The convolution without bias, not yet rounded, in one or two dims."""
    if weight.rank == 3:
        size_2d = (*size[:2], as_expr(1), size[2])
        return squeeze(
            b, by_template(b, unsqueeze(b, x, 2), unsqueeze(b, weight, 2), size_2d, flat(window)), [2]
        )
    return _in_two_dims(b, convert(b, x, packed_dtype(_packing(x, weight, window))), weight, size, window)


def _in_two_dims(b: Builder, x: Value, weight: Value, size: Index, window: Window) -> Value:
    n, out_channels, out_h, out_w = size
    stored = b.realize(x, CHANNELS_LAST)
    assert stored.ref is not None
    pixels = n * out_h * out_w
    if is_pointwise(x, weight, size, window):
        rows = reshape(b, permute(b, stored, CHANNELS_LAST), (pixels, x.size[1]))
        matrix = permute(b, reshape(b, weight, (out_channels, x.size[1])), (1, 0))
        result = wide_product(b, rows, matrix)
        assert result.ref is not None
        buffer = result.ref.buffer
    else:
        template = "conv2d_winograd" if _takes_winograd(b, x, weight, size, window) else "conv2d"
        layout = Layout.contiguous(dtypes.float32, (pixels, out_channels))
        operands = [stored.ref, _packed(b, x, weight, window, template)]
        buffer = b.template(
            template, layout, operands, params_of(x, weight, size, window), layout.size
        ).buffer
    strides = (out_h * out_w * out_channels, as_expr(1), out_w * out_channels, out_channels)
    return Value.stored(TensorRef(buffer, Layout(dtypes.float32, size, strides)))


def is_pointwise(x: Value, weight: Value, size: Index, window: Window) -> bool:
    """Whether the convolution is a matrix product over pixels."""
    return (
        weight.size[2] == 1
        and weight.size[3] == 1
        and window.groups == 1
        and set(window.stride) == {1}
        and set(window.padding) == {0}
        and x.size[2:] == size[2:]
    )


def _takes_winograd(b: Builder, x: Value, weight: Value, size: Index, window: Window) -> bool:
    plain = set(window.stride) == {1} and set(window.dilation) == {1} and window.groups == 1
    three_by_three = weight.size[2] == 3 and weight.size[3] == 3
    return (
        b.ctx.options.winograd
        and x.dtype == dtypes.float32
        and winograd.pays(x.size[1], size[1], size[2:], plain_window=plain and three_by_three)
    )


def _packing(x: Value, weight: Value, window: Window) -> str:
    """How weights of a plain convolution are packed for this input."""
    channels = weight.size[1].value()
    if channels == 1 and weight.size[0].value() == window.groups > 1:
        return "depthwise_bf16" if x.dtype == dtypes.bfloat16 else "depthwise"
    return f"{packing_for('conv_panel16', x.dtype, channels)}:{window.groups}"


def _packed(b: Builder, x: Value, weight: Value, window: Window, template: str) -> TensorRef:
    assert weight.ref is not None
    out_channels, group_channels, kernel_h, kernel_w = (s.value() for s in weight.size)
    if template == "conv2d_winograd":
        numel = winograd.packed_numel(group_channels, out_channels)
        return b.constants.packed(weight.ref, "winograd_panel16", numel)
    packing = _packing(x, weight, window)
    if packing.startswith("depthwise"):
        return b.constants.packed(weight.ref, packing, kernel_h * kernel_w * out_channels)
    numel = packed_conv_numel(out_channels, group_channels, kernel_h * kernel_w, window.groups)
    return b.constants.packed(weight.ref, packing, numel)


def params_of(x: Value, weight: Value, size: Index, window: Window) -> list[Parameter]:
    """The fields of Conv2dShape in their order."""
    n, channels, h, w = (plain(s) for s in x.size)
    _, out_channels, out_h, out_w = (plain(s) for s in size)
    kernel_h, kernel_w = (plain(s) for s in weight.size[2:])
    fields: dict[str, int | Expr] = {
        "N": n,
        "H": h,
        "W": w,
        "C": channels,
        "OC": out_channels,
        "KH": kernel_h,
        "KW": kernel_w,
        "OH": out_h,
        "OW": out_w,
    }
    for name, values in (("stride", window.stride), ("pad", window.padding), ("dil", window.dilation)):
        fields[f"{name}_h"], fields[f"{name}_w"] = values
    return [*fields.items(), ("groups", window.groups)]
