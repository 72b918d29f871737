"""How each template of kernels/cpp is called for a TemplateKernel node: the function, its arguments in order, the scratch it needs.

Enters: a node with operands (buffer and strides) and params. Leaves: a `Call`. One function for each template, found in one table.
The signatures are those of kernels/cpp/{gemm,conv2d,attention,positions}.h.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from compiler.codegen.common.arguments import Arguments
from compiler.ir import dtypes
from compiler.ir.expr import Expr, as_expr, const
from compiler.ir.kernel import Pointer, TemplateLaunch, TemplateValue
from compiler.ir.loop import TemplateKernel, TensorRef
from compiler.support.diagnostics import InternalError
from kernels.cpp.scratch import SCRATCH_BYTES


@dataclass(frozen=True)
class Call:
    function: str
    arguments: tuple[TemplateValue, ...]
    has_epilogue: bool
    launch: TemplateLaunch | None = None  # on a GPU

    @property
    def scratch_bytes(self) -> int:
        return SCRATCH_BYTES.get(self.function, 0) if self.launch is None else 0


def arguments_of(node: TemplateKernel, arguments: Arguments) -> Call:
    """Raises InternalError for a template that is not known here."""
    if node.template not in _TABLE:
        raise InternalError(
            f"codegen: {node.name} asks for template {node.template!r}; known: {', '.join(_TABLE)}"
        )
    return _TABLE[node.template](node, arguments)


def _pointer(ref: TensorRef, arguments: Arguments) -> Pointer:
    return Pointer(arguments.read(ref.buffer), ref.layout.offset)


def _size(node: TemplateKernel, name: str) -> Expr:
    value = node.param(name)
    if isinstance(value, Expr):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise InternalError(
            f"codegen: {node.name}: parameter {name} of {node.template} must be an integer, not {value!r}"
        )
    return as_expr(value)


def _row_stride(ref: TensorRef) -> Expr:
    """Elements from one row to the next of an [.., M, K] operand whose leading dims are rows too."""
    return ref.layout.stride[-2] if len(ref.layout.stride) >= 2 else ref.layout.size[-1]


def _gemm(node: TemplateKernel, arguments: Arguments) -> Call:
    a, b = node.operands
    sizes = tuple(_size(node, p) for p in ("M", "N", "K"))
    if not _unit_stride(a):
        raise InternalError(
            f"codegen: {node.name}: gemm needs unit stride in the columns of a, not {list(map(str, a.layout.stride))}"
        )
    return Call(
        "gemm_bf16_packed" if a.layout.dtype == dtypes.bfloat16 else "gemm_f32_packed",
        (*sizes, _pointer(a, arguments), _row_stride(a), _pointer(b, arguments)),
        has_epilogue=True,
    )


def _unit_stride(ref: TensorRef) -> bool:
    return not ref.layout.stride or ref.layout.stride[-1] == 1 or ref.layout.size[-1] == 1


def _batch_stride(ref: TensorRef) -> Expr:
    return ref.layout.stride[0] if len(ref.layout.stride) >= 3 else const(0)


def _bmm(node: TemplateKernel, arguments: Arguments) -> Call:
    a, b = node.operands
    sizes = tuple(_size(node, p) for p in ("B", "M", "N", "K"))
    values: list[TemplateValue] = [*sizes]
    for ref in (a, b):
        values += [_pointer(ref, arguments), _batch_stride(ref), ref.layout.stride[-2], ref.layout.stride[-1]]
    return Call("gemm_f32", tuple(values), has_epilogue=True)


_SHAPE = (
    "N",
    "H",
    "W",
    "C",
    "OC",
    "KH",
    "KW",
    "OH",
    "OW",
    "stride_h",
    "stride_w",
    "pad_h",
    "pad_w",
    "dil_h",
    "dil_w",
    "groups",
)


def _conv2d(node: TemplateKernel, arguments: Arguments) -> Call:
    x, w = node.operands
    shape = tuple(_size(node, p) for p in _SHAPE)
    function = "conv2d_bf16_nhwc" if x.layout.dtype == dtypes.bfloat16 else "conv2d_f32_nhwc"
    if node.template == "conv2d_winograd":
        function = "conv2d_winograd_f32_nhwc"
    return Call(function, (shape, _pointer(x, arguments), _pointer(w, arguments)), has_epilogue=True)


def _attention(node: TemplateKernel, arguments: Arguments) -> Call:
    q, k, v, *mask = node.operands
    batch, heads, queries, depth = q.layout.size
    values: list[TemplateValue] = [batch, heads, queries, k.layout.size[2], depth, v.layout.size[3]]
    for ref in (q, k, v):
        values += [_pointer(ref, arguments), ref.layout.stride[:3]]
    values += (
        [_pointer(mask[0], arguments), mask[0].layout.stride]
        if mask
        else [Pointer("", const(0)), (const(0),) * 4]
    )
    scale, causal = node.param("scale"), node.param("causal")
    values += [float(scale), bool(causal), k.layout.size[1]]
    values += [Pointer(arguments.write(node.name), node.layout.offset), node.layout.stride[:3]]
    function = "attention_bf16" if q.layout.dtype == dtypes.bfloat16 else "attention_f32"
    return Call(function, tuple(values), has_epilogue=False)


def _row_positions(node: TemplateKernel, arguments: Arguments) -> Call:
    """rows, row length [, length of the result's rows], keys, flag, out"""
    (keys,) = node.operands
    rows, length = keys.layout.size
    values: list[TemplateValue] = [rows, length]
    if node.template == "topk_positions":
        values.append(node.layout.size[-1])
    ((_, flag),) = node.params
    out = Pointer(arguments.write(node.name), node.layout.offset)
    return Call(node.template, (*values, _pointer(keys, arguments), bool(flag), out), has_epilogue=False)


def _search_positions(node: TemplateKernel, arguments: Arguments) -> Call:
    keys, values = node.operands
    rows, wanted = values.layout.size
    found: list[TemplateValue] = [rows, keys.layout.size[1], wanted]
    found += [
        _pointer(keys, arguments),
        _pointer(values, arguments),
        keys.layout.size[0] == 1,
        bool(node.param("right")),
    ]
    out = Pointer(arguments.write(node.name), node.layout.offset)
    return Call(node.template, (*found, out), has_epilogue=False)


def _selected_positions(node: TemplateKernel, arguments: Arguments) -> Call:
    (mask,) = node.operands
    out = Pointer(arguments.write(node.name), node.layout.offset)
    sizes = mask.layout.size[1], node.layout.size[1]
    return Call(node.template, (*sizes, _pointer(mask, arguments), out), has_epilogue=False)


_TABLE: dict[str, Callable[[TemplateKernel, Arguments], Call]] = {
    "gemm": _gemm,
    "bmm": _bmm,
    "conv2d": _conv2d,
    "conv2d_winograd": _conv2d,
    "attention": _attention,
    "sort_positions": _row_positions,
    "topk_positions": _row_positions,
    "extreme_positions": _row_positions,
    "search_positions": _search_positions,
    "selected_positions": _selected_positions,
}
