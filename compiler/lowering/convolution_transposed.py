"""A transposed convolution as ordinary ones, one for each remainder of the output's place by the stride.

Enters: x [N, C, H, W], weight [C, OC, KH, KW], a constant, one group; or one dim less. Leaves: [N, OC, OH, OW], float32.

The output's row h = s * i + r gets from tap k the input's row (h + p - k * d) / s where that is whole: for one r the taps k0, k0 + step,
..., step = s / gcd(d, s), and the input's rows i + c, i + c - d / gcd(d, s), ...: an ordinary convolution with stride 1, padding -c and
taps that go backwards. Nothing is multiplied that a tap does not meet. The results interleave.

Before/after (ConvTranspose2d(8, 4, 4, stride=2, padding=1)):
    four templates conv2d with 2x2 taps, dilation -1; y[h, w] = result[h % 2, w % 2][h / 2, w / 2]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from compiler.ir import dtypes
from compiler.ir.expr import Expr, as_expr
from compiler.lowering.builder import Builder
from compiler.lowering.convolution_template import Window, by_template, flat
from compiler.lowering.factories import full
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Cost, Index, Value
from compiler.lowering.view_ops import permute, slice_dim, squeeze, unsqueeze


@dataclass(frozen=True)
class _Taps:
    """Those of one dim that meet the places of one remainder: `count` of them, from `first` on, `step` apart; the first one reads the
    input `shift` places behind the output's, the next ones `back` places earlier each."""

    first: int
    step: int
    count: int
    shift: int
    back: int


def by_phases(b: Builder, x: Value, weight: Value, size: Index, window: Window) -> Value:
    """The convolution without bias, not yet rounded."""
    if weight.rank == 3:
        size_2d = (*size[:2], as_expr(1), size[2])
        return squeeze(
            b, by_phases(b, unsqueeze(b, x, 2), unsqueeze(b, weight, 2), size_2d, flat(window)), [2]
        )
    b.share(x)
    height, width = ([_taps(weight, window, dim, r) for r in range(window.stride[dim])] for dim in (0, 1))
    extent = tuple((e + (s - 1)) // s for e, s in zip(size[2:], window.stride, strict=True))
    phases = [[_phase(b, x, weight, (*size[:2], *extent), (h, w)) for w in width] for h in height]
    if len(height) == len(width) == 1:
        return phases[0][0]

    def element(t: Tracer, i: Index) -> Scalar:
        at = (*i[:2], *(e // s for e, s in zip(i[2:], window.stride, strict=True)))
        rows = [_chosen(t, i[3], [phase.at(t, at) for phase in row]) for row in phases]
        return _chosen(t, i[2], rows)

    return b.lazy(dtypes.float32, size, element, Cost(ops=2 * len(height) * len(width)))


def _taps(weight: Value, window: Window, dim: int, remainder: int) -> _Taps:
    kernel, stride = weight.size[2 + dim].value(), window.stride[dim]
    padding, dilation = window.padding[dim], window.dilation[dim]
    common = math.gcd(dilation, stride)
    step = stride // common
    first = next((k for k in range(step) if (remainder + padding - k * dilation) % stride == 0), kernel)
    shift = (remainder + padding - first * dilation) // stride
    return _Taps(first, step, len(range(first, kernel, step)), shift, dilation // common)


def _phase(b: Builder, x: Value, weight: Value, size: Index, taps: tuple[_Taps, _Taps]) -> Value:
    """The results of one remainder in each dim."""
    if 0 in (t.count for t in taps):
        return full(b, size, 0, dtypes.float32)
    for dim, t in enumerate(taps):
        weight = slice_dim(b, weight, 2 + dim, t.first, t.count, t.step)
    # one tap has no direction, and may be the product over pixels
    dilation = tuple(-t.back if t.count > 1 else 1 for t in taps)
    window = Window((1, 1), tuple(-t.shift for t in taps), dilation, 1)
    result = by_template(b, x, permute(b, weight, (1, 0, 2, 3)), size, window)
    b.realize(result)
    return result


def _chosen(t: Tracer, place: Expr, values: list[Scalar]) -> Scalar:
    """Of one value for each remainder of `place`."""
    result = values[-1]
    for r in range(len(values) - 2, -1, -1):
        here = t.op("eq", t.index(place % len(values)), t.index(as_expr(r)))
        result = t.op("where", here, values[r], result)
    return result
