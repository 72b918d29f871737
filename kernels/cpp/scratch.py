"""Scratch memory that each CPU kernel template needs for every thread, in bytes; the same numbers as kernels/cpp/scratch.h.

The compiler states the maximum over a model's kernels in the model's table.
"""

from __future__ import annotations

SCRATCH_BYTES: dict[str, int] = {
    "gemm_f32_packed": 64 * 1024,
    "gemm_bf16_packed": 64 * 1024,
    "gemm_f32": 384 * 1024,
    "conv2d_f32_nhwc": 64 * 1024,
    "conv2d_bf16_nhwc": 64 * 1024,
    "conv2d_winograd_f32_nhwc": 832 * 1024,
    "attention_f32": 512 * 1024,
    "attention_bf16": 512 * 1024,
}
