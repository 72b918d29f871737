"""The cost model of fusion: bytes moved, and the limits of one kernel. Costs of operations are in `compiler.ir.schedule_passes`."""

from __future__ import annotations

from compiler.ir.expr import mul_all
from compiler.ir.loop import Layout
from compiler.ir.schedule_passes import kept_rows
from compiler.scheduler.group import FusionGroup

MAX_OPS = 400
MAX_ARGUMENTS = 48
# Rows of intermediate results of one thread should stay within half of a 1 MiB second-level cache.
LOCAL_LIMIT_BYTES = 1 << 19

def buffer_bytes(layout: Layout) -> int:
    """Bytes of the buffer; dynamic sizes count by their upper bound, or as large."""
    numel = mul_all(layout.size)
    return (numel.hi if numel.hi is not None else 1 << 20) * layout.dtype.size_bytes


def local_row_bytes(group: FusionGroup, inside: set[str]) -> int:
    """Bytes of row buffers that one thread needs for values that are used in a later pass and are in no buffer of their own."""
    extent = mul_all(group.inner).hi
    kept = kept_rows(group.members) & inside
    if kept and extent is None:
        return LOCAL_LIMIT_BYTES + 1
    return sum(8 * (extent or 0) for _ in kept)
