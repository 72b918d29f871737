"""Attention forward: softmax(scale * q @ k^T, changed by a score hook) @ v, one pass over keys with a running maximum and sum.

    q [B, H, Sq, D]    k [B, H / GROUP, Sk, D]    v [B, H / GROUP, Sk, DV]    ->  acc [B, H, Sq, DV], float32, through the epilogue

Strides in elements, unit stride in the last dim. Rows in which nothing may be attended to are zero. D and DV are 1 to 256, any number
(padded to powers of two in registers only).

Two ways to cut the work, by compile-time arguments; grid (tiles of rows, heads, B * SPLITS):
    PACKED=False   rows of a tile are queries of one head; heads = H
    PACKED=True    rows are the GROUP heads of one key head, each with all its queries: keys are read once for all of them (a decoder's
                   step); heads = H / GROUP, tiles = cdiv(GROUP * Sq, BLOCK_M)
    SPLITS         parts of the keys, for long caches and few rows: each program computes one part; the last one to arrive joins them.
                   Needs a float32 workspace [B * heads * tiles, SPLITS, BLOCK_M * (DV's power of two + 2)] and a semaphore for each tile
                   (splits.py)

Hooks: score(scores, batch, head, rows, columns, mask, args) -> scores (hooks.py): biases, masks, soft caps, sliding windows.
       epilogue(acc, batch, head, rows, columns, mask, args): `rows` are queries, `columns` of DV. `head` is a scalar, or [BLOCK_M, 1].

Other arguments
    keys       Sk; a run-time scalar where it changes from run to run
    lengths    None, or a pointer to int32 [B]: how many of the Sk keys of each batch exist
    shift      with CAUSAL: query i sees keys up to i + shift (0: PyTorch's is_causal; Sk - Sq: aligned at the end)
    TMA        k, v are descriptors of [B, heads of keys, Sk, D] with blocks [1, 1, BLOCK_N, D's power of two, at least 16]; `keys` is
               that Sk
"""

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

LOG2E: tl.constexpr = tl.constexpr(1.4426950408889634)


