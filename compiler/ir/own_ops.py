"""Operators of our own, namespace "aoti": what has no form as loops and is called by its schema, with a kernel in `shim/src/ops`.

Lowering makes calls of them, the wrapper registers the kernels of those that a plan calls, so that a library links no others.
"""

from __future__ import annotations

NAMESPACE = "aoti"

LINALG_INV = "aoti::linalg_inv(Tensor a) -> Tensor"
LINALG_SOLVE = "aoti::linalg_solve(Tensor a, Tensor b, bool left, bool vector) -> Tensor"
LINALG_DET = "aoti::linalg_det(Tensor a) -> Tensor"
LINALG_SLOGDET = "aoti::linalg_slogdet(Tensor a) -> (Tensor sign, Tensor logabsdet)"
LINALG_LU_FACTOR = "aoti::linalg_lu_factor(Tensor a) -> (Tensor lu, Tensor pivots)"
LINALG_CHOLESKY = "aoti::linalg_cholesky(Tensor a, bool upper) -> Tensor"
LINALG_SOLVE_TRIANGULAR = (
    "aoti::linalg_solve_triangular(Tensor a, Tensor b, bool upper, bool left, bool unitriangular) -> Tensor"
)
LINALG_QR = "aoti::linalg_qr(Tensor a) -> (Tensor q, Tensor r)"


def kernel(schema: str) -> str | None:
    """The C function that is the operator's kernel; None of an operator that is none of ours."""
    space, _, rest = schema.partition("::")
    return f"aoti_op_{rest.partition('(')[0]}" if space == NAMESPACE else None
