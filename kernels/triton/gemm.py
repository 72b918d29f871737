"""Matrix product on tensor cores: acc[batch, M, N] = a[batch, M, K] @ b[batch, K, N], finished by an epilogue.

Two templates share one inner loop:
- `gemm`             one program for each tile and each of SPLIT_K parts of K; grid (tiles, SPLIT_K, batches)
- `gemm_persistent`  as many programs as fit on the device, each takes every n-th tile; grid (programs, 1, 1)
A product of one to four rows is better served by `gemv`.

Operands are pointers with strides in elements, or (TMA) descriptors made by the host, with which Hopper's copy engine fills shared
memory:
    a: [batches * M, K] in blocks of [BLOCK_M, BLOCK_K]
    b: [batches * N, K] in blocks of [BLOCK_N, BLOCK_K] when B_COLUMNS (a Linear's weight), else [batches * K, N] in blocks of
       [BLOCK_K, BLOCK_N]; then K must be a multiple of BLOCK_K when there are batches, or rows of the next one would be added
The strides are not read then; batches follow one another without gaps.

Compile-time arguments
    BLOCK_M, BLOCK_N, BLOCK_K   the tile; powers of two, BLOCK_K >= 16 (32 for 8-bit operands)
    GROUP_M       rows of tiles that are walked together, so that b is found in the L2 cache
    SPLIT_K       parts of K; more than one needs `workspace` and `semaphores` (splits.py, one semaphore for each tile and batch)
    EVEN_K        K is a multiple of BLOCK_K * SPLIT_K: no masks along K
    PRECISION     "ieee", "tf32" or "tf32x3" for float32 operands; nothing for others
    ACC           dtype of the accumulator: tl.float32, or tl.int32 for 8-bit integers
    PDL           launched with programmatic dependent launch: waits for the kernel before it

On Hopper, tiles of 64 or more rows and at least four warps are multiplied by `wgmma`; smaller ones, and Ampere, by `mma`.
"""

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from kernels.triton.splits import collect, publish


@triton.jit
def gemm(
    a,
    b,
    M,
    N,
    K,
    stride_ab,
    stride_am,
    stride_ak,
    stride_bb,
    stride_bk,
    stride_bn,
    workspace,
    semaphores,
    a_prologue: tl.constexpr,
    a_args,
    b_prologue: tl.constexpr,
    b_args,
    epilogue: tl.constexpr,
    epilogue_args,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr = 8,
    SPLIT_K: tl.constexpr = 1,
    EVEN_K: tl.constexpr = False,
    TMA: tl.constexpr = False,
    B_COLUMNS: tl.constexpr = True,
    PRECISION: tl.constexpr = "ieee",
    ACC: tl.constexpr = tl.float32,
    PDL: tl.constexpr = False,
):
    """One tile, or one of SPLIT_K parts of it."""
    if PDL:
        gdc_launch_dependents()
        gdc_wait()
    tiles_m = tl.cdiv(M, BLOCK_M)
    tiles_n = tl.cdiv(N, BLOCK_N)
    split = tl.program_id(1)
    batch = tl.program_id(2)
    tile_m, tile_n = place_of_tile(tl.program_id(0), tiles_m, tiles_n, GROUP_M)
    k_part = tl.cdiv(tl.cdiv(K, BLOCK_K), SPLIT_K) * BLOCK_K
    k_begin = split * k_part
    acc = multiply_tile(
        a, b, batch, tile_m, tile_n, k_begin, tl.minimum(k_begin + k_part, K), M, N, K,
        stride_ab, stride_am, stride_ak, stride_bb, stride_bk, stride_bn,
        a_prologue, a_args, b_prologue, b_args,
        BLOCK_M, BLOCK_N, BLOCK_K, EVEN_K, TMA, B_COLUMNS, PRECISION, ACC,
    )  # fmt: skip
    rows = tile_m * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    columns = tile_n * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
    mask = (rows < M) & (columns < N)
    if SPLIT_K == 1:
        epilogue(acc, batch, rows, columns, mask, epilogue_args)
    else:
        tile = (batch * tiles_m + tile_m) * tiles_n + tile_n
        offsets = tl.arange(0, BLOCK_M)[:, None] * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
        if publish(acc, offsets, workspace, semaphores + tile, tile, split, SPLIT_K, BLOCK_M * BLOCK_N):
            tl.store(semaphores + tile, 0)
            total = collect(offsets, workspace, tile, SPLIT_K, BLOCK_M * BLOCK_N)
            epilogue(total, batch, rows, columns, mask, epilogue_args)


