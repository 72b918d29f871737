"""Arguments of the templates as a generated kernel passes them: literal sizes and strides of dense tensors, pointers of one dtype."""

from __future__ import annotations

from typing import Any

from kernels.triton.compile_kernel import Descriptor, Pointer
from kernels.triton.hooks import store_heads, store_strided

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


def attention_arguments(
    dtype: str, heads: int, kv_heads: int, queries: int, keys: int, depth: int, **more: Any
) -> dict[str, Any]:
    """Of `attention`, but its blocks: q, k, v and the result as [B, positions, heads, depth], as projections leave them."""
    row, kv_row = heads * depth, kv_heads * depth
    cached: Any = Descriptor(dtype, (1, 1, 64, depth)) if more.get("TMA") else Pointer(dtype)
    return {
        "q": Pointer(dtype), "k": cached, "v": cached, "queries": queries, "keys": keys, "lengths": None, "shift": 0,
        "stride_qb": queries * row, "stride_qh": depth, "stride_qm": row,
        "stride_kb": keys * kv_row, "stride_kh": depth, "stride_kn": kv_row,
        "stride_vb": keys * kv_row, "stride_vh": depth, "stride_vn": kv_row,
        **SPLITS, "score": None, "score_args": (),
        "epilogue": store_heads, "epilogue_args": (Pointer(dtype), queries * row, depth, row, 1),
        "SCALE": depth**-0.5, "GROUP": heads // kv_heads, "D": depth, "DV": depth, **more,
    }  # fmt: skip


def convolution_arguments(
    dtype: str, n: int, c: int, size: int, o: int, kernel: int, stride: int = 1, **more: Any
) -> dict[str, Any]:
    """Of `convolution`, but its blocks: a square image, a square kernel padded by half its size."""
    out = (size - 1) // stride + 1
    return {
        "x": Pointer(dtype), "w": Pointer(dtype), "N": n, "H": size, "W": size, "C": c, "OH": out, "OW": out, "OC": o,
        "stride_xn": size * size * c, "stride_xh": size * c, "stride_xw": c, **SPLITS,
        "prologue": None, "prologue_args": (), "epilogue": store_strided, "epilogue_args": (Pointer(dtype), 0, o, 1),
        **_geometry(kernel, stride), **more,
    }  # fmt: skip


def depthwise_arguments(
    dtype: str, n: int, channels: int, size: int, kernel: int, stride: int = 1
) -> dict[str, Any]:
    """Of `depthwise`, but its blocks; weights packed as [taps, channels]."""
    arguments = convolution_arguments(dtype, n, channels, size, channels, kernel, stride)
    for name in (*SPLITS, "C"):
        del arguments[name]
    return {**arguments, "G": channels, "OC": 1, "stride_wo": 1, "stride_wk": channels}


def _geometry(kernel: int, stride: int) -> dict[str, int]:
    pad = kernel // 2
    values = (kernel, kernel, stride, stride, pad, pad, 1, 1)
    return dict(zip(("KH", "KW", "SH", "SW", "PH", "PW", "DH", "DW"), values, strict=True))
