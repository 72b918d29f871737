"""Calls of a model's own Triton kernels: `aoti::triton_kernel` (`ir/triton_kernel.py`) -> a `CustomKernel` node and its results.

Tensors are handed over with exactly the strides that the kernel's arithmetic was done with; where a value lies in another way it is
copied. A tensor that is written becomes a result with those strides, dense, at an offset of 0; the scheduler lets it take the memory of
what was given for it where that is not read any more.

    aoti.triton_kernel('{...}', [x, y, out], [64, 1, ...], [n], [n // 256, 1, 1])
      custom0 = custom "aoti::triton_kernel(...)": argument '{...}', (operand x, operand y, None), (n,), (n // 256, 1, 1)
      buf1 = result float32 [8, 64] of custom0             out was empty: nothing is handed over for it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from compiler.ir import dtypes
from compiler.ir.expr import Expr, IntLike, exprs
from compiler.ir.loop import CustomKernel, Layout, Result, TensorRef
from compiler.ir.triton_kernel import FULL_SCHEMA, OP, TritonKernel, from_json
from compiler.lowering import stride_order
from compiler.lowering.builder import Builder
from compiler.lowering.registry import Unsupported, lowers
from compiler.lowering.values import Value
from compiler.support.origins import Origin

_NOTHING = Layout.contiguous(dtypes.bool_, [0])


@lowers(OP)
def triton_kernel(
    b: Builder, text: str, tensors: Sequence[Value], strides: Sequence[IntLike], sizes: Sequence[IntLike], grids: Sequence[IntLike]
) -> tuple[Value, ...]:  # fmt: skip
    """One value for each tensor that the kernel writes."""
    kernel = _read(text)
    if not b.on_gpu:
        raise Unsupported(
            f"the Triton kernel {kernel.function} of the model",
            "a user's Triton kernel runs on a GPU only: give the model a path without it for the CPU, or its operator a C or C++ kernel "
            "(export with --keep_triton_ops)",
        )
    layouts = _layouts(tensors, exprs(strides))
    for k in kernel.written:
        _check_dense(b, kernel, k, layouts[k])
    operands = tuple(
        None if k in kernel.undefined else _laid_out(b, value, layouts[k]) for k, value in enumerate(tensors)
    )
    origin = replace(b.origin, aten_op=f"triton.{kernel.function}")
    name = f"custom{b.next_number('custom')}"
    arguments = (text, operands, tuple(exprs(sizes)), tuple(exprs(grids)))
    b.add(CustomKernel(name, _NOTHING, (origin,), FULL_SCHEMA, arguments))
    return tuple(_result(b, layouts[k], origin, name) for k in kernel.written)


def _read(text: str) -> TritonKernel:
    try:
        return from_json(text)
    except ValueError as error:
        raise Unsupported(f"the first argument of {OP} {error}", "export the model again") from error


def _layouts(tensors: Sequence[Value], strides: Sequence[Expr]) -> list[Layout]:
    rest, found = list(strides), []
    for value in tensors:
        own, rest = rest[: value.rank], rest[value.rank :]
        found.append(Layout(value.dtype, value.size, tuple(own)))
    return found


def _check_dense(b: Builder, kernel: TritonKernel, position: int, layout: Layout) -> None:
    if not b.is_packed(layout, stride_order.of_layout(layout)):
        names = [p.name for p in kernel.parameters if p.kind == "tensor" and p.position == position]
        raise Unsupported(
            f"the Triton kernel {kernel.function} writes to {names[0]}, a tensor with gaps or overlaps",
            "give it a contiguous tensor and copy the result to its place",
        )


def _laid_out(b: Builder, value: Value, layout: Layout) -> TensorRef:
    """The value in memory with these strides, at whatever offset it lies."""
    ref = b.in_memory(value)
    same = all(
        a is w or s == 1 for a, w, s in zip(ref.layout.stride, layout.stride, layout.size, strict=True)
    )
    return TensorRef(ref.buffer, ref.layout) if same else b.store_as(value, layout)


def _result(b: Builder, layout: Layout, origin: Origin, control: str) -> Value:
    name = b.new_name()
    b.add(Result(name, layout, (origin,), control))
    return Value.stored(TensorRef(name, layout))
