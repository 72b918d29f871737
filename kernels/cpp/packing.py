"""Packs constant weights into the layouts that the CPU kernels read, and unpacks them for tests.

What enters: plain numpy arrays as PyTorch lays them out. What leaves: new float32 arrays (dtype is kept) in C order.

Invariants: the layouts are the same for every instruction set and every number of threads; columns (output channels)
are padded with zeros to a multiple of PANEL; unpacking a packed array gives back the original bit for bit.

    b = np.arange(6, dtype=np.float32).reshape(2, 3)   # [K, N]
    pack_gemm_b(b).shape                               # (1, 2, 16): [ceil(N / 16)][K][16], b[k, n] at [n // 16, k, n % 16]
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PANEL = 16


def _require_rank(name: str, array: Array, rank: int, meaning: str) -> None:
    if array.ndim != rank:
        raise ValueError(f"{name}: expected {meaning}, got an array of shape {list(array.shape)}")


def pack_gemm_b(b: Array) -> Array:
    """[K, N] -> "panel16", [ceil(N / 16), K, 16]. For a linear layer's weight [N, K], pass its transpose."""
    _require_rank("pack_gemm_b", b, 2, "a matrix [K, N]")
    k, n = b.shape
    panels = -(-n // PANEL)
    padded = np.zeros((k, panels * PANEL), dtype=b.dtype)
    padded[:, :n] = b
    return np.ascontiguousarray(padded.reshape(k, panels, PANEL).transpose(1, 0, 2))


def unpack_gemm_b(packed: Array, n: int) -> Array:
    """[ceil(N / 16), K, 16] -> [K, N]."""
    _require_rank("unpack_gemm_b", packed, 3, "panels [ceil(N / 16), K, 16]")
    panels, k, width = packed.shape
    return np.ascontiguousarray(packed.transpose(1, 0, 2).reshape(k, panels * width)[:, :n])


def pack_conv2d(w: Array, groups: int) -> Array:
    """[OC, ICg, KH, KW] -> "conv_panel16", [groups, ceil(OCg / 16), KH, KW, ICg, 16]."""
    _require_rank("pack_conv2d", w, 4, "weights [OC, ICg, KH, KW]")
    oc, icg, kh, kw = w.shape
    if groups < 1 or oc % groups != 0:
        raise ValueError(f"pack_conv2d: {oc} output channels cannot be divided into {groups} groups")
    ocg = oc // groups
    # each group is a product with B = [KH * KW * ICg, OCg]
    matrices = (
        w.reshape(groups, ocg, icg, kh, kw).transpose(0, 3, 4, 2, 1).reshape(groups, kh * kw * icg, ocg)
    )
    packed = np.stack([pack_gemm_b(matrix) for matrix in matrices])
    return packed.reshape(groups, -(-ocg // PANEL), kh, kw, icg, PANEL)


def unpack_conv2d(packed: Array, oc: int) -> Array:
    """[groups, ceil(OCg / 16), KH, KW, ICg, 16] -> [OC, ICg, KH, KW]."""
    _require_rank("unpack_conv2d", packed, 6, "panels [groups, ceil(OCg / 16), KH, KW, ICg, 16]")
    groups, panels, kh, kw, icg, width = packed.shape
    whole = packed.transpose(0, 1, 5, 4, 2, 3).reshape(groups, panels * width, icg, kh, kw)
    return np.ascontiguousarray(whole[:, : oc // groups].reshape(oc, icg, kh, kw))


# G of Winograd's F(2x2, 3x3): A. Lavin, S. Gray, arXiv:1509.09308, section 4.1
_WINOGRAD_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=np.float64)


def pack_conv2d_winograd(w: Array) -> Array:
    """[OC, C, 3, 3] -> "winograd_panel16", [16, ceil(OC / 16), C, 16]: the 4x4 points of G w G^T, each as a matrix [C, OC].

    Computed in float64 and rounded once. 16/9 times as many numbers as plain weights.
    """
    _require_rank("pack_conv2d_winograd", w, 4, "weights [OC, C, 3, 3]")
    if w.shape[2:] != (3, 3):
        raise ValueError(f"pack_conv2d_winograd: expected a 3x3 kernel, got {w.shape[2]}x{w.shape[3]}")
    points = np.einsum("yh,ochw,xw->yxco", _WINOGRAD_G, w.astype(np.float64), _WINOGRAD_G)
    return np.stack([pack_gemm_b(matrix) for matrix in points.reshape(16, *points.shape[2:]).astype(w.dtype)])


def to_bfloat16(array: Array) -> Array:
    """Float32 -> bfloat16 as bits (uint16), rounded to nearest even; NaN stays NaN."""
    bits = np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(array), 0x7FC0, rounded).astype(np.uint16)


def to_bfloat16_pairs(packed: Array) -> Array:
    """Panels [.., K, 16] of float32 -> their "_bf16" form [.., K / 2, 16, 2]: the k's 2i and 2i + 1 of a column side by side."""
    if packed.shape[-1] != PANEL or packed.shape[-2] % 2 != 0:
        raise ValueError(f"to_bfloat16_pairs: expected panels [.., an even K, 16], got {list(packed.shape)}")
    pairs = to_bfloat16(packed).reshape(*packed.shape[:-2], packed.shape[-2] // 2, 2, PANEL)
    return np.ascontiguousarray(pairs.swapaxes(-1, -2))


def pack_depthwise(w: Array) -> Array:
    """[C, 1, KH, KW] -> "depthwise", [KH, KW, C]: one vector of channels for each tap."""
    _require_rank("pack_depthwise", w, 4, "weights [C, 1, KH, KW]")
    if w.shape[1] != 1:
        raise ValueError(f"pack_depthwise: expected one input channel for each group, got {w.shape[1]}")
    return np.ascontiguousarray(w[:, 0].transpose(1, 2, 0))


def unpack_depthwise(packed: Array) -> Array:
    """[KH, KW, C] -> [C, 1, KH, KW]."""
    _require_rank("unpack_depthwise", packed, 3, "weights [KH, KW, C]")
    return np.ascontiguousarray(packed.transpose(2, 0, 1)[:, None])
