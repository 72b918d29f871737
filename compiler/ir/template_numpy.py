"""What every template kernel means, in numpy: matrix products, convolution and attention straight from their
definitions.

Operands are arrays of the sizes that the operand's layout states; a packed weight is given unpacked, as the
packer sees it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from compiler.ir.loop import TemplateKernel

Array = np.ndarray[Any, Any]


def run_template(node: TemplateKernel, operands: list[Array]) -> Array:
    """The result with the size of the node's layout, float32; int64 of a template that finds positions."""
    params = dict(node.params)
    if node.template == "selected_positions":
        return np.flatnonzero(operands[0])[None].astype(np.int64)
    if node.template in _POSITIONS:
        return _POSITIONS[node.template](operands, bool(node.params[0][1]), node.layout.size[-1].value())
    if node.template in ("gemm", "bmm", "triton_gemm"):
        result = operands[0].astype(np.float64) @ operands[1].astype(np.float64)
    elif node.template in ("conv2d", "conv2d_winograd", "triton_convolution"):
        result = _conv2d(operands[0].astype(np.float64), operands[1].astype(np.float64), params)
    elif node.template in ("attention", "triton_attention"):
        result = _attention(operands, float(params["scale"]), bool(params["causal"]))
    else:
        raise ValueError(f"no meaning is known of the template {node.template!r}")
    return result.astype(np.float32)


def _order(keys: Array, descending: bool) -> Array:
    """Stable, NaN above all numbers."""
    nan = np.isnan(keys) if keys.dtype.kind == "f" else np.zeros(keys.shape, bool)
    _, rank = np.unique(np.where(nan, 0, keys), return_inverse=True)
    rank = rank.reshape(keys.shape).astype(np.int64) + nan * keys.size
    return np.argsort(-rank if descending else rank, axis=-1, kind="stable")


def _sort(operands: list[Array], descending: bool, _: int) -> Array:
    order = _order(operands[0], descending)
    return np.stack([order, np.zeros_like(order)])


def _topk(operands: list[Array], largest: bool, count: int) -> Array:
    return _order(operands[0], largest)[:, :count]


def _extremes(operands: list[Array], largest: bool, _: int) -> Array:
    """The last position of the best key so far, by the ranks of an ascending order."""
    (keys,) = operands
    out: Array = np.zeros(keys.shape, np.int64)
    for row, found in zip(keys, out, strict=True):
        best = 0
        for i, key in enumerate(row):
            if np.isnan(key) or (
                not np.isnan(row[best]) and (key >= row[best] if largest else key <= row[best])
            ):
                best = i
            found[i] = best
    return out


def _search(operands: list[Array], right: bool, _: int) -> Array:
    rows, values = operands
    rows = np.broadcast_to(rows, (values.shape[0], rows.shape[1]))
    found = [
        np.searchsorted(r, v, side="right" if right else "left") for r, v in zip(rows, values, strict=True)
    ]
    return np.stack(found).astype(np.int64)


_POSITIONS: dict[str, Callable[[list[Array], bool, int], Array]] = {
    "sort_positions": _sort,
    "topk_positions": _topk,
    "extreme_positions": _extremes,
    "search_positions": _search,
}


def packer_input(data: Any, packing: str, transpose: bool) -> Array:
    """The weight as the packer of `packing` sees it."""
    array: Array = np.asarray(data.detach().cpu().float().numpy())
    if not re.fullmatch(
        r"panel16(_bf16)?|depthwise(_bf16)?|winograd_panel16|conv_panel16(_bf16)?:\d+", packing
    ):
        raise ValueError(f"unknown packing {packing!r}")
    return array.T if transpose else array


def _conv2d(x: Array, w: Array, p: dict[str, Any]) -> Array:
    """x [N, C, H, W] (any strides), w [OC, C / groups, KH, KW] -> [N * OH * OW, OC]."""
    groups, oh, ow = p["groups"], p["OH"], p["OW"]
    grouped = x.reshape(p["N"], groups, p["C"] // groups, *x.shape[2:])
    kernels = w.reshape(groups, p["OC"] // groups, p["C"] // groups, p["KH"], p["KW"])
    out = np.zeros((p["N"], oh, ow, groups, p["OC"] // groups))
    for kh in range(p["KH"]):
        rows = _tap(grouped, 3, oh, p["stride_h"], kh * p["dil_h"] - p["pad_h"])
        for kw in range(p["KW"]):
            seen = _tap(rows, 4, ow, p["stride_w"], kw * p["dil_w"] - p["pad_w"])
            out += np.einsum("ngchw,goc->nhwgo", seen, kernels[:, :, :, kh, kw], optimize=True)
    return out.reshape(p["N"] * oh * ow, p["OC"])


def _tap(x: Array, axis: int, count: int, stride: int, first: int) -> Array:
    """`count` places of an axis, `stride` apart from `first` on; zeros outside."""
    places = first + stride * np.arange(count)
    inside = (places >= 0) & (places < x.shape[axis])
    seen = np.take(x, np.clip(places, 0, x.shape[axis] - 1), axis)
    shape = [1] * x.ndim
    shape[axis] = count
    return np.where(inside.reshape(shape), seen, 0)


def _attention(operands: list[Array], scale: float, causal: bool) -> Array:
    """softmax(scale * q @ k^T + mask) @ v; rows without a finite score are zero. k and v may have fewer heads."""
    q, k, v = (x.astype(np.float64) for x in operands[:3])
    repeat = q.shape[1] // k.shape[1]
    scores = scale * (q @ np.swapaxes(np.repeat(k, repeat, 1), 2, 3))
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[2:], bool)), scores, -np.inf)
    if len(operands) > 3:
        scores = scores + operands[3]
    largest = scores.max(-1, keepdims=True)
    powers = np.exp(scores - np.where(np.isneginf(largest), 0, largest))
    total = powers.sum(-1, keepdims=True)
    return np.asarray((powers / np.where(total == 0, 1, total)) @ np.repeat(v, repeat, 1))
