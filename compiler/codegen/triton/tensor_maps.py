"""The tensor maps (TMA descriptors) through which a matrix product's operands are fetched, where their layouts allow it.

Enters: the operands a [B, M, K] and b [B, K, N] of a node. Leaves: a `TensorMap` for each, with the sizes and strides of the matrix that
kernels/triton/gemm.py expects, or nothing where one cannot be made.

The driver's conditions (CUDA driver API, cuTensorMapEncodeTiled): unit stride in the innermost dim, the start and every other stride a
multiple of 16 bytes. Batches must follow one another without gaps: they are rows of one matrix.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.expr import Expr, const
from compiler.ir.kernel import Pointer, TensorMap
from compiler.ir.loop import TensorRef

ALIGNMENT_BYTES = 16


def can_be_mapped(operands: Sequence[TensorRef]) -> bool:
    """Whether both operands of a product can be fetched through tensor maps. Products in batches whose b lies by rows may not: blocks
    along K would run into the next batch."""
    a, b = operands
    by_rows = b.layout.stride[-1] == 1
    if by_rows and b.layout.size[0] != 1:
        return False
    return _is_matrix(a, 1, 2) and (_is_matrix(b, 1, 2) if by_rows else _is_matrix(b, 2, 1))


def product_maps(
    a: TensorRef, b: TensorRef, pointers: tuple[Pointer, Pointer], block: tuple[int, int, int]
) -> tuple[TensorMap, TensorMap]:
    """For tiles of block (M, N, K)."""
    m, n, k = block
    by_rows = b.layout.stride[-1] == 1
    rows, columns, part = (1, 2, (k, n)) if by_rows else (2, 1, (n, k))
    right = _map("in_map1", b, pointers[1], rows, columns, part)
    return _map("in_map0", a, pointers[0], 1, 2, (m, k)), right


def _is_matrix(ref: TensorRef, rows: int, columns: int) -> bool:
    layout, size = ref.layout, ref.layout.dtype.size_bytes
    numbers = (*layout.size, *layout.stride, layout.offset)
    if not all(e.is_const for e in numbers) or layout.stride[columns] != 1:
        return False
    row = layout.stride[rows].value()
    whole = layout.size[0] == 1 or layout.stride[0].value() == layout.size[rows].value() * row
    aligned = row * size % ALIGNMENT_BYTES == 0 and layout.offset.value() * size % ALIGNMENT_BYTES == 0
    return whole and aligned and row > 0


def _map(
    name: str, ref: TensorRef, pointer: Pointer, rows: int, columns: int, block: tuple[int, int]
) -> TensorMap:
    size, stride = ref.layout.size, ref.layout.stride
    sizes: tuple[Expr, ...] = (size[0] * size[rows], size[columns])
    return TensorMap(name, pointer, ref.layout.dtype, sizes, (stride[rows], const(1)), block)
