"""Problems, candidates, cost model and database, and the measurements that are committed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kernels.tuning.candidates import candidates
from kernels.tuning.configs import EVERYTHING, TENSOR_MAPS, WORKSPACE, Config, grid, workspace
from kernels.tuning.cost_model import predict_us, shared_bytes
from kernels.tuning.database import Choice, Database, DatabaseError, choose, load
from kernels.tuning.gpus import GPUS, gpu_for, gpu_named
from kernels.tuning.problems import Attention, Convolution, Problem, Product

HERE = Path(__file__).resolve().parent
H100 = gpu_named("NVIDIA H100 80GB HBM3")

PROBLEMS: list[Problem] = [
    Product("bf16", 1, 4096, 4096),
    Product("bf16", 3, 7, 5, batches=2, b_columns=False),
    Product("fp16", 1, 1, 1),
    Product("fp32", 300, 1000, 333),
    Product("fp8e4nv", 8192, 8192, 8192),
    Attention("bf16", 1, 16, 4, 1, 2048, 128),
    Attention("fp16", 2, 3, 3, 1000, 1000, 80, causal=True),
    Attention("fp32", 1, 1, 1, 1, 1, 256),
    Convolution("fp16", 1, 224, 224, 3, 64, (7, 7), (2, 2), (3, 3)),
    Convolution("fp16", 1, 7, 7, 512, 512, (3, 3), (1, 1), (1, 1)),
    Convolution("fp32", 4, 30, 31, 1, 2, (3, 3), groups=9),
]


@pytest.mark.parametrize("gpu", GPUS, ids=lambda g: g.name)
@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.key)
def test_candidates_fit_and_are_ordered(problem: Problem, gpu: object) -> None:
    assert gpu in GPUS
    known = next(g for g in GPUS if g is gpu)
    found = candidates(problem, known)
    assert found and len(set(found)) == len(found)
    costs = [predict_us(problem, c, known) for c in found]
    assert costs == sorted(costs) and costs[0] > 0
    for config in found:
        assert all(programs > 0 for programs in grid(problem, config, known.multiprocessors))
        assert grid(problem, config, known.multiprocessors)[2] <= 65535
        if config.template != "gemv":
            assert shared_bytes(problem, config) <= known.block_shared_bytes
        assert not config.get("TMA") or known.arch >= 90


def test_keys_and_floors() -> None:
    problem = Product("bf16", 256, 4096, 4096)
    assert problem.key == "product bf16 1x256x4096x4096 nt"
    assert problem.operations == 2 * 256 * 4096 * 4096
    assert problem.bytes == 2 * (2 * 256 * 4096 + 4096 * 4096)
    assert H100.floor_us(problem.operations, problem.bytes, "bf16") == pytest.approx(12.58, abs=0.01)
    conv = Convolution("fp16", 2, 8, 9, 4, 6, (3, 3), (2, 1), (1, 0), (1, 2), 2)
    assert conv.key == "convolution fp16 2x8x9 g2 4->6 k3x3 s2x1 p1x0 d1x2"
    assert conv.out_size == (4, 5)
    causal = Attention("fp16", 1, 2, 1, 3, 10, 16, causal=True)
    assert causal.operations == 4 * 2 * 16 * (8 + 9 + 10)
    assert len({p.key for p in PROBLEMS}) == len(PROBLEMS)


def test_workspace_of_what_is_split() -> None:
    problem = Product("bf16", 100, 200, 4096, batches=2)
    plain = Config("gemm", (("BLOCK_M", 64), ("BLOCK_N", 128), ("BLOCK_K", 64)), 4, 3)
    assert workspace(problem, plain, 132) == (0, 0)
    split = Config("gemm", (*plain.constants, ("SPLIT_K", 3)), 4, 3)
    assert grid(problem, split, 132) == (4, 3, 2)
    assert workspace(problem, split, 132) == (4 * 2 * 3 * 64 * 128, 8)
    decode = Config("attention", (("BLOCK_M", 16), ("BLOCK_N", 64), ("SPLITS", 8), ("PACKED", 1)), 4)
    assert grid(PROBLEMS[5], decode, 132) == (1, 4, 8)
    assert workspace(PROBLEMS[5], decode, 132) == (4 * 8 * 16 * 130, 4)


def test_committed_measurements_are_read() -> None:
    database = load(HERE)
    assert database, "no measurement is committed"
    for (arch, key), choices in database.items():
        assert choices, key
        for choice in choices:
            assert gpu_named(choice.measured_on).arch == arch and choice.us > 0, key
    chosen = choose(database, Product("bf16", 1, 4096, 4096), 90, frozenset())
    assert chosen.measured_on and chosen.config.template == "gemv"


def test_the_fastest_that_can_be_launched() -> None:
    problem = Product("bf16", 512, 1024, 1024)
    blocks = (("BLOCK_M", 64), ("BLOCK_N", 64), ("BLOCK_K", 64))
    plain, maps = Config("gemm", blocks, 4), Config("gemm", (*blocks, ("TMA", 1), ("SPLIT_K", 2)), 4)
    database: Database = {(90, problem.key): (Choice(maps, "x", 5.0), Choice(plain, "x", 6.0))}
    assert maps.needs == {TENSOR_MAPS, WORKSPACE} and not plain.needs
    assert choose(database, problem, 90, EVERYTHING).config == maps
    assert choose(database, problem, 90, frozenset({WORKSPACE})).config == plain
    for key in PROBLEMS:
        assert not choose({}, key, 90, frozenset()).config.needs


def test_a_long_epilogue_has_measurements_of_its_own() -> None:
    short = Product("fp16", 6304, 768, 768)
    long = replace(short, long_epilogue=True)
    blocks = (("BLOCK_M", 64), ("BLOCK_N", 128), ("BLOCK_K", 64))
    turns, plain = Config("gemm_persistent", blocks, 4), Config("gemm", blocks, 4)
    database: Database = {(90, short.key): (Choice(turns, "x", 5.0), Choice(plain, "x", 6.0))}
    assert choose(database, short, 90, EVERYTHING).config == turns
    assert choose(database, long, 90, EVERYTHING).config == plain, "tiles in turn wait for a long epilogue"
    database[90, long.key] = (Choice(turns, "x", 7.0),)
    assert choose(database, long, 90, EVERYTHING) == Choice(turns, "x", 7.0), "measured with one"


def test_a_miss_says_so() -> None:
    choice = choose({}, Product("bf16", 64, 640, 640), 80, EVERYTHING)
    assert choice.measured_on == "" and choice.us > 0
    assert choice.config == candidates(Product("bf16", 64, 640, 640), gpu_for(80))[0]


def test_an_architecture_that_nobody_knows() -> None:
    assert gpu_for(86).arch == 80 and gpu_for(120).arch == 100
    with pytest.raises(KeyError, match="oldest architecture is sm_80"):
        gpu_for(70)
    with pytest.raises(KeyError, match="known: NVIDIA H100"):
        gpu_named("a stranger")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": 7}, "version 7"),
        ({"entries": {"product": {"us": 1.0}}}, "KeyError 'configs'"),
        ({"entries": []}, "gpu, arch or entries"),
        ({"entries": {"p": {"configs": [{"template": "gemm", "constants": {}, "num_warps": 4, "num_stages": 1, "us": "x"}]}}}, "could not"),
    ],
)  # fmt: skip
def test_a_bad_file_is_named(tmp_path: Path, change: dict[str, object], expected: str) -> None:
    data: dict[str, object] = {"version": 2, "gpu": "NVIDIA H200", "arch": 90, "entries": {}, **change}
    (tmp_path / "bad.json").write_text(json.dumps(data))
    with pytest.raises(DatabaseError, match=rf"bad\.json: .*{expected}"):
        load(tmp_path)
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(DatabaseError, match="bad.json"):
        load(tmp_path)
