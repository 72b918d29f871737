"""The weights file: places, sharing, packing, determinism."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from compiler.ir.dtypes import float32, parse_dtype
from compiler.ir.expr import exprs
from compiler.ir.loop import Constant, Layout, Program
from compiler.package import weights
from compiler.support.diagnostics import InternalError
from kernels.cpp import packing


def program(**tensors: torch.Tensor) -> Program:
    constants = [Constant(n, layout(t), n, f"m.{n}", kind="buffer") for n, t in tensors.items()]
    return Program("m", [], constants, [], [], dict(tensors))


def layout(tensor: torch.Tensor) -> Layout:
    dtype = parse_dtype(str(tensor.dtype).removeprefix("torch."))
    return Layout(dtype, exprs(tensor.shape), exprs(tensor.stride()))


def write(made: Program, path: Path) -> tuple[weights.WeightsLayout, bytes, str]:
    placed = weights.lay_out(made)
    digest = weights.write(placed, made, path)
    data = path.read_bytes()
    assert len(data) == placed.total_bytes
    return placed, data, digest


def test_places_are_aligned_and_hold_the_data(tmp_path: Path) -> None:
    a, b = torch.arange(5.0), torch.arange(6).reshape(2, 3)
    placed, data, _ = write(program(a=a, b=b), tmp_path / "w")
    assert (placed.slots["a"].offset_bytes, placed.slots["b"].offset_bytes, placed.total_bytes) == (
        0,
        64,
        128,
    )
    assert np.array_equal(np.frombuffer(data, np.float32, 5), a.numpy())
    assert np.array_equal(np.frombuffer(data, np.int64, 6, 64).reshape(2, 3), b.numpy())
    assert data[20:64] == bytes(44)
    assert placed.slots["a"].kind == "buffer"


def test_equal_contents_share_bytes(tmp_path: Path) -> None:
    placed, _, _ = write(program(a=torch.ones(64), b=torch.ones(64), c=torch.zeros(64)), tmp_path / "w")
    assert placed.slots["a"].offset_bytes == placed.slots["b"].offset_bytes != placed.slots["c"].offset_bytes
    assert placed.total_bytes == 512


def test_same_bytes_of_another_shape_or_dtype_do_not_mix(tmp_path: Path) -> None:
    placed, _, _ = write(
        program(a=torch.zeros(4, 2), b=torch.zeros(2, 4), c=torch.zeros(4, dtype=torch.int64)), tmp_path / "w"
    )
    assert len({slot.offset_bytes for slot in placed.slots.values()}) == 3


def test_transposed_memory_order_is_kept(tmp_path: Path) -> None:
    value = torch.arange(6.0).reshape(2, 3).t()
    placed, data, _ = write(program(a=value), tmp_path / "w")
    assert np.array_equal(np.frombuffer(data, np.float32, 6), np.arange(6, dtype=np.float32))
    assert placed.slots["a"].layout.stride == placed.slots["a"].original.stride


def test_packed_constants(tmp_path: Path) -> None:
    weight = torch.randn(20, 7)  # a linear's [N, K]
    packed = Constant("p", Layout.contiguous(float32, [32 * 7]), "w", "fc.weight", "panel16", True)
    conv = torch.randn(8, 4, 3, 3)
    panels = packing.pack_conv2d(conv.numpy(), 2)
    packed_conv = Constant(
        "q", Layout.contiguous(float32, [panels.size]), "c", "conv.weight", "conv_panel16:2"
    )
    made = Program("m", [], [packed, packed_conv], [], [], {"w": weight, "c": conv})
    placed, data, _ = write(made, tmp_path / "w")
    assert np.array_equal(
        np.frombuffer(data, np.float32, 32 * 7), packing.pack_gemm_b(weight.numpy().T).reshape(-1)
    )
    assert np.array_equal(
        np.frombuffer(data, np.float32, panels.size, placed.slots["q"].offset_bytes), panels.reshape(-1)
    )
    assert [e.value() for e in placed.slots["p"].original.size] == [20, 7]
    assert placed.slots["p"].layout.numel() == 224


def test_the_same_program_gives_the_same_bytes(tmp_path: Path) -> None:
    made = program(a=torch.randn(1000), b=torch.randn(10, 10))
    assert write(made, tmp_path / "1")[1:] == write(made, tmp_path / "2")[1:]


def test_bfloat16_and_scalars(tmp_path: Path) -> None:
    value = torch.tensor(1.5, dtype=torch.bfloat16)
    constant = Constant("s", Layout.contiguous(parse_dtype("bfloat16"), []), "s", "s")
    _, data, _ = write(Program("m", [], [constant], [], [], {"s": value}), tmp_path / "w")
    assert data[:2] == b"\xc0\x3f"


def test_a_wrong_packed_size_is_our_fault(tmp_path: Path) -> None:
    constant = Constant("p", Layout.contiguous(float32, [10]), "w", "fc.weight", "panel16", True)
    made = Program("m", [], [constant], [], [], {"w": torch.randn(20, 7)})
    with pytest.raises(InternalError, match="packs into 896 bytes, not 40"):
        weights.write(weights.lay_out(made), made, tmp_path / "w")


def test_missing_data_is_our_fault() -> None:
    made = program(a=torch.ones(2))
    made.constants.append(Constant("b", made.constants[0].layout, "gone", "b"))
    with pytest.raises(InternalError, match="constant b has no data: its source 'gone' is not kept"):
        weights.lay_out(made)
