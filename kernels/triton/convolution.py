"""Convolution forward in two dims, channels last inside, as a matrix product that is never written out (implicit GEMM).

    x [N, H, W, G * C]  strides in elements, unit stride in channels      w [G * OC, KH, KW, C]  dense
    acc[pixel, channel] = sum over (kh, kw, c) of x[n, oh * SH - PH + kh * DH, ow * SW - PW + kw * DW, g * C + c] * w[g * OC + o, kh, kw, c]

Enters the epilogue: `rows` = pixel = (n * OH + oh) * OW + ow, `columns` = channel = g * OC + o, batch = 0: the output as a matrix
[N * OH * OW, G * OC], which is the memory of a channels-last tensor. The prologue sees x's tile with `rows` = pixel of the *output* and
`columns` = channel of x (g * C + c); what lies in the padding is zero behind it.

`convolution`   on tensor cores; grid (tiles of pixels * tiles of OC, SPLIT_K, G). Convolutions in one dim have H = 1; 1x1 with stride 1 is
                better served by `gemm` on the same memory.
`depthwise`     C = 1, one or more outputs of each channel (OC): no reduction over channels, ordinary arithmetic;
                grid (tiles of pixels, tiles of the output's channels, 1)

Compile-time arguments of `convolution`
    TAPS     False: one step of the loop takes BLOCK_K channels of one tap. True: it takes BLOCK_K of the KH * KW * C products in the
             order of w's memory, whatever taps they belong to: for few channels (an image's three)
    EVEN_C   C is a multiple of BLOCK_K (TAPS=False): no masks along channels
    others   as in gemm.py
"""

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

from kernels.triton.gemm import place_of_tile
from kernels.triton.splits import collect, publish


