"""Scalar operations that generated Triton kernels call, where Triton has no operation of PyTorch's meaning.

Enters: blocks (or scalars) of the types that the name of each function says. Leaves: a block of the same shape. Integers divide as
PyTorch's operators do; extremes of floats propagate NaN; the elementary functions that Triton approximates are libdevice's.

    floor_div(-7, 2) -> -4        trunc_div(-7, 2) -> -3        floor_mod(-7, 2) -> 1        nan_max(1.0, nan) -> nan
"""

import triton
import triton.language as tl
from triton.language.extra import libdevice


@triton.jit
def checked_index(index, size, mask):
    """`index` in [0, size), a negative one wrapped once. Where the mask holds and it is out of range the kernel stops with a trap, which
    the next call of the driver reports; no lane reads memory out of range before that."""
    wrapped = tl.where(index < 0, index + size, index)
    outside = (wrapped < 0) | (wrapped >= size)
    stop_if(outside & mask)
    return tl.where(outside, 0, wrapped)


@triton.jit
def stop_if(condition):
    """A trap where the condition holds in any lane."""
    tl.inline_asm_elementwise(
        "{ .reg .pred p; setp.ne.s32 p, $1, 0; @p trap; mov.b32 $0, 0; }",
        "=r,r",
        [condition.to(tl.int32)],
        dtype=tl.int32,
        is_pure=False,
        pack=1,
    )


@triton.jit
def floor_div(a, b):
    quotient = a // b
    return tl.where((a % b != 0) & ((a < 0) != (b < 0)), quotient - 1, quotient)


@triton.jit
def floor_mod(a, b):
    rest = a % b
    return tl.where((rest != 0) & ((rest < 0) != (b < 0)), rest + b, rest)


@triton.jit
def float_mod(a, b):
    """The remainder of floats with the divisor's sign; a zero keeps the sign of the divisor, as in PyTorch."""
    rest = libdevice.fmod(a, b)
    return tl.where((rest != 0) & ((rest < 0) != (b < 0)), rest + b, rest)


@triton.jit
def int_pow(a, b):
    """a ** b of integers by squaring; a negative exponent gives 0 but for a base of 1 or -1."""
    result = a * 0 + 1
    base = a
    exponent = tl.where(b < 0, 0, b)
    for _ in range(6):
        result = tl.where(exponent & 1 != 0, result * base, result)
        base = base * base
        exponent = exponent >> 1
    of_negative = tl.where(a == 1, 1, tl.where(a == -1, tl.where(b & 1 != 0, -1, 1), 0))
    return tl.where(b < 0, of_negative.to(result.dtype), result)


@triton.jit
def sign(a):
    return (a > 0).to(a.dtype) - (a < 0).to(a.dtype)


@triton.jit
def near_erf(a):
    """The error function within 1.5e-7 (Abramowitz and Stegun, 7.1.26): of use where the sum 1 + erf(a) is rounded to 16 bits."""
    x = tl.abs(a)
    t = libdevice.fast_dividef(1.0, 1.0 + 0.3275911 * x)
    p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    y = 1.0 - p * tl.exp2(x * x * -1.4426950408889634)
    return tl.where(a < 0, -y, y)


@triton.jit
def philox(element, stream, seed, run):
    """64 of the 128 random bits of a block, as int64: the function of kernels/cpp/philox.h, of int64 blocks or scalars."""
    low = (element & 0xFFFFFFFF).to(tl.uint32)
    high = ((element >> 32) & 0xFFFFFFFF).to(tl.uint32)
    none = low ^ low  # of the block's shape
    third = (stream & 0xFFFFFFFF).to(tl.uint32) + none
    fourth = (run & 0xFFFFFFFF).to(tl.uint32) + none
    key = (seed & 0xFFFFFFFF).to(tl.uint32)
    key_high = ((seed >> 32) & 0xFFFFFFFF).to(tl.uint32)
    word0, word1, _, _ = tl.philox_impl(low, high, third, fourth, key, key_high, 10)
    return word0.to(tl.int64) | (word1.to(tl.int64) << 32)


@triton.jit
def nan_max(a, b):
    return tl.maximum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def nan_min(a, b):
    return tl.minimum(a, b, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def multiply(a, b):
    return a * b


@triton.jit
def reduce_sum(a, axis: tl.constexpr):
    return tl.expand_dims(tl.sum(a, axis), axis)


@triton.jit
def reduce_prod(a, axis: tl.constexpr):
    return tl.expand_dims(tl.reduce(a, axis, multiply), axis)


@triton.jit
def reduce_max(a, axis: tl.constexpr):
    return tl.expand_dims(tl.reduce(a, axis, nan_max), axis)


@triton.jit
def reduce_min(a, axis: tl.constexpr):
    return tl.expand_dims(tl.reduce(a, axis, nan_min), axis)


@triton.jit
def reduce_any(a, axis: tl.constexpr):
    return tl.expand_dims(tl.max(a.to(tl.int32), axis), axis) != 0


@triton.jit
def reduce_all(a, axis: tl.constexpr):
    return tl.expand_dims(tl.min(a.to(tl.int32), axis), axis) != 0


@triton.jit
def scan_sum(a, axis: tl.constexpr):
    return tl.cumsum(a, axis)


@triton.jit
def scan_prod(a, axis: tl.constexpr):
    return tl.associative_scan(a, axis, multiply)


@triton.jit
def scan_max(a, axis: tl.constexpr):
    return tl.associative_scan(a, axis, nan_max)


@triton.jit
def scan_min(a, axis: tl.constexpr):
    return tl.associative_scan(a, axis, nan_min)
