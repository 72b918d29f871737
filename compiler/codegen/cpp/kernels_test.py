"""Generated kernels against the interpreter of the Loop IR: all example families and random programs, for each instruction set.

The build compiles the kernels (`family_kernels`) with "a loop marked as vectorised is not" as an error and hands the libraries in:
AOTI_KERNELS = isa=path,isa=path. Those that this processor cannot run are left out.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from compiler.codegen.cpp.family_kernels import RANDOM_PROGRAMS, compiled_programs
from compiler.codegen.cpp.kernel_runner import KernelRunner, kernel_table
from compiler.ir.kernel import KernelSpec
from compiler.ir.loop import Constant, Program, TensorRef
from compiler.ir.loop_interpreter import interpret
from compiler.ir.schedule import Schedule
from compiler.scheduler.example_families import FAMILIES
from compiler.scheduler.random_programs import random_program
from kernels.cpp import packing

Array = np.ndarray[Any, Any]
NEEDS = {"x86-64-v3": "avx2", "x86-64-v4": "avx512vl"}
LIBRARIES = dict(entry.split("=", 1) for entry in os.environ["AOTI_KERNELS"].split(","))
FLAGS = Path("/proc/cpuinfo").read_text()
USABLE = [isa for isa in LIBRARIES if NEEDS.get(isa, isa) in FLAGS]


class Compiled:
    def __init__(self, isa: str) -> None:
        self.found = compiled_programs()
        everything = [s for _, own in self.found.values() for s in own]
        self.table = kernel_table(Path(LIBRARIES[isa]).resolve(), everything)

    def runner(self, name: str, num_threads: int = 1) -> tuple[KernelRunner, Schedule, list[KernelSpec]]:
        schedule, specs = self.found[name]
        return KernelRunner(schedule, specs, self.table, num_threads), schedule, specs


@pytest.fixture(scope="module", params=USABLE)
def compiled(request: pytest.FixtureRequest) -> Compiled:
    return Compiled(request.param)


def test_the_processor_can_run_one_of_the_libraries() -> None:
    assert USABLE


def input_values(program: Program, seed: int) -> dict[str, Array]:
    """Random inputs that are valid for the example: masks are 0 or 1, indices lie in [-10, 10)."""
    rng = np.random.default_rng(seed)
    values: dict[str, Array] = {}
    for i in program.inputs:
        size = [s.value() for s in i.layout.size]
        if i.name == "mask":
            values[i.name] = rng.integers(0, 2, size)
        elif i.layout.dtype.is_int:
            values[i.name] = rng.integers(-10, 10, size)
        else:
            values[i.name] = np.asarray(rng.standard_normal(size), np.float32)
    if program.name == "nan_positions":
        values["x"][2, 7] = values["x"][2, 9] = values["x"][5, 0] = np.nan
    return values


def packed_constant(c: Constant, program: Program) -> Array:
    source = program.data[c.source]
    assert isinstance(source, torch.Tensor)
    data = source.numpy()
    if c.packing == "panel16":
        data = packing.pack_gemm_b(data)
    elif c.packing.startswith("conv_panel16"):
        data = packing.pack_conv2d(data, int(c.packing.split(":")[1]))
    return np.asarray(data.reshape([s.value() for s in c.layout.size]))


def memory_values(schedule: Schedule, inputs: dict[str, Array]) -> dict[str, Array]:
    """Inputs and constants as the kernels see them (bfloat16 as its bits)."""
    values: dict[str, Array] = {
        c.name: packed_constant(c, schedule.program) for c in schedule.program.constants
    }
    for i in schedule.program.inputs:
        value = inputs[i.name]
        half = i.layout.dtype.name == "bfloat16"
        values[i.name] = torch.from_numpy(value).bfloat16().view(torch.uint16).numpy() if half else value
    return values


def as_numbers(value: Array, dtype: str) -> Array:
    if dtype == "bfloat16" and value.dtype == np.uint16:
        return np.asarray(torch.from_numpy(value.copy()).view(torch.bfloat16).float().numpy())
    return value.astype(np.float64) if value.dtype.kind == "f" else value


def check(compiled: Compiled, name: str, program: Program, num_threads: int = 1) -> None:
    runner, schedule, _ = compiled.runner(name, num_threads)
    inputs = input_values(schedule.program, seed=len(name))
    got = runner.run(memory_values(schedule, inputs))
    wanted = interpret(program, [inputs[i.name] for i in program.inputs])
    assert len(got) == len(wanted) > 0
    for g, w, o in zip(got, wanted, program.outputs, strict=True):
        assert isinstance(o.value, TensorRef)
        dtype = o.value.layout.dtype
        tolerance = {"float16": 2e-3, "bfloat16": 1e-2}.get(dtype.name, 3e-5) if dtype.is_float else 0
        numbers = as_numbers(np.asarray(w), dtype.name)
        scale = max(1.0, float(np.nanmax(np.abs(numbers.astype(np.float64)), initial=0.0)))
        np.testing.assert_allclose(
            as_numbers(g, dtype.name),
            numbers,
            rtol=tolerance,
            atol=tolerance * scale,
            err_msg=f"{name}, {o.name}",
        )


@pytest.mark.parametrize("name", FAMILIES)
def test_families_agree_with_the_interpreter(compiled: Compiled, name: str) -> None:
    check(compiled, name, FAMILIES[name]())


@pytest.mark.parametrize("name", FAMILIES)
def test_families_do_not_depend_on_the_threads(compiled: Compiled, name: str) -> None:
    check(compiled, name, FAMILIES[name](), num_threads=3)


@pytest.mark.parametrize("seed", range(RANDOM_PROGRAMS))
def test_random_programs_agree_with_the_interpreter(compiled: Compiled, seed: int) -> None:
    check(compiled, f"random{seed}", random_program(seed))


@pytest.mark.parametrize("value", [1000, -1001, 2**40])
def test_an_index_out_of_range_is_reported_and_touches_nothing(compiled: Compiled, value: int) -> None:
    runner, schedule, _ = compiled.runner("embedding")
    inputs = input_values(schedule.program, seed=0)
    inputs["ids"][0, 77] = value
    with pytest.raises(
        RuntimeError, match=f"index out of range in the table: expected -1000 to 999: {value}$"
    ):
        runner.run(memory_values(schedule, inputs))


def test_families_cover_in_place_scratch_and_errors(compiled: Compiled) -> None:
    """The examples exercise what they were written for."""
    specs = {name: own for name, (_, own) in compiled.found.items()}
    assert any(a.direction == "inout" for s in specs["in_place_chain"] for a in s.arguments)
    assert any(s.scratch_bytes_per_thread for s in specs["wide_softmax"])
    assert [s.can_fail for s in specs["embedding"]] == [True]