@triton.jit
def attention(
    q,
    k,
    v,
    queries,
    keys,
    lengths,
    shift,
    stride_qb,
    stride_qh,
    stride_qm,
    stride_kb,
    stride_kh,
    stride_kn,
    stride_vb,
    stride_vh,
    stride_vn,
    workspace,
    semaphores,
    score: tl.constexpr,
    score_args,
    epilogue: tl.constexpr,
    epilogue_args,
    SCALE: tl.constexpr,
    GROUP: tl.constexpr,
    D: tl.constexpr,
    DV: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    CAUSAL: tl.constexpr = False,
    PACKED: tl.constexpr = False,
    SPLITS: tl.constexpr = 1,
    TMA: tl.constexpr = False,
    PRECISION: tl.constexpr = "ieee",
    PDL: tl.constexpr = False,
):
    """One tile of rows against all keys, or one of SPLITS parts of them."""
    if PDL:
        gdc_launch_dependents()
        gdc_wait()
    BLOCK_D: tl.constexpr = triton.next_power_of_2(D) if D > 16 else 16  # the least that tl.dot reduces over
    BLOCK_DV: tl.constexpr = triton.next_power_of_2(DV)
    batch = tl.program_id(2) // SPLITS
    split = tl.program_id(2) % SPLITS
    row = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    if PACKED:
        kv_head = tl.program_id(1)
        head = kv_head * GROUP + row // queries
        query = row % queries
        row_exists = row < GROUP * queries
    else:
        head = tl.program_id(1)
        kv_head = head // GROUP
        query = row
        row_exists = row < queries
    d = tl.arange(0, BLOCK_D)[None, :]
    q_offset = tl.cast(batch, tl.int64) * stride_qb + tl.cast(head, tl.int64) * stride_qh
    q_tile = tl.load(q + q_offset + query.to(tl.int64) * stride_qm + d, mask=row_exists & (d < D), other=0.0)

    limit = keys if lengths is None else tl.minimum(keys, tl.load(lengths + batch))
    part = tl.cdiv(tl.cdiv(keys, BLOCK_N), SPLITS) * BLOCK_N
    begin = split * part
    end = tl.minimum(limit, begin + part)
    full_end = end
    if CAUSAL:
        first_query, last_query = 0, queries - 1
        if not PACKED:
            first_query = tl.program_id(0) * BLOCK_M
            last_query = tl.minimum(queries, first_query + BLOCK_M) - 1
        end = tl.minimum(end, last_query + shift + 1)
        full_end = tl.minimum(end, first_query + shift + 1)
    full_end = begin + tl.maximum(full_end - begin, 0) // BLOCK_N * BLOCK_N
    acc = tl.zeros((BLOCK_M, BLOCK_DV), dtype=tl.float32)
    top = tl.full((BLOCK_M,), float("-inf"), dtype=tl.float32)
    total = tl.zeros((BLOCK_M,), dtype=tl.float32)
    acc, top, total = _attend(
        acc, top, total, q_tile, k, v, full_end, begin, full_end, batch, head, kv_head, query, row_exists, shift,
        stride_kb, stride_kh, stride_kn, stride_vb, stride_vh, stride_vn, score, score_args,
        SCALE, D, DV, BLOCK_D, BLOCK_DV, BLOCK_N, False, False, TMA, False, PRECISION,
    )  # fmt: skip
    acc, top, total = _attend(
        acc, top, total, q_tile, k, v, end, full_end, end, batch, head, kv_head, query, row_exists, shift,
        stride_kb, stride_kh, stride_kn, stride_vb, stride_vh, stride_vn, score, score_args,
        SCALE, D, DV, BLOCK_D, BLOCK_DV, BLOCK_N, True, CAUSAL, TMA, lengths is not None, PRECISION,
    )  # fmt: skip
    columns = tl.arange(0, BLOCK_DV)[None, :]
    mask = row_exists & (columns < DV)
    if SPLITS == 1:
        epilogue(_normalised(acc, total), batch, head, query, columns, mask, epilogue_args)
    else:
        tile = (batch * tl.num_programs(1) + tl.program_id(1)) * tl.num_programs(0) + tl.program_id(0)
        if _publish_part(
            acc, top, total, workspace, semaphores + tile, tile, split, SPLITS, BLOCK_M, BLOCK_DV
        ):
            tl.store(semaphores + tile, 0)
            acc, total = _join_parts(workspace, tile, SPLITS, BLOCK_M, BLOCK_DV)
            epilogue(_normalised(acc, total), batch, head, query, columns, mask, epilogue_args)


