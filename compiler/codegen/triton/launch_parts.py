"""What the calls of all templates are made of: pointers, sizes, numbers of blocks, the workspace of work in parts."""

from __future__ import annotations

from compiler.codegen.common.arguments import Arguments
from compiler.ir.expr import Expr, as_expr, const
from compiler.ir.kernel import Pointer
from compiler.ir.loop import Layout, TemplateKernel, TensorRef
from compiler.support.diagnostics import InternalError


def pointer(ref: TensorRef, arguments: Arguments) -> Pointer:
    """An operand that is read."""
    return Pointer(arguments.read(ref.buffer), ref.layout.offset)


def steps(layout: Layout) -> tuple[Expr, ...]:
    """The strides, 0 along dims of one element: what lies there says nothing of alignment, and any other number would hide that the
    rest is aligned."""
    return tuple(const(0) if n == 1 else stride for n, stride in zip(layout.size, layout.stride, strict=True))


def size(node: TemplateKernel, name: str) -> Expr:
    """An integer parameter of the node."""
    value = node.param(name)
    if isinstance(value, bool) or not isinstance(value, (int, Expr)):
        raise InternalError(
            f"codegen: {node.name}: parameter {name} of {node.template} must be an integer, not {value!r}"
        )
    return as_expr(value)


def blocks(extent: Expr, block: int) -> Expr:
    """How many blocks cover [0, extent)."""
    return (extent + (block - 1)) // block


def divides(block: int, extent: Expr) -> bool:
    """Whether the extent is known to be whole blocks."""
    return extent.is_const and extent.value() % block == 0


def workspace(tiles: Expr, parts: int, numel: int) -> tuple[int, int]:
    """Floats and semaphores of a launch whose tiles of `numel` elements are computed in parts (kernels/triton/splits.py)."""
    return (tiles.value() * parts * numel, tiles.value()) if parts > 1 else (0, 0)