@triton.jit
def gemm_persistent(
    a,
    b,
    M,
    N,
    K,
    batches,
    stride_ab,
    stride_am,
    stride_ak,
    stride_bb,
    stride_bk,
    stride_bn,
    a_prologue: tl.constexpr,
    a_args,
    b_prologue: tl.constexpr,
    b_args,
    epilogue: tl.constexpr,
    epilogue_args,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr = 8,
    EVEN_K: tl.constexpr = False,
    TMA: tl.constexpr = False,
    B_COLUMNS: tl.constexpr = True,
    PRECISION: tl.constexpr = "ieee",
    ACC: tl.constexpr = tl.float32,
    PDL: tl.constexpr = False,
    WARP_SPECIALIZE: tl.constexpr = False,
):
    """Every `num_programs`-th tile of all batches. The loops over tiles and over K are one loop to the pipeliner, which therefore
    loads the next tile's operands while this one's epilogue runs. WARP_SPECIALIZE: Blackwell only."""
    if PDL:
        gdc_launch_dependents()
        gdc_wait()
    tiles_m = tl.cdiv(M, BLOCK_M)
    tiles_n = tl.cdiv(N, BLOCK_N)
    tiles = tiles_m * tiles_n
    for work in tl.range(
        tl.program_id(0), tiles * batches, tl.num_programs(0), flatten=True, warp_specialize=WARP_SPECIALIZE
    ):
        batch = work // tiles
        tile_m, tile_n = place_of_tile(work % tiles, tiles_m, tiles_n, GROUP_M)
        acc = multiply_tile(
            a, b, batch, tile_m, tile_n, 0, K, M, N, K,
            stride_ab, stride_am, stride_ak, stride_bb, stride_bk, stride_bn,
            a_prologue, a_args, b_prologue, b_args,
            BLOCK_M, BLOCK_N, BLOCK_K, EVEN_K, TMA, B_COLUMNS, PRECISION, ACC,
        )  # fmt: skip
        rows = tile_m * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
        columns = tile_n * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
        epilogue(acc, batch, rows, columns, (rows < M) & (columns < N), epilogue_args)


@triton.jit
def place_of_tile(index, tiles_m, tiles_n, GROUP_M: tl.constexpr):
    """(row, column) of the index-th tile: GROUP_M rows of tiles at a time, column by column within them."""
    group = index // (GROUP_M * tiles_n)
    first = group * GROUP_M
    height = tl.minimum(tiles_m - first, GROUP_M)
    within = index % (GROUP_M * tiles_n)
    return first + within % height, within // height


@triton.jit
def multiply_tile(
    a,
    b,
    batch,
    tile_m,
    tile_n,
    k_begin,
    k_end,
    M,
    N,
    K,
    stride_ab,
    stride_am,
    stride_ak,
    stride_bb,
    stride_bk,
    stride_bn,
    a_prologue: tl.constexpr,
    a_args,
    b_prologue: tl.constexpr,
    b_args,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    EVEN_K: tl.constexpr,
    TMA: tl.constexpr,
    B_COLUMNS: tl.constexpr,
    PRECISION: tl.constexpr,
    ACC: tl.constexpr,
):
    """acc[BLOCK_M, BLOCK_N] over k in [k_begin, k_end). Offsets that grow with the tensors are 64-bit scalars, added to the pointers once;
    those within a tile stay 32-bit."""
    first_m = tile_m * BLOCK_M
    first_n = tile_n * BLOCK_N
    m = tl.arange(0, BLOCK_M)[:, None]
    n = tl.arange(0, BLOCK_N)[None, :]
    row_exists = first_m + m < M
    column_exists = first_n + n < N
    if not TMA:
        a_tile = (
            a
            + (tl.cast(batch, tl.int64) * stride_ab + tl.cast(first_m, tl.int64) * stride_am)
            + m * stride_am
        )
        b_tile = (
            b
            + (tl.cast(batch, tl.int64) * stride_bb + tl.cast(first_n, tl.int64) * stride_bn)
            + n * stride_bn
        )
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=ACC)
    for k in tl.range(k_begin, k_end, BLOCK_K):
        ks = k + tl.arange(0, BLOCK_K)
        if TMA:
            x = a.load([batch * M + first_m, k])
            if B_COLUMNS:
                y = b.load([batch * N + first_n, k]).T
            else:
                y = b.load([batch * K + k, first_n])
        elif EVEN_K:
            x = tl.load(a_tile + ks[None, :] * stride_ak, mask=row_exists, other=0.0)
            y = tl.load(b_tile + ks[:, None] * stride_bk, mask=column_exists, other=0.0)
        else:
            x = tl.load(a_tile + ks[None, :] * stride_ak, mask=row_exists & (ks[None, :] < k_end), other=0.0)
            y = tl.load(
                b_tile + ks[:, None] * stride_bk, mask=column_exists & (ks[:, None] < k_end), other=0.0
            )
        if a_prologue is not None:
            x = a_prologue(x, batch, first_m + m, ks[None, :], a_args)
            if not EVEN_K:
                x = tl.where(ks[None, :] < k_end, x, tl.zeros_like(x))
        if b_prologue is not None:
            y = b_prologue(y, batch, ks[:, None], first_n + n, b_args)
            if not EVEN_K:
                y = tl.where(ks[:, None] < k_end, y, tl.zeros_like(y))
        acc = tl.dot(x, y, acc, input_precision=PRECISION, out_dtype=ACC)
    return acc
