"""The configs worth trying for a problem on an architecture, best first by the cost model.

Enters: a problem and a GPU. Leaves: configs that fit the GPU's shared memory and a thread's registers and that are not plainly wasteful.
The database chooses among them by measurement; where it holds nothing, the first one is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from kernels.tuning.configs import Config, cdiv, power_of_two
from kernels.tuning.cost_model import predict_us, shared_bytes
from kernels.tuning.gpus import Gpu
from kernels.tuning.problems import ELEMENT_BYTES, Attention, Convolution, Problem, Product

FEW_ROWS = 4  # what gemv takes


def candidates(problem: Problem, gpu: Gpu) -> list[Config]:
    """Never empty."""
    if isinstance(problem, Product):
        found = [*_gemv(problem), *_gemm(problem, gpu)]
    elif isinstance(problem, Attention):
        found = list(_attention(problem, gpu))
    else:
        found = list(_depthwise(problem) if problem.c == 1 else _convolution(problem, gpu))
    return sorted(found, key=lambda config: (predict_us(problem, config, gpu), str(config)))


def _gemv(p: Product) -> Iterator[Config]:
    """Blocks of 8 to 64 accumulators a thread."""
    if p.m > FEW_ROWS or p.precision.startswith("tf32"):
        return
    rows = power_of_two(p.m)
    for block_n, block_k, warps, split in product(
        (1, 2, 4, 8, 16), (256, 512, 1024, 2048, 4096), (2, 4, 8), (1, 2, 4)
    ):
        accumulators = rows * block_n * block_k // (32 * warps)
        if not 8 <= accumulators <= 64 or block_k * split > power_of_two(p.k):
            continue
        if not p.b_columns and block_n < 16:
            continue  # rows of b are contiguous along n
        yield Config("gemv", _named(BLOCK_N=block_n, BLOCK_K=block_k, SPLIT_K=split), warps)


def _gemm(p: Product, gpu: Gpu) -> Iterator[Config]:
    exact = p.dtype == "fp32" and p.precision == "ieee"
    inner = (16, 32) if exact else (32, 64) if p.dtype == "fp32" else (64, 128, 256)
    maps = gpu.arch >= 90 and not exact and _can_be_mapped(p)
    for block_m, block_n, block_k in product(*_tile_sizes(p.m, p.n, exact), inner):
        if block_k > max(inner[0], power_of_two(p.k)):
            continue
        tiles = cdiv(p.m, block_m) * cdiv(p.n, block_n) * p.batches
        for warps, stages, split in product(
            _warps(block_m, block_n, exact), (3, 4, 6), _splits(tiles, p.k, block_k, gpu)
        ):
            blocks = _named(BLOCK_M=block_m, BLOCK_N=block_n, BLOCK_K=block_k, SPLIT_K=split)
            for tma in (False, True) if maps and block_m >= 64 else (False,):
                config = Config("gemm", (*blocks, *(_named(TMA=1) if tma else ())), warps, stages)
                if _fits(p, config, gpu):
                    yield config
                if (
                    tma
                    and tiles > gpu.multiprocessors
                    and split == 1
                    and _fits(p, config, gpu, epilogue=True)
                ):
                    plain = tuple(c for c in config.constants if c[0] != "SPLIT_K")
                    yield Config("gemm_persistent", plain, warps, stages)


def _can_be_mapped(p: Product) -> bool:
    """A tensor map wants rows that start at multiples of 16 bytes; and products in batches of b by rows must not run over."""
    element = ELEMENT_BYTES[p.dtype]
    aligned = p.k * element % 16 == 0 and (p.b_columns or p.n * element % 16 == 0)
    return aligned and (p.batches == 1 or p.b_columns or p.k % 256 == 0)


def _tile_sizes(m: int, n: int, exact: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    largest = 128 if exact else 256
    low = max(16, min(64, power_of_two(m)))
    rows = tuple(
        b for b in (16, 32, 64, 128, 256) if low <= b <= min(largest, 2 * power_of_two(m)) or b == low
    )
    columns = tuple(
        b for b in (16, 32, 64, 128, 256) if (32 if m > 64 else 16) <= b <= min(largest, power_of_two(n))
    )
    return rows, columns or (max(16, power_of_two(n)),)


def _warps(block_m: int, block_n: int, exact: bool) -> tuple[int, ...]:
    """At most 128 accumulators a thread, at least 16 (or as few warps as there can be)."""
    return tuple(
        w
        for w in (4, 8)
        if block_m * block_n <= 128 * 32 * w and (w == 4 or block_m * block_n >= (1024 if exact else 4096))
    )


def _splits(tiles: int, k: int, block_k: int, gpu: Gpu) -> tuple[int, ...]:
    """Parts of K that fill the GPU up to twice, each at least four steps long."""
    steps = cdiv(k, block_k)
    return tuple(
        s
        for s in (1, 2, 3, 4, 6, 8, 16)
        if s == 1 or (tiles * s <= 2 * gpu.multiprocessors and steps >= 4 * s)
    )


def _attention(p: Attention, gpu: Gpu) -> Iterator[Config]:
    group = p.heads // p.kv_heads
    packed = group > 1 and p.queries * group <= 64
    rows = p.queries * (group if packed else 1)
    depth = power_of_two(p.depth)
    heights = tuple(
        b
        for b in (16, 32, 64, 128)
        if b <= max(16, power_of_two(rows)) and b >= min(64, max(16, power_of_two(rows)))
    )
    aligned = p.depth * ELEMENT_BYTES[p.dtype] % 16 == 0
    for block_m, block_n, warps, stages in product(heights, (16, 32, 64, 128), (2, 4, 8), (1, 2, 3, 4)):
        if block_m * max(block_n, depth) > 128 * 32 * warps or block_n > max(32, power_of_two(p.keys)):
            continue
        if warps not in ((4, 8) if block_m >= 128 else (4,) if block_m >= 64 else (2, 4)):
            continue
        tiles = cdiv(rows, block_m) * (p.kv_heads if packed else p.heads) * p.batches
        splits = [
            s
            for s in (1, 2, 4, 8, 16, 32, 64)
            if s == 1
            or (tiles * s <= 4 * gpu.multiprocessors and cdiv(p.keys, block_n) >= s and p.keys >= 256)
        ]
        for split, tma in product(splits, (0, 1) if gpu.arch >= 90 and aligned and block_m >= 64 else (0,)):
            constants = _named(BLOCK_M=block_m, BLOCK_N=block_n, SPLITS=split, PACKED=int(packed), TMA=tma)
            config = Config("attention", constants, warps, stages)
            if _fits(p, config, gpu):
                yield config


def _convolution(p: Convolution, gpu: Gpu) -> Iterator[Config]:
    inner = (16, 32) if p.dtype == "fp32" else (32, 64, 128)
    for block_m, block_n, block_k in product(*_tile_sizes(p.pixels, p.oc, p.dtype == "fp32"), inner):
        if p.c >= 16 and block_k > power_of_two(p.c):
            continue
        tiles = cdiv(p.pixels, block_m) * cdiv(p.oc, block_n) * p.groups
        for warps, stages, split in product(
            _warps(block_m, block_n, p.dtype == "fp32"), (2, 3, 4), _splits(tiles, p.depth, block_k, gpu)
        ):
            blocks = _named(BLOCK_M=block_m, BLOCK_N=block_n, BLOCK_K=block_k, SPLIT_K=split)
            config = Config("convolution", blocks, warps, stages)
            if _fits(p, config, gpu):
                yield config


def _depthwise(p: Convolution) -> Iterator[Config]:
    for block_m, block_n, warps in product((4, 8, 16, 32, 64), (32, 64, 128, 256), (2, 4, 8)):
        if 8 <= block_m * block_n // (32 * warps) <= 64 and block_n <= max(32, power_of_two(p.groups * p.oc)):
            yield Config("depthwise", _named(BLOCK_M=block_m, BLOCK_N=block_n), warps)


def _fits(problem: Problem, config: Config, gpu: Gpu, epilogue: bool = False) -> bool:
    """Whether the operands in flight (and a finished tile beside them) fit into shared memory."""
    extra = config.get("BLOCK_M") * config.get("BLOCK_N") * ELEMENT_BYTES[problem.dtype] if epilogue else 0
    return shared_bytes(problem, config) + extra + 1024 <= gpu.block_shared_bytes


def _named(**constants: int) -> tuple[tuple[str, int], ...]:
    return tuple(constants.items())
