"""The whole scheduler: schedules mean what their programs mean, and fuse what they should."""

from __future__ import annotations

import numpy as np
import pytest

from compiler.ir.loop import Program
from compiler.ir.loop_interpreter import interpret
from compiler.ir.schedule import Schedule
from compiler.ir.schedule_text import parse_schedule, print_schedule
from compiler.scheduler import pipeline
from compiler.scheduler.example_families import FAMILIES
from compiler.scheduler.example_programs import softmax
from compiler.scheduler.random_programs import random_program
from compiler.scheduler.schedule_interpreter import run_schedule
from compiler.support.options import CompileOptions, Context


def scheduled(program: Program, fuse_limit: int = -1) -> Schedule:
    return pipeline.run(program, Context(CompileOptions("test", fuse_limit=fuse_limit)))


def input_values(program: Program, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    values: dict[str, np.ndarray] = {}
    for i in program.inputs:
        size = [s.value() for s in i.layout.size]
        whole = rng.integers(0, 10, size)
        values[i.name] = whole if i.layout.dtype.is_int else rng.standard_normal(size).astype(np.float32)
    return values


def check(program: Program, schedule: Schedule) -> None:
    inputs = input_values(program, seed=1)
    wanted = interpret(program, [inputs[i.name] for i in program.inputs])
    for got, want in zip(run_schedule(schedule, inputs), wanted, strict=True):
        np.testing.assert_allclose(
            np.asarray(got, np.float64), np.asarray(want, np.float64), rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("name", FAMILIES)
def test_families_keep_their_meaning(name: str) -> None:
    program = FAMILIES[name]()
    check(program, scheduled(program))


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_keep_their_meaning(seed: int) -> None:
    program = random_program(seed)
    check(program, scheduled(program))


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_every_limit_gives_a_right_schedule(limit: int) -> None:
    program = FAMILIES["layer_norm"]()
    schedule = scheduled(program, limit)
    assert len(schedule.groups) == len(program.nodes) - limit
    check(program, schedule)


KERNELS = {
    "pointwise_chain": 1, "softmax": 1, "layer_norm": 1, "linear_gelu": 1, "embedding": 1, "broadcast": 1, "channels_last": 1,
    "softmax_over_rows": 1, "group_norm": 1, "column_passes": 1, "gemm_residual": 1, "bmm_scaled": 1, "conv_relu": 1, "attention": 1,
    "mean_over_tokens": 2, "tall_sum": 2, "long_sum": 3, "diamond": 2, "in_place_chain": 5,
}  # fmt: skip


@pytest.mark.parametrize("name", KERNELS)
def test_number_of_kernels(name: str) -> None:
    assert len(scheduled(FAMILIES[name]()).groups) == KERNELS[name]


def test_intermediates_of_softmax_have_no_memory() -> None:
    schedule = scheduled(softmax())
    assert schedule.arena_bytes == 0
    assert schedule.groups[0].local == {"buf0", "buf1", "buf2", "buf3"}


def test_in_place_chain_overwrites_the_dying_value() -> None:
    assert scheduled(FAMILIES["in_place_chain"]()).reuse == {"buf3": "buf0"}


@pytest.mark.parametrize("name", FAMILIES)
def test_text_round_trip(name: str) -> None:
    text = print_schedule(scheduled(FAMILIES[name]()))
    assert print_schedule(parse_schedule(text)) == text


def test_schedules_are_deterministic() -> None:
    assert print_schedule(scheduled(random_program(7))) == print_schedule(scheduled(random_program(7)))
