"""A 3-D convolution as a sum of 2-D ones: one for each tap of the depth, over all depths of the result at once.

Enters: x [N, C, D, H, W], weight [OC, C / groups, KD, KH, KW], a constant. Leaves: [N, OC, OD, OH, OW], float32, channels last.
Invariant: the input lies in memory once, with channels last and the depth padded, so that what a tap reads is a view where N is 1 and the
depth has stride 1; each product is added to the sum in its epilogue.

Before/after (Conv3d(16, 32, 3, padding=1) on [1, 16, 8, 14, 14]):
    buf0 = the input [1, 10, 14, 14, 16]; buf1 = conv2d(buf0[0:8], w[:, :, 0]); buf2 = conv2d(buf0[1:9], w[:, :, 1]) + buf1; ...
"""

from __future__ import annotations

from compiler.ir import dtypes
from compiler.lowering.builder import Builder
from compiler.lowering.convolution_template import Window, by_template
from compiler.lowering.pointwise import apply
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Cost, Index, Value
from compiler.lowering.view_ops import permute, reshape, select, slice_dim

DEPTH_FIRST = (0, 2, 3, 4, 1)


def by_depth(b: Builder, x: Value, weight: Value, size: Index, window: Window) -> Value:
    """The convolution without bias, not yet rounded."""
    batch, out_channels, depth, height, width = size
    taps, stride, dilation = weight.size[2].value(), window.stride[0], window.dilation[0]
    planar = Window(window.stride[1:], window.padding[1:], window.dilation[1:], window.groups)
    image = b.realize(_padded(b, x, size, window, taps), DEPTH_FIRST)
    total: Value | None = None
    for tap in range(taps):
        seen = slice_dim(b, image, 2, tap * dilation, depth, stride)
        rows = reshape(b, permute(b, seen, (0, 2, 1, 3, 4)), (batch * depth, x.size[1], *x.size[3:]))
        part = by_template(
            b, rows, select(b, weight, 2, tap), (batch * depth, out_channels, height, width), planar
        )
        if total is not None:
            part = b.realize(apply(b, "add", [part, total], dtypes.float32, dtypes.float32))
        total = part
    assert total is not None
    return permute(b, reshape(b, total, (batch, depth, out_channels, height, width)), (0, 2, 1, 3, 4))


def _padded(b: Builder, x: Value, size: Index, window: Window, taps: int) -> Value:
    """All depths that a tap of some result reads; zeros before and behind the image."""
    needed = (size[2] - 1) * window.stride[0] + ((taps - 1) * window.dilation[0] + 1)
    padding, extent = window.padding[0], x.size[2]
    if padding == 0:
        return slice_dim(b, x, 2, 0, needed)
    b.share(x)

    def element(t: Tracer, i: Index) -> Scalar:
        place = i[2] - padding
        inside = t.all_of(t.in_range(place, 0, extent))
        return t.masked(inside, lambda: x.at(t, (*i[:2], place, *i[3:])), 0)

    return b.lazy(x.dtype, (*x.size[:2], needed, *x.size[3:]), element, Cost(ops=2))
