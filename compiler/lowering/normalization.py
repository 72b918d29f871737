"""Softmax and the normalisations, as reductions and pointwise values over one realised input.

    softmax(x): m = max x; e = exp(x - m) [realised: read by the sum and the result]; e * (1 / sum e)
    layer_norm(x): mean, then variance of the differences, then (x - mean) * rsqrt(var + eps) * weight + bias

The scheduler fuses the passes over one row into one kernel, where the realised values stay local.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.dtypes import DType
from compiler.ir.expr import IntLike, as_expr, mul_all
from compiler.lowering.builder import Builder
from compiler.lowering.elementwise import Operand, elementwise
from compiler.lowering.factories import full
from compiler.lowering.pointwise import apply
from compiler.lowering.pointwise_composites import convert
from compiler.lowering.reductions import moments, reduce_dims, sum_dims
from compiler.lowering.registry import Unsupported, lowers
from compiler.lowering.tracer import Scalar, Tracer, compute_dtype
from compiler.lowering.values import Value
from compiler.lowering.view_ops import reshape


def _exp_of_shifted(b: Builder) -> str:
    """The operation for exp(x - max x), whose argument is never positive."""
    return "exp" if b.on_gpu else "exp_nonpositive"


def softmax(b: Builder, x: Value, dim: int, dtype: DType) -> Value:
    """exp(x) over its sum along `dim`, shifted by the maximum so that nothing overflows."""
    if x.rank == 0:
        return full(b, (), 1, dtype)
    inner = compute_dtype(dtype)
    wide = convert(b, x, inner)
    b.share(wide)
    dims = (dim % x.rank,)
    largest = reduce_dims(b, "max", wide, dims, True, inner)
    exp = _exp_of_shifted(b)
    powers = elementwise(
        b, inner, inner, lambda t, p, m: t.op(exp, t.op("sub", p, m)), [wide, largest], ops=2, heavy=True
    )
    b.realize(powers)
    total = sum_dims(b, powers, dims, True, inner)
    scale = apply(b, "reciprocal", [total], inner, inner)
    return convert(b, apply(b, "mul", [powers, scale], inner, inner), dtype)


@lowers("aten._softmax.default")
def lower_softmax(b: Builder, x: Value, dim: int, half_to_float: bool) -> Value:
    return softmax(b, x, dim, b.out.dtype)


@lowers("aten.softmax.int")
def softmax_int(b: Builder, x: Value, dim: int, dtype: object = None) -> Value:
    return softmax(b, x, dim, b.out.dtype)


def log_softmax(b: Builder, x: Value, dim: int, dtype: DType) -> Value:
    """x - max - log(sum(exp(x - max)))."""
    if x.rank == 0:
        return full(b, (), 0, dtype)
    inner = compute_dtype(dtype)
    wide = convert(b, x, inner)
    b.share(wide)
    dims = (dim % x.rank,)
    largest = reduce_dims(b, "max", wide, dims, True, inner)
    shifted = apply(b, "sub", [wide, largest], inner, inner)
    total = sum_dims(b, apply(b, _exp_of_shifted(b), [shifted], inner, inner), dims, True, inner)
    return convert(b, apply(b, "sub", [shifted, apply(b, "log", [total], inner, inner)], inner, inner), dtype)


@lowers("aten._log_softmax.default")
def lower_log_softmax(b: Builder, x: Value, dim: int, half_to_float: bool) -> Value:
    return log_softmax(b, x, dim, b.out.dtype)


@lowers("aten.log_softmax.int")
def log_softmax_int(b: Builder, x: Value, dim: int, dtype: object = None) -> Value:
    return log_softmax(b, x, dim, b.out.dtype)


def normalize(
    b: Builder, x: Value, dims: Sequence[int], eps: float, weight: Value | None, bias: Value | None
) -> tuple[Value, Value, Value]:
    """((x - mean) / sqrt(var + eps) * weight + bias, mean, 1 / sqrt(var + eps)); weight and bias broadcast to x."""
    inner = compute_dtype(x.dtype)
    variance, mean = moments(b, x, dims, keepdim=True)
    factor = elementwise(
        b, inner, inner, lambda t, v: t.op("rsqrt", t.op("add", v, t.constant(eps, inner))), [variance], ops=2
    )
    operands: list[Operand] = [x, mean, factor, *(v for v in (weight, bias) if v is not None)]

    def combine(t: Tracer, p: Scalar, m: Scalar, f: Scalar, *affine: Scalar) -> Scalar:
        result = t.op("mul", t.op("sub", p, m), f)
        left = list(affine)
        if weight is not None:
            result = t.op("mul", result, left.pop(0))
        return t.op("add", result, left.pop(0)) if bias is not None else result

    return elementwise(b, x.dtype, inner, combine, operands, ops=4), mean, factor


@lowers("aten.layer_norm.default")
def layer_norm(
    b: Builder,
    x: Value,
    shape: Sequence[int],
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Value:
    return normalize(b, x, range(x.rank - len(shape), x.rank), eps, weight, bias)[0]


@lowers("aten.native_layer_norm.default")
def native_layer_norm(
    b: Builder, x: Value, shape: Sequence[int], weight: Value | None, bias: Value | None, eps: float
) -> tuple[Value, Value, Value]:
    result, mean, factor = normalize(b, x, range(x.rank - len(shape), x.rank), eps, weight, bias)
    return result, convert(b, mean, b.outs[1].dtype), convert(b, factor, b.outs[2].dtype)


def _per_channel(b: Builder, v: Value | None, rank: int) -> Value | None:
    """[C] as [1, C, 1, ...]."""
    return None if v is None else reshape(b, v, [1, v.size[0], *[1] * (rank - 2)])


def _refuse_unrecorded(b: Builder, *statistics: Value | None) -> None:
    """Eager updates running statistics that it is given; `torch.export.export` alone does not record that, so that a library would keep
    the old ones without a word. Once decomposed the program has other operators, with the update as a mutation."""
    if any(v is not None for v in statistics):
        raise Unsupported(
            f"{b.origin.aten_op} in training mode updates its running statistics, which this export does not record",
            "call model.eval() before exporting, or decompose the program: exported.run_decompositions()",
        )


@lowers("aten.instance_norm.default")
def instance_norm(
    b: Builder,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    running_mean: Value | None,
    running_var: Value | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Value:
    if use_input_stats:
        _refuse_unrecorded(b, running_mean, running_var)
    else:
        return batch_norm(b, x, weight, bias, running_mean, running_var, False, momentum, eps, cudnn_enabled)
    return normalize(
        b, x, range(2, x.rank), eps, _per_channel(b, weight, x.rank), _per_channel(b, bias, x.rank)
    )[0]


@lowers("aten.group_norm.default")
def group_norm(
    b: Builder,
    x: Value,
    groups: int,
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Value:
    batch, channels = x.size[:2]
    grouped = (batch, as_expr(groups), channels // groups, *x.size[2:])

    def affine(v: Value | None) -> Value | None:
        return None if v is None else reshape(b, v, [1, groups, channels // groups, *[1] * (x.rank - 2)])

    split = reshape(b, b.realize(x), grouped)
    result = normalize(b, split, range(2, len(grouped)), eps, affine(weight), affine(bias))[0]
    return reshape(b, result, x.size)


@lowers("aten.native_group_norm.default")
def native_group_norm(
    b: Builder,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    batch: IntLike,
    channels: IntLike,
    positions: IntLike,
    groups: int,
    eps: float,
) -> tuple[Value, Value, Value]:
    """The result of group_norm, and each group's mean and 1 / sqrt(var + eps), [N, groups]."""
    if x.numel() == 0:
        shape = (x.size[0], as_expr(groups))
        nothing = full(b, shape, 0 if x.size[0] == 0 else float("nan"), x.dtype)
        return full(b, x.size, 0, x.dtype), nothing, nothing
    of_group = x.size[1] // groups

    def affine(v: Value | None) -> Value | None:
        return None if v is None else reshape(b, v, [1, groups, of_group, 1])

    split = reshape(b, b.realize(x), (x.size[0], as_expr(groups), of_group, mul_all(x.size[2:])))
    result, mean, factor = normalize(b, split, (2, 3), eps, affine(weight), affine(bias))
    shape = (x.size[0], as_expr(groups))
    return (
        reshape(b, result, x.size),
        convert(b, reshape(b, mean, shape), b.outs[1].dtype),
        convert(b, reshape(b, factor, shape), b.outs[2].dtype),
    )


