"""Lays out the constants of a model in one file and writes it.

Enters: a `loop.Program` (constants and their data). Leaves: a `wrapper.ConstantSlot` for each constant and the file `NAME.weights.bin`.

Invariants
- Offsets are multiples of 64; gaps are zero; the order is the program's. The same program gives the same bytes.
- Constants with equal contents, packing and dtype share their bytes (tied weights, repeated buffers).
- Packed bytes come from `kernels/cpp/packing.py` and depend on nothing but the tensor.

Before/after:
    constant p_fc_weight_packed float32 [147456] source "fc.weight" packing "panel16" transpose
    -> ConstantSlot(offset_bytes=0, size_bytes=589824, original=float32 [384, 384], ...) and 589824 bytes of panels
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compiler.ir.loop import Constant, Layout, Program
from compiler.ir.wrapper import ConstantSlot, size_bytes
from compiler.package.page_writer import PageWriter
from compiler.support.diagnostics import InternalError
from kernels.cpp import packing

if TYPE_CHECKING:
    import torch

ALIGNMENT_BYTES = 64


@dataclass(frozen=True)
class Piece:
    """Bytes of the file, made from `constant`."""

    constant: Constant
    offset_bytes: int
    size_bytes: int


@dataclass
class WeightsLayout:
    """`slots` by constant's name; `pieces` in the order of the file; `total_bytes` is the file's size."""

    slots: dict[str, ConstantSlot]
    pieces: list[Piece]
    total_bytes: int


def lay_out(program: Program) -> WeightsLayout:
    """Decides where every constant lies. Reads only data that could be equal to other data."""
    twins = _possible_twins(program)
    placed: dict[object, tuple[int, int]] = {}
    layout = WeightsLayout({}, [], 0)
    for constant in program.constants:
        key = _content_key(constant, program, twins)
        if key not in placed:
            stored = _stored_bytes(constant)
            placed[key] = layout.total_bytes, stored
            layout.pieces.append(Piece(constant, layout.total_bytes, stored))
            layout.total_bytes += -(-stored // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        layout.slots[constant.name] = _slot(constant, program, *placed[key])
    return layout


def write(layout: WeightsLayout, program: Program, path: Path) -> str:
    """Writes the file and returns the SHA-256 of its bytes. The caller renames it when the whole output is done."""
    digest = hashlib.sha256()
    with PageWriter(path) as f:
        for piece in layout.pieces:
            data = pack(piece.constant, _tensor(piece.constant, program))
            if data.nbytes != piece.size_bytes:
                raise InternalError(
                    f"constant {piece.constant.name} packs into {data.nbytes} bytes, not {piece.size_bytes}"
                )
            for part in (data.data, bytes(-piece.size_bytes % ALIGNMENT_BYTES)):
                f.write(part)
                digest.update(part)
    return digest.hexdigest()


def pack(constant: Constant, tensor: torch.Tensor) -> NDArray[np.uint8]:
    """The stored bytes of a constant."""
    kind, _, argument = constant.packing.partition(":")
    if not kind:
        return _plain_bytes(constant, tensor)
    array: NDArray[np.float32] = tensor.detach().float().numpy()
    if constant.transpose:
        array = array.T
    layout = kind.removesuffix("_bf16")
    if layout == "panel16":
        packed = packing.pack_gemm_b(array)
    elif layout == "conv_panel16":
        packed = packing.pack_conv2d(array, int(argument))
    elif kind == "winograd_panel16":
        packed = packing.pack_conv2d_winograd(array)
    elif layout == "depthwise":
        packed = packing.pack_depthwise(array)
    else:
        raise InternalError(f"constant {constant.name} wants the unknown packing {constant.packing!r}")
    if layout != kind:
        narrow = packing.to_bfloat16 if layout == "depthwise" else packing.to_bfloat16_pairs
        packed = narrow(packed)
    return np.ascontiguousarray(packed).reshape(-1).view(np.uint8)


def _plain_bytes(constant: Constant, tensor: torch.Tensor) -> NDArray[np.uint8]:
    """The tensor in the memory order of the constant's layout."""
    import torch

    size = [e.value() for e in constant.layout.size]
    stride = [e.value() for e in constant.layout.stride]
    value = tensor.detach().to("cpu")
    if not constant.layout.is_contiguous():
        storage = torch.zeros(constant.layout.storage_numel().value(), dtype=value.dtype)
        storage.as_strided(size, stride).copy_(value)
        value = storage
    flat: NDArray[np.uint8] = value.contiguous().reshape(-1).view(torch.uint8).numpy()
    return flat


def _tensor(constant: Constant, program: Program) -> torch.Tensor:
    if constant.source not in program.data:
        raise InternalError(
            f"constant {constant.name} has no data: its source {constant.source!r} is not kept"
        )
    tensor: torch.Tensor = program.data[constant.source]  # type: ignore[assignment]
    return tensor


def _stored_bytes(constant: Constant) -> int:
    stored = size_bytes(constant.layout)
    if stored is None:
        raise InternalError(f"constant {constant.name} has a dynamic size")
    return stored


def _shape_key(constant: Constant) -> tuple[object, ...]:
    return constant.packing, constant.transpose, constant.layout


def _possible_twins(program: Program) -> set[tuple[object, ...]]:
    """Keys of layouts that more than one source has: only these need their contents compared."""
    sources: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for constant in program.constants:
        sources[_shape_key(constant)].add(constant.source)
    return {key for key, found in sources.items() if len(found) > 1}


def _content_key(constant: Constant, program: Program, twins: set[tuple[object, ...]]) -> tuple[object, ...]:
    shape = _shape_key(constant)
    if shape not in twins:
        return (*shape, constant.source)
    plain = Constant(constant.name, _dense(_tensor(constant, program), constant), constant.source, "")
    contents = _plain_bytes(plain, _tensor(constant, program))
    return (*shape, plain.layout, hashlib.sha256(contents.data).digest())


def _dense(tensor: torch.Tensor, constant: Constant) -> Layout:
    return Layout.contiguous(constant.layout.dtype, list(tensor.shape))


def _slot(constant: Constant, program: Program, offset: int, stored: int) -> ConstantSlot:
    original = constant.layout
    if constant.packing:
        original = _dense(_tensor(constant, program), constant)
    kind = constant.kind if constant.fqn else "folded"
    return ConstantSlot(
        constant.name,
        constant.layout,
        original,
        offset,
        stored,
        constant.fqn,
        kind,
        constant.packing,
        recipe=constant.recipe,
    )