@triton.jit
def convolution(
    x,
    w,
    N,
    H,
    W,
    C,
    OH,
    OW,
    OC,
    stride_xn,
    stride_xh,
    stride_xw,
    workspace,
    semaphores,
    prologue: tl.constexpr,
    prologue_args,
    epilogue: tl.constexpr,
    epilogue_args,
    KH: tl.constexpr,
    KW: tl.constexpr,
    SH: tl.constexpr,
    SW: tl.constexpr,
    PH: tl.constexpr,
    PW: tl.constexpr,
    DH: tl.constexpr,
    DW: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
    GROUP_M: tl.constexpr = 8,
    SPLIT_K: tl.constexpr = 1,
    TAPS: tl.constexpr = False,
    EVEN_C: tl.constexpr = False,
    PRECISION: tl.constexpr = "ieee",
    ACC: tl.constexpr = tl.float32,
    PDL: tl.constexpr = False,
):
    """One tile of pixels and output channels of one group, or one of SPLIT_K parts of it."""
    if PDL:
        gdc_launch_dependents()
        gdc_wait()
    pixels = N * OH * OW
    tiles_m = tl.cdiv(pixels, BLOCK_M)
    tiles_n = tl.cdiv(OC, BLOCK_N)
    group = tl.program_id(2)
    split = tl.program_id(1)
    tile_m, tile_n = place_of_tile(tl.program_id(0), tiles_m, tiles_n, GROUP_M)
    pixel = tile_m * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    channel = tile_n * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
    top = (pixel // OW) % OH * SH - PH
    left = pixel % OW * SW - PW
    image = (pixel // OW) // OH
    x_at = (
        x
        + image.to(tl.int64) * stride_xn
        + top.to(tl.int64) * stride_xh
        + left.to(tl.int64) * stride_xw
        + group * C
    )
    w_at = w + (group * OC + channel).to(tl.int64) * (KH * KW * C)
    pixel_exists = pixel < pixels
    channel_exists = channel < OC

    k = tl.arange(0, BLOCK_K)
    blocks_c = tl.cdiv(C, BLOCK_K)
    steps = tl.cdiv(KH * KW * C, BLOCK_K) if TAPS else KH * KW * blocks_c
    part = tl.cdiv(steps, SPLIT_K)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=ACC)
    for step in tl.range(split * part, tl.minimum(steps, (split + 1) * part)):
        if TAPS:
            product = step * BLOCK_K + k
            tap = product // C
            c = product % C
            k_exists = product < KH * KW * C
        else:
            tap = step // blocks_c
            c = step % blocks_c * BLOCK_K + k
            k_exists = c < C
        dy = tap // KW * DH
        dx = tap % KW * DW
        if TAPS:
            down = dy[None, :]
            right = dx[None, :]
            w_offset = product[:, None]
        else:
            down = dy
            right = dx
            w_offset = (tap * C + c)[:, None]
        y = top + down
        z = left + right
        inside = pixel_exists & (y >= 0) & (y < H) & (z >= 0) & (z < W)
        w_exists = channel_exists
        if TAPS or not EVEN_C:
            inside = inside & k_exists[None, :]
            w_exists = w_exists & k_exists[:, None]
        x_tile = tl.load(x_at + (down * stride_xh + right * stride_xw + c[None, :]), mask=inside, other=0.0)
        w_tile = tl.load(w_at + w_offset, mask=w_exists, other=0.0)
        if prologue is not None:
            x_tile = prologue(x_tile, 0, pixel, group * C + c[None, :], prologue_args)
            x_tile = tl.where(inside, x_tile, tl.zeros_like(x_tile))
        acc = tl.dot(x_tile, w_tile, acc, input_precision=PRECISION, out_dtype=ACC)

    columns = group * OC + channel
    mask = pixel_exists & channel_exists
    if SPLIT_K == 1:
        epilogue(acc, 0, pixel, columns, mask, epilogue_args)
    else:
        tile = (group * tiles_m + tile_m) * tiles_n + tile_n
        offsets = tl.arange(0, BLOCK_M)[:, None] * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
        if publish(acc, offsets, workspace, semaphores + tile, tile, split, SPLIT_K, BLOCK_M * BLOCK_N):
            tl.store(semaphores + tile, 0)
            total = collect(offsets, workspace, tile, SPLIT_K, BLOCK_M * BLOCK_N)
            epilogue(total, 0, pixel, columns, mask, epilogue_args)


@triton.jit
def depthwise(
    x,
    w,
    N,
    H,
    W,
    G,
    OH,
    OW,
    OC,
    stride_xn,
    stride_xh,
    stride_xw,
    stride_wo,
    stride_wk,
    prologue: tl.constexpr,
    prologue_args,
    epilogue: tl.constexpr,
    epilogue_args,
    KH: tl.constexpr,
    KW: tl.constexpr,
    SH: tl.constexpr,
    SW: tl.constexpr,
    PH: tl.constexpr,
    PW: tl.constexpr,
    DH: tl.constexpr,
    DW: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PDL: tl.constexpr = False,
):
    """BLOCK_M pixels of BLOCK_N channels of the output; w with strides between output channels and between taps (packed as
    [KH * KW, G * OC], its reads are coalesced). Multiplied and added in float32; a tap's weights are read once for the block's pixels."""
    if PDL:
        gdc_launch_dependents()
        gdc_wait()
    pixel = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)[:, None]
    channel = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]
    top = (pixel // OW) % OH * SH - PH
    left = pixel % OW * SW - PW
    image = (pixel // OW) // OH
    x_at = (
        x
        + image.to(tl.int64) * stride_xn
        + top.to(tl.int64) * stride_xh
        + left.to(tl.int64) * stride_xw
        + channel // OC
    )
    exists = (pixel < N * OH * OW) & (channel < G * OC)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for kh in tl.static_range(KH):
        for kw in tl.static_range(KW):
            y = top + kh * DH
            z = left + kw * DW
            inside = exists & (y >= 0) & (y < H) & (z >= 0) & (z < W)
            x_tile = tl.load(x_at + (kh * DH * stride_xh + kw * DW * stride_xw), mask=inside, other=0.0)
            if prologue is not None:
                x_tile = prologue(x_tile, 0, pixel, channel // OC, prologue_args)
                x_tile = tl.where(inside, x_tile, tl.zeros_like(x_tile))
            w_row = tl.load(
                w + channel * stride_wo + (kh * KW + kw) * stride_wk, mask=channel < G * OC, other=0.0
            )
            acc += x_tile.to(tl.float32) * w_row.to(tl.float32)
    epilogue(acc, 0, pixel, channel, exists, epilogue_args)
