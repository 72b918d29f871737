"""Matrix times a few vectors, at the speed of memory: acc[batch, ROWS, N] = a[batch, ROWS, K] @ b[batch, K, N] for ROWS of 1 to 4.

Enters: `a`, strides in elements, the few rows as a constant; `b` with unit stride in K (a Linear's weight) or in N: the compiler lays out
threads along whichever is contiguous. Leaves: finished columns through the same epilogue as `gemm`'s, rows and columns alike.
Grid: (cdiv(N, BLOCK_N), SPLIT_K, batches).

Each element of b is read once and multiplied in float32 by ordinary units; what counts is how many bytes are on the way at any
time. Partial products stay spread over the block's threads until the end of the loop, so that there is one reduction for each row
and column, and iterations are independent. Products of 16-bit floats are exact in float32.

Compile-time arguments beyond gemm's
    ROWS       rows of a, all of them
    BLOCK_N    columns of a program; ROWS * BLOCK_N * BLOCK_K / (32 * warps) accumulators a thread
    STAGES     loads of b in flight, in shared memory; 0: loads stay in registers
    PREFETCH   with PDL: the first block of b, which no earlier kernel writes, is read before the kernel waits for the one before it.
               Only for a `b` that is a weight.
"""

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from kernels.triton.splits import collect, publish


@triton.jit
def gemv(
    a,
    b,
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
    ROWS: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    SPLIT_K: tl.constexpr = 1,
    EVEN_K: tl.constexpr = False,
    STAGES: tl.constexpr = 0,
    PDL: tl.constexpr = False,
    PREFETCH: tl.constexpr = False,
):
    """Columns [BLOCK_N * program_id(0), ...) of one batch, or one of SPLIT_K parts of them."""
    ROWS2: tl.constexpr = triton.next_power_of_2(ROWS)
    split = tl.program_id(1)
    batch = tl.program_id(2)
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    m = tl.arange(0, ROWS2)
    k_part = tl.cdiv(tl.cdiv(K, BLOCK_K), SPLIT_K) * BLOCK_K
    k_begin = split * k_part
    k_end = tl.minimum(k_begin + k_part, K)
    a_rows = a + tl.cast(batch, tl.int64) * stride_ab + m[:, None] * stride_am
    b_columns = b + tl.cast(batch, tl.int64) * stride_bb + n[:, None].to(tl.int64) * stride_bn
    m_exists = m[:, None] < ROWS
    n_exists = n[:, None] < N
    acc = tl.zeros((ROWS2, BLOCK_N, BLOCK_K), dtype=tl.float32)
    if PDL:
        gdc_launch_dependents()
    if PREFETCH:
        first = k_begin + tl.arange(0, BLOCK_K)
        y0 = tl.load(
            b_columns + first[None, :] * stride_bk, mask=n_exists & (first[None, :] < k_end), other=0.0
        )
        if PDL:
            gdc_wait()
        acc += _products(
            y0, a_rows, n, first, k_end, batch, m_exists, stride_ak,
            a_prologue, a_args, b_prologue, b_args, ROWS2, EVEN_K,
        )  # fmt: skip
        k_begin += BLOCK_K
    elif PDL:
        gdc_wait()
    for k in tl.range(k_begin, k_end, BLOCK_K, num_stages=STAGES):
        ks = k + tl.arange(0, BLOCK_K)
        if EVEN_K:
            y = tl.load(b_columns + ks[None, :] * stride_bk, mask=n_exists, other=0.0)
        else:
            y = tl.load(b_columns + ks[None, :] * stride_bk, mask=n_exists & (ks[None, :] < k_end), other=0.0)
        acc += _products(
            y, a_rows, n, ks, k_end, batch, m_exists, stride_ak,
            a_prologue, a_args, b_prologue, b_args, ROWS2, EVEN_K,
        )  # fmt: skip
    result = tl.sum(acc, axis=2)
    rows = m[:, None]
    columns = n[None, :]
    mask = m_exists & (columns < N)
    if SPLIT_K == 1:
        epilogue(result, batch, rows, columns, mask, epilogue_args)
    else:
        tile = batch * tl.num_programs(0) + tl.program_id(0)
        offsets = rows * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
        if publish(result, offsets, workspace, semaphores + tile, tile, split, SPLIT_K, ROWS2 * BLOCK_N):
            tl.store(semaphores + tile, 0)
            total = collect(offsets, workspace, tile, SPLIT_K, ROWS2 * BLOCK_N)
            epilogue(total, batch, rows, columns, mask, epilogue_args)


@triton.jit
def _products(
    y,
    a_rows,
    n,
    ks,
    k_end,
    batch,
    m_exists,
    stride_ak,
    a_prologue: tl.constexpr,
    a_args,
    b_prologue: tl.constexpr,
    b_args,
    ROWS2: tl.constexpr,
    EVEN_K: tl.constexpr,
):
    """a[m, k] * b[k, n] as [ROWS2, BLOCK_N, BLOCK_K] float32; `y` is b's block [BLOCK_N, BLOCK_K]."""
    k_exists = ks[None, :] < k_end
    x = tl.load(a_rows + ks[None, :] * stride_ak, mask=m_exists & k_exists, other=0.0)
    if a_prologue is not None:
        x = a_prologue(x, batch, tl.arange(0, ROWS2)[:, None], ks[None, :], a_args)
        if not EVEN_K:
            x = tl.where(k_exists, x, tl.zeros_like(x))
    if b_prologue is not None:
        y = b_prologue(y, batch, ks[None, :], n[:, None], b_args)
        if not EVEN_K:
            y = tl.where(k_exists, y, tl.zeros_like(y))
    return x.to(tl.float32)[:, None, :] * y.to(tl.float32)[None, :, :]
