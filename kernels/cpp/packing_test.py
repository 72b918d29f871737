"""Packed layouts hold the right element at the right place, and unpacking gives back the original."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from kernels.cpp import packing, scratch


def test_gemm_panels_hold_columns_in_sixteens() -> None:
    b = np.arange(5 * 35, dtype=np.float32).reshape(5, 35) + 1
    packed = packing.pack_gemm_b(b)
    assert packed.shape == (3, 5, 16) and packed.dtype == np.float32 and packed.flags.c_contiguous
    assert packed[1, 4, 7] == b[4, 16 + 7]
    assert packed[2, 0, 2] == b[0, 34]
    assert not packed[2, :, 3:].any()


@pytest.mark.parametrize(("k", "n"), [(0, 3), (1, 1), (7, 16), (3, 17), (64, 48)])
def test_gemm_round_trip(k: int, n: int) -> None:
    b = np.random.default_rng(0).standard_normal((k, n), dtype=np.float32)
    assert np.array_equal(packing.unpack_gemm_b(packing.pack_gemm_b(b), n), b)


def test_a_transposed_weight_is_packed_by_value_not_by_memory_order() -> None:
    w = np.random.default_rng(0).standard_normal((20, 6), dtype=np.float32)
    assert np.array_equal(packing.pack_gemm_b(w.T), packing.pack_gemm_b(np.ascontiguousarray(w.T)))


@pytest.mark.parametrize(
    ("oc", "icg", "kh", "kw", "groups"), [(64, 3, 7, 7, 1), (6, 2, 3, 1, 3), (40, 5, 1, 2, 2)]
)
def test_conv_panels(oc: int, icg: int, kh: int, kw: int, groups: int) -> None:
    w = np.random.default_rng(1).standard_normal((oc, icg, kh, kw), dtype=np.float32)
    packed = packing.pack_conv2d(w, groups)
    ocg = oc // groups
    assert packed.shape == (groups, -(-ocg // 16), kh, kw, icg, 16)
    o = oc - 1
    group, channel = divmod(o, ocg)
    assert packed[group, channel // 16, kh - 1, 0, icg - 1, channel % 16] == w[o, icg - 1, kh - 1, 0]
    assert np.array_equal(packing.unpack_conv2d(packed, oc), w)


def test_winograd_points_give_the_convolution_back() -> None:
    """One 4x4 block of input, transformed, times the packed points, transformed back, is the convolution."""
    rng = np.random.default_rng(3)
    w, d = rng.standard_normal((20, 16, 3, 3)), rng.standard_normal((16, 4, 4))
    packed = packing.pack_conv2d_winograd(w)
    assert packed.shape == (16, 2, 16, 16)
    bt = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
    at = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])
    points = (bt @ d @ bt.T).reshape(16, 16).T  # [point, C]
    products = np.stack([points[p] @ packing.unpack_gemm_b(packed[p], 20) for p in range(16)])
    result = at @ products.T.reshape(20, 4, 4) @ at.T
    expected = np.array(
        [[[(d[:, y : y + 3, x : x + 3] * w[o]).sum() for x in range(2)] for y in range(2)] for o in range(20)]
    )
    assert np.allclose(result, expected, rtol=0, atol=1e-12)


def test_depthwise_round_trip() -> None:
    w = np.random.default_rng(2).standard_normal((10, 1, 3, 5), dtype=np.float32)
    packed = packing.pack_depthwise(w)
    assert packed.shape == (3, 5, 10) and packed[2, 4, 9] == w[9, 0, 2, 4]
    assert np.array_equal(packing.unpack_depthwise(packed), w)


def test_bfloat16_panels_hold_pairs_of_ks() -> None:
    b = np.arange(6 * 20, dtype=np.float32).reshape(6, 20)
    packed = packing.to_bfloat16_pairs(packing.pack_gemm_b(b))
    assert packed.shape == (2, 3, 16, 2) and packed.dtype == np.uint16
    wide = (packed.astype(np.uint32) << 16).view(np.float32)
    assert wide[1, 2, 3, 1] == b[5, 19] and wide[0, 1, 7, 0] == b[2, 7]
    assert not wide[1, :, 4:].any()
    conv = packing.to_bfloat16_pairs(packing.pack_conv2d(np.ones((20, 4, 3, 3), np.float32), 1))
    assert conv.shape == (1, 2, 3, 3, 2, 16, 2)


def test_bfloat16_rounds_to_nearest_even_and_keeps_special_values() -> None:
    values = np.array([1 + 2**-8, 1 + 3 * 2**-8, np.inf, -np.inf, np.nan, -0.0, 3.4e38, 1e-40], np.float32)
    pairs = np.zeros((1, 2, 16), np.float32)
    pairs[0, 0, :8] = values
    got = (packing.to_bfloat16_pairs(pairs)[0, 0, :8, 0].astype(np.uint32) << 16).view(np.float32)
    assert got[:4].tolist() == [1.0, 1 + 2**-6, np.inf, -np.inf]
    assert np.isnan(got[4]) and np.signbit(got[5]) and np.isinf(got[6]) and got[7] > 0


def test_wrong_shapes_are_refused_with_what_was_expected() -> None:
    with pytest.raises(ValueError, match=r"expected a matrix \[K, N\], got an array of shape \[2, 3, 4\]"):
        packing.pack_gemm_b(np.zeros((2, 3, 4), np.float32))
    with pytest.raises(ValueError, match="10 output channels cannot be divided into 3 groups"):
        packing.pack_conv2d(np.zeros((10, 1, 1, 1), np.float32), 3)
    with pytest.raises(ValueError, match="expected a 3x3 kernel, got 3x5"):
        packing.pack_conv2d_winograd(np.zeros((4, 16, 3, 5), np.float32))
    with pytest.raises(ValueError, match="expected one input channel for each group, got 2"):
        packing.pack_depthwise(np.zeros((4, 2, 3, 3), np.float32))


def test_scratch_numbers_are_those_of_the_header() -> None:
    text = (Path(__file__).parent / "scratch.h").read_text()
    found = {name: int(kib) * 1024 for name, kib in re.findall(r"k(\w+)ScratchBytes = (\d+) \* 1024;", text)}
    names = {
        "GemmPacked": "gemm_f32_packed",
        "Gemm": "gemm_f32",
        "Conv2d": "conv2d_f32_nhwc",
        "Winograd": "conv2d_winograd_f32_nhwc",
        "Attention": "attention_f32",
    }
    sizes = {names[name]: size for name, size in found.items()}
    shared = {
        "gemm_bf16_packed": sizes["gemm_f32_packed"],
        "conv2d_bf16_nhwc": sizes["conv2d_f32_nhwc"],
        "attention_bf16": sizes["attention_f32"],
    }
    assert sizes | shared == scratch.SCRATCH_BYTES
