"""How each template of kernels/triton is called for a TemplateKernel node: its arguments, compile-time arguments, launch.

Enters: a node with operands (buffer and strides) and params. Leaves: a `Call`. The signatures are those of kernels/triton/gemm.py.
Blocks are chosen by a stated rule: the largest tile that still gives every multiprocessor one, since a smaller one reads its operands more
often; products in exact float32 take small tiles, because they are done by ordinary units.
"""

from __future__ import annotations

from compiler.codegen.common.arguments import Arguments
from compiler.codegen.common.template_arguments import Call
from compiler.codegen.triton.blocks import power_of_two
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, as_expr, const
from compiler.ir.kernel import Pointer, TemplateLaunch, TemplateValue
from compiler.ir.loop import TemplateKernel, TensorRef
from compiler.support.diagnostics import InternalError

MULTIPROCESSORS = 132
SMALLEST_TILE = 16
LARGEST = 1 << 20  # what a size without a bound counts as


def call_of(node: TemplateKernel, arguments: Arguments) -> Call:
    """Raises InternalError for a template that is not known here."""
    if node.template != "triton_gemm":
        raise InternalError(f"codegen: {node.name} asks for template {node.template!r}; known: triton_gemm")
    return _gemm(node, arguments)


def _gemm(node: TemplateKernel, arguments: Arguments) -> Call:
    """a [B, M, K] @ b [B, K, N] of any strides."""
    a, b = node.operands
    batches, m, n, k = (_size(node, p) for p in "BMNK")
    values: list[TemplateValue] = [
        _pointer(a, arguments),
        _pointer(b, arguments),
        m,
        n,
        k,
        *a.layout.stride,
        *b.layout.stride,
    ]
    block_m, block_n, block_k, warps, stages = gemm_blocks(batches, m, n, k, a.layout.dtype)
    constants = (
        ("BLOCK_M", block_m),
        ("BLOCK_N", block_n),
        ("BLOCK_K", block_k),
        ("EVEN_K", k.is_const and k.value() % block_k == 0),
    )
    tiles = _blocks(m, block_m) * _blocks(n, block_n)
    launch = TemplateLaunch(constants, (tiles, const(1), batches), warps, stages, m, n)
    return Call("gemm", tuple(values), has_epilogue=True, launch=launch)


def gemm_blocks(batches: Expr, m: Expr, n: Expr, k: Expr, dtype: DType) -> tuple[int, int, int, int, int]:
    """(BLOCK_M, BLOCK_N, BLOCK_K, warps, stages)."""
    rows, columns, depth = (_upper(e) for e in (m, n, k))
    largest = 64 if dtype.size_bytes > 2 else 128
    height = min(largest, max(SMALLEST_TILE, power_of_two(rows)))
    width = min(largest, max(SMALLEST_TILE, power_of_two(columns)))
    while (
        max(height, width) > 2 * SMALLEST_TILE
        and _tiles(_upper(batches), rows, columns, height, width) < MULTIPROCESSORS
    ):
        if height >= width:
            height //= 2
        else:
            width //= 2
    inner = min(32 if dtype.size_bytes > 2 else 64, max(SMALLEST_TILE, power_of_two(depth)))
    warps = 8 if height * width >= 128 * 128 else 4
    return height, width, inner, warps, 3


def _tiles(batches: int, rows: int, columns: int, height: int, width: int) -> int:
    return batches * -(-rows // height) * -(-columns // width)


def _upper(e: Expr) -> int:
    return e.hi if e.hi is not None else LARGEST


def _blocks(extent: Expr, block: int) -> Expr:
    return (extent + (block - 1)) // block


def _pointer(ref: TensorRef, arguments: Arguments) -> Pointer:
    return Pointer(arguments.read(ref.buffer), ref.layout.offset)


def _size(node: TemplateKernel, name: str) -> Expr:
    value = node.param(name)
    if isinstance(value, bool) or not isinstance(value, (int, Expr)):
        raise InternalError(
            f"codegen: {node.name}: parameter {name} of {node.template} must be an integer, not {value!r}"
        )
    return as_expr(value)
