"""What the templates of kernels/triton are asked to compute: sizes and types, as codegen knows them and as the database names them.

Enters: sizes in elements; dtypes by Triton's names (fp32, fp16, bf16, fp8e4nv, i8). Leaves: a key, and the two numbers of the floor:
operations, and the bytes that must pass through device memory at least once. Two problems with the same key are best served by the same
set-up, whatever else is fused into them.

    Product("bf16", 256, 4096, 4096).key == "product bf16 1x256x4096x4096 nt"
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Union

LONG = " long"  # the end of the key of a product with a long epilogue
ELEMENT_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "fp8e4nv": 1, "fp8e5": 1, "i8": 1}


@dataclass(frozen=True)
class Product:
    """a [batches, m, k] @ b [batches, k, n], a by rows. b_columns: unit stride in k (a Linear's weight) rather than in n.
    precision: "ieee", "tf32" or "tf32x3", of fp32 only. long_epilogue: what is fused behind it loads a tile of its own or computes
    an elementary function; it is measured with both (kernels/triton/hooks.py, `add_gelu_strided`)."""

    dtype: str
    m: int
    n: int
    k: int
    batches: int = 1
    b_columns: bool = True
    precision: str = "ieee"
    long_epilogue: bool = False

    @property
    def key(self) -> str:
        behind = LONG if self.long_epilogue else ""
        kind = f"{self.dtype}/{self.precision}" if self.dtype == "fp32" else self.dtype
        return f"product {kind} {self.batches}x{self.m}x{self.n}x{self.k} {'nt' if self.b_columns else 'nn'}{behind}"

    @property
    def operations(self) -> int:
        return 2 * self.batches * self.m * self.n * self.k

    @property
    def bytes(self) -> int:
        results = 2 if self.long_epilogue else 1
        elements = self.m * self.k + self.k * self.n + results * self.m * self.n
        return self.batches * elements * ELEMENT_BYTES[self.dtype]


@dataclass(frozen=True)
class Attention:
    """q [batches, heads, queries, depth], k and v [batches, kv_heads, keys, depth]; `causal`: aligned at the last key."""

    dtype: str
    batches: int
    heads: int
    kv_heads: int
    queries: int
    keys: int
    depth: int
    causal: bool = False

    @property
    def key(self) -> str:
        sizes = f"{self.batches}x{self.heads}/{self.kv_heads}x{self.queries}x{self.keys}x{self.depth}"
        return f"attention {self.dtype} {sizes}{' causal' if self.causal else ''}"

    @property
    def operations(self) -> int:
        seen = self.queries * self.keys - (self.queries * (self.queries - 1) // 2 if self.causal else 0)
        return 4 * self.batches * self.heads * seen * self.depth

    @property
    def bytes(self) -> int:
        elements = 2 * self.heads * self.queries + 2 * self.kv_heads * self.keys
        return self.batches * elements * self.depth * ELEMENT_BYTES[self.dtype]


@dataclass(frozen=True)
class Convolution:
    """x [n, h, w, groups * c] with a weight [groups * oc, kh, kw, c], channels last."""

    dtype: str
    n: int
    h: int
    w: int
    c: int
    oc: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def key(self) -> str:
        def pair(values: tuple[int, int]) -> str:
            return "x".join(map(str, values))

        geometry = f"k{pair(self.kernel)} s{pair(self.stride)} p{pair(self.pad)} d{pair(self.dilation)}"
        return f"convolution {self.dtype} {self.n}x{self.h}x{self.w} g{self.groups} {self.c}->{self.oc} {geometry}"

    @property
    def out_size(self) -> tuple[int, int]:
        high, wide = (
            (size + 2 * p - d * (k - 1) - 1) // s + 1
            for size, k, s, p, d in zip(
                (self.h, self.w), self.kernel, self.stride, self.pad, self.dilation, strict=True
            )
        )
        return high, wide

    @property
    def pixels(self) -> int:
        return self.n * math.prod(self.out_size)

    @property
    def depth(self) -> int:
        """Products in each element of the result."""
        return self.kernel[0] * self.kernel[1] * self.c

    @property
    def operations(self) -> int:
        return 2 * self.pixels * self.groups * self.oc * self.depth

    @property
    def bytes(self) -> int:
        x = self.n * self.h * self.w * self.groups * self.c
        elements = x + self.groups * self.oc * (self.depth + self.pixels)
        return elements * ELEMENT_BYTES[self.dtype]


Problem = Union[Product, Attention, Convolution]
