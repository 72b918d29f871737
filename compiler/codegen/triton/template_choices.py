"""How a template is set up for the sizes of a node: the tuning database's choice (kernels/tuning), measured or by its cost model.

Enters: sizes (a size that is not known when compiling counts as its upper bound, at most MANY), types, what the launch can be given.
Leaves: a `Choice`, and for the kernel's header where it comes from.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.codegen.triton.target import MEASURED_ARCH, Target
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, as_expr, mul_all
from compiler.ir.loop import TemplateKernel
from kernels.tuning.configs import WORKSPACE
from kernels.tuning.database import Choice, choose, committed
from kernels.tuning.problems import Attention, Convolution, Product

MANY = 4096
SHORT_NAMES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


def product_choice(
    sizes: Sequence[Expr], dtype: DType, precision: str, b_columns: bool, long_epilogue: bool, target: Target
) -> Choice:
    """sizes: batches, rows, columns, depth. gemv only for rows that are known to be few, since it takes their number as a constant; parts
    of the depth only where the number of tiles, and with it the workspace, is known."""
    batches, m, n, k = (_typical(e) for e in sizes)
    few = sizes[1].is_const
    able = target.able if all(e.is_const for e in sizes[:3]) else target.able - {WORKSPACE}
    rows = m if few else max(m, 16)
    if few and m <= 4 and precision == "tf32x3":
        precision = "ieee"  # ordinary units, in exact float32
    problem = Product(SHORT_NAMES[dtype.name], rows, n, k, batches, b_columns, precision, long_epilogue)
    return choose(committed(), problem, MEASURED_ARCH, able, target.shared_bytes)


def attention_choice(
    sizes: Sequence[Expr], dtype: DType, causal: bool, target: Target, able: frozenset[str]
) -> Choice:
    """sizes: batch, heads, heads of the keys, queries, keys, depth. Keys are cut in parts only where the number of rows is known."""
    if not all(e.is_const for e in sizes[:4]):
        able -= {WORKSPACE}
    batch, heads, kv_heads, queries, keys, depth = (_typical(e) for e in sizes)
    problem = Attention(SHORT_NAMES[dtype.name], batch, heads, kv_heads, queries, keys, depth, causal)
    return choose(committed(), problem, MEASURED_ARCH, able, target.shared_bytes)


def convolution_choice(node: TemplateKernel, target: Target) -> Choice:
    """Of a triton_convolution."""
    sizes = {name: as_expr(value) for name, value in node.params if isinstance(value, (int, Expr))}
    n, h, w, channels, out_channels, groups = (
        _typical(sizes[name]) for name in ("N", "H", "W", "C", "OC", "groups")
    )

    def pair(field: str) -> tuple[int, int]:
        return sizes[f"{field}_h"].value(), sizes[f"{field}_w"].value()

    problem = Convolution(
        SHORT_NAMES[node.layout.dtype.name], n, h, w, channels // groups, out_channels // groups,
        (sizes["KH"].value(), sizes["KW"].value()), pair("stride"), pair("pad"), pair("dil"), groups,
    )  # fmt: skip
    able = target.able if mul_all(node.layout.size).is_const else target.able - {WORKSPACE}
    return choose(committed(), problem, MEASURED_ARCH, able, target.shared_bytes)


def origin_of(choice: Choice) -> str:
    """For the kernel's header: what was measured, or that nothing was."""
    if choice.measured_on:
        return f"set up as measured on {choice.measured_on}: {choice.us:.1f} us"
    return f"set up by the cost model, not measured: {choice.us:.1f} us predicted"


def _typical(e: Expr) -> int:
    if e.is_const:
        return e.value()
    return MANY if e.hi is None else min(e.hi, MANY)