@triton.jit
def _attend(
    acc,
    top,
    total,
    q_tile,
    k,
    v,
    exist,
    begin,
    end,
    batch,
    head,
    kv_head,
    query,
    row_exists,
    shift,
    stride_kb,
    stride_kh,
    stride_kn,
    stride_vb,
    stride_vh,
    stride_vn,
    score: tl.constexpr,
    score_args,
    SCALE: tl.constexpr,
    D: tl.constexpr,
    DV: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_DV: tl.constexpr,
    BLOCK_N: tl.constexpr,
    MASKED: tl.constexpr,
    CAUSAL: tl.constexpr,
    TMA: tl.constexpr,
    LENGTHS: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Takes keys [begin, end) into the running (acc, top, total). Unless MASKED, all of them exist for every row. Scores are kept times
    log2(e), so that exponentials are powers of two. With LENGTHS, memory behind the keys that exist may hold anything, NaN too."""
    d = tl.arange(0, BLOCK_D)[None, :]
    dv = tl.arange(0, BLOCK_DV)[None, :]
    n = tl.arange(0, BLOCK_N)
    if not TMA:
        k_rows = k + (tl.cast(batch, tl.int64) * stride_kb + tl.cast(kv_head, tl.int64) * stride_kh) + d
        v_rows = v + (tl.cast(batch, tl.int64) * stride_vb + tl.cast(kv_head, tl.int64) * stride_vh) + dv
    for start in tl.range(begin, end, BLOCK_N):
        column = start + n
        if TMA:
            k_tile = k.load([batch, kv_head, start, 0]).reshape((BLOCK_N, BLOCK_D))
        else:
            k_at = k_rows + (tl.cast(start, tl.int64) * stride_kn + n[:, None] * stride_kn)
            k_tile = _load_rows(k_at, column[:, None] < exist, d < D, MASKED, D == BLOCK_D)
        scores = tl.dot(q_tile, k_tile.T, input_precision=PRECISION)
        if score is None:
            scores = scores * (SCALE * LOG2E)
        else:
            inside = row_exists & (column[None, :] < exist)
            scores = score(scores * SCALE, batch, head, query, column[None, :], inside, score_args) * LOG2E
        if MASKED:
            seen = column[None, :] < exist
            if CAUSAL:
                seen = seen & (column[None, :] <= query + shift)
            scores = tl.where(seen, scores, float("-inf"))
        raised = tl.maximum(top, tl.max(scores, 1))
        base = tl.where(raised == float("-inf"), 0.0, raised)
        weights = tl.exp2(scores - base[:, None])
        shrink = tl.exp2(top - base)
        total = total * shrink + tl.sum(weights, 1)
        if TMA:
            v_tile = v.load([batch, kv_head, start, 0]).reshape((BLOCK_N, BLOCK_DV))
            if MASKED and LENGTHS:
                v_tile = tl.where(column[:, None] < exist, v_tile, tl.zeros_like(v_tile))
        else:
            v_at = v_rows + (tl.cast(start, tl.int64) * stride_vn + n[:, None] * stride_vn)
            v_tile = _load_rows(v_at, column[:, None] < exist, dv < DV, MASKED, DV == BLOCK_DV)
        acc = tl.dot(weights.to(v_tile.dtype), v_tile, acc * shrink[:, None], input_precision=PRECISION)
        top = raised
    return acc, top, total


@triton.jit
def _load_rows(at, row_exists, column_exists, MASKED: tl.constexpr, WHOLE: tl.constexpr):
    if MASKED:
        return tl.load(at, mask=row_exists if WHOLE else row_exists & column_exists, other=0.0)
    return tl.load(at) if WHOLE else tl.load(at, mask=column_exists, other=0.0)


@triton.jit
def _normalised(acc, total):
    return acc / tl.where(total == 0.0, 1.0, total)[:, None]


@triton.jit
def _publish_part(
    acc,
    top,
    total,
    workspace,
    semaphore,
    tile,
    split,
    SPLITS: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """splits.publish for three tensors: [ROWS, COLUMNS] of acc, then ROWS of top, then ROWS of total."""
    slot = workspace + (tl.cast(tile, tl.int64) * SPLITS + split) * (ROWS * (COLUMNS + 2))
    m = tl.arange(0, ROWS)
    tl.store(slot + m[:, None] * COLUMNS + tl.arange(0, COLUMNS)[None, :], acc)
    tl.store(slot + ROWS * COLUMNS + m, top)
    tl.store(slot + ROWS * COLUMNS + ROWS + m, total)
    tl.debug_barrier()
    return tl.atomic_add(semaphore, 1, sem="acq_rel", scope="gpu") == SPLITS - 1


@triton.jit
def _join_parts(workspace, tile, SPLITS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """(acc, total) over all parts, in their order."""
    slot = workspace + tl.cast(tile, tl.int64) * SPLITS * (ROWS * (COLUMNS + 2))
    m = tl.arange(0, ROWS)
    acc = tl.zeros((ROWS, COLUMNS), dtype=tl.float32)
    top = tl.full((ROWS,), float("-inf"), dtype=tl.float32)
    total = tl.zeros((ROWS,), dtype=tl.float32)
    for _ in tl.range(SPLITS):
        part = tl.load(slot + m[:, None] * COLUMNS + tl.arange(0, COLUMNS)[None, :], cache_modifier=".cg")
        part_top = tl.load(slot + ROWS * COLUMNS + m, cache_modifier=".cg")
        part_total = tl.load(slot + ROWS * COLUMNS + ROWS + m, cache_modifier=".cg")
        raised = tl.maximum(top, part_top)
        base = tl.where(raised == float("-inf"), 0.0, raised)
        old, new = tl.exp2(top - base), tl.exp2(part_top - base)
        acc = acc * old[:, None] + part * new[:, None]
        total = total * old + part_total * new
        top = raised
        slot += ROWS * (COLUMNS + 2)
    return acc, total