@lowers("aten.batch_norm.default")
def batch_norm(
    b: Builder,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    running_mean: Value | None,
    running_var: Value | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Value:
    """With running statistics: x * scale + shift, both per channel. Without: the batch's own."""
    if training:
        _refuse_unrecorded(b, running_mean, running_var)
    if x.numel() == 0:  # of any rank
        return full(b, x.size, 0, x.dtype)
    scale_in, shift_in = _per_channel(b, weight, x.rank), _per_channel(b, bias, x.rank)
    if training or running_mean is None or running_var is None:
        return normalize(b, x, [0, *range(2, x.rank)], eps, scale_in, shift_in)[0]
    inner = compute_dtype(x.dtype)
    mean, variance = _per_channel(b, running_mean, x.rank), _per_channel(b, running_var, x.rank)
    affine: list[Operand] = [v for v in (scale_in, shift_in) if v is not None]

    def combine(t: Tracer, p: Scalar, m: Scalar, v: Scalar, *rest: Scalar) -> Scalar:
        left = list(rest)
        factor = t.op("rsqrt", t.op("add", v, t.constant(eps, inner)))
        if weight is not None:
            factor = t.op("mul", factor, left.pop(0))
        result = t.op("mul", t.op("sub", p, m), factor)
        return t.op("add", result, left.pop(0)) if bias is not None else result

    assert mean is not None and variance is not None
    return elementwise(b, x.dtype, inner, combine, [x, mean, variance, *affine], ops=6)
