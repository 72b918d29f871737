"""Linear algebra of dense matrices: calls of our own operators (`ir.own_ops`), whose kernels are in `shim/src/ops`.

    aten.linalg_inv(x [B, 3, 3])  ->  custom0 = custom "aoti::linalg_inv(Tensor a) -> Tensor": operand x
                                      buf1 = result float32 [B, 3, 3] of custom0

As in PyTorch a matrix that has no inverse, solution or factor ends the run with an error that names it. PyTorch's forms that report in a
tensor instead (`linalg_inv_ex`) are not taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir import own_ops
from compiler.ir.dtypes import float32, float64
from compiler.ir.op_schema import parse
from compiler.lowering.builder import Builder
from compiler.lowering.custom_ops import emit
from compiler.lowering.registry import Unsupported, lowers
from compiler.lowering.values import Value


def _call(b: Builder, schema: str, *args: object) -> list[Value]:
    """The results of an operator of ours."""
    for value in args:
        if isinstance(value, Value) and value.dtype not in (float32, float64):
            raise Unsupported(
                f"{b.origin.aten_op} of {value.dtype} is not lowered",
                "convert the matrices to float32 or float64",
            )
    if b.on_gpu:
        raise Unsupported(f"{b.origin.aten_op} is not lowered for a GPU", "compile for the CPU")
    ordered = tuple(b.in_memory(a) if isinstance(a, Value) else a for a in args)
    results = len(parse(schema).results)
    return emit(b, schema, ordered, [(m.dtype, m.size) for m in b.outs[:results]])


@lowers("aten.linalg_inv.default", "aten.inverse.default")
def inverse(b: Builder, a: Value) -> Value:
    return _call(b, own_ops.LINALG_INV, a)[0]


@lowers("aten.linalg_solve.default")
def solve(b: Builder, a: Value, right: Value, *, left: bool = True) -> Value:
    vector = a.rank - 1 == right.rank and tuple(a.size[:-1]) == tuple(right.size) or right.rank == 1
    return _call(b, own_ops.LINALG_SOLVE, a, right, left, vector)[0]


@lowers("aten._linalg_det.default")
def determinant_and_factors(b: Builder, a: Value) -> tuple[Value, None, None]:
    """The factors are what a backward pass keeps; PyTorch computes those of the transposed matrix where that is quicker."""
    return determinant(b, a), None, None


@lowers("aten._linalg_slogdet.default")
def log_determinant_and_factors(b: Builder, a: Value) -> tuple[Value, Value, None, None]:
    sign, logarithm = log_determinant(b, a)
    return sign, logarithm, None, None


@lowers("aten.linalg_det.default", "aten.det.default")
def determinant(b: Builder, a: Value) -> Value:
    return _call(b, own_ops.LINALG_DET, a)[0]


@lowers("aten.linalg_slogdet.default", "aten.slogdet.default")
def log_determinant(b: Builder, a: Value) -> Sequence[Value]:
    return tuple(_call(b, own_ops.LINALG_SLOGDET, a))


@lowers("aten.linalg_lu_factor.default")
def lu_factor(b: Builder, a: Value, *, pivot: bool = True) -> Sequence[Value]:
    if not pivot:
        raise Unsupported("aten.linalg_lu_factor without pivoting is not lowered", "leave pivot = True")
    return tuple(_call(b, own_ops.LINALG_LU_FACTOR, a))


@lowers("aten.linalg_cholesky.default", "aten.cholesky.default")
def cholesky(b: Builder, a: Value, upper: bool = False) -> Value:
    return _call(b, own_ops.LINALG_CHOLESKY, a, upper)[0]


@lowers("aten.linalg_solve_triangular.default")
def solve_triangular(
    b: Builder, a: Value, right: Value, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Value:
    return _call(b, own_ops.LINALG_SOLVE_TRIANGULAR, a, right, upper, left, unitriangular)[0]


@lowers("aten.linalg_qr.default", "aten.qr.default")
def qr(b: Builder, a: Value, mode: str | bool = "reduced") -> Sequence[Value]:
    return tuple(_call(b, own_ops.LINALG_QR, a))
