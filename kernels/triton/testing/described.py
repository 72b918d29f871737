"""Arguments of the templates as a generated kernel passes them: literal sizes and strides of dense tensors, pointers of one dtype."""

from __future__ import annotations

from typing import Any

from kernels.triton.compile_kernel import Descriptor, Pointer
from kernels.triton.hooks import store_strided

NO_PROLOGUES: dict[str, Any] = {"a_prologue": None, "a_args": (), "b_prologue": None, "b_args": ()}
SPLITS: dict[str, Any] = {"workspace": Pointer("fp32"), "semaphores": Pointer("i32")}


def linear(dtype: str, m: int, n: int, k: int, out: str = "") -> dict[str, Any]:
    """x [m, k] @ weight [n, k].T, stored plainly."""
    return {
        "a": Pointer(dtype), "b": Pointer(dtype), "N": n, "K": k,
        "stride_ab": m * k, "stride_am": k, "stride_ak": 1, "stride_bb": n * k, "stride_bk": 1, "stride_bn": k,
        **NO_PROLOGUES,
        "epilogue": store_strided, "epilogue_args": (Pointer(out or dtype), m * n, n, 1),
    }  # fmt: skip


def gemm_arguments(
    dtype: str, m: int, n: int, k: int, block: tuple[int, int, int], **more: Any
) -> dict[str, Any]:
    """Of `gemm`; with TMA=True the operands are tensor maps."""
    arguments = {**linear(dtype, m, n, k, more.pop("out", "")), **SPLITS, "M": m}
    if more.get("TMA"):
        arguments |= {
            "a": Descriptor(dtype, (block[0], block[2])),
            "b": Descriptor(dtype, (block[1], block[2])),
        }
    names = dict(zip(("BLOCK_M", "BLOCK_N", "BLOCK_K"), block, strict=True))
    return {**arguments, **names, "EVEN_K": True, **more}
