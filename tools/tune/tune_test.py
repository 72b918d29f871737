"""The tuner's rounds without a GPU: measurements are made up, everything else is what runs on one."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import torch

from kernels.tuning.candidates import candidates
from kernels.tuning.configs import EVERYTHING, Config
from kernels.tuning.database import choose, load
from kernels.tuning.gpus import gpu_named
from kernels.tuning.problems import Product
from tools.tune import tune
from tools.tune.measure import Measurement
from tools.tune.search import neighbours, varied

GPU = "NVIDIA H100 80GB HBM3"


class Pool:
    """Compiles nothing, at once."""

    def __init__(self, *_: object) -> None:
        pass

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, *_: object) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result("no machine code")
        return done

    def shutdown(self, **_: object) -> None:
        pass


class Operands:
    sets: tuple[dict[str, torch.Tensor], ...] = ({},)

    @staticmethod
    def peer(_: object) -> None:
        pass


class Bench:
    """Tiles of 64 columns are fast; a third of all configs is wrong."""

    def __init__(self, *_: object) -> None:
        pass

    def measure(self, config: Config, cubin: object, expected_us: float) -> Measurement:
        if config.get("BLOCK_N") % 3 == 1 or config.num_warps == 8:
            return Measurement(config, float("inf"), 1.0, "wrong")
        return Measurement(config, 10 + abs(config.get("BLOCK_N") - 64) - config.get("PDL"), 1e-4)


@pytest.fixture
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: GPU)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(tune, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(tune, "Driver", lambda: None)
    monkeypatch.setattr(tune, "Bench", Bench)
    monkeypatch.setattr(tune, "operands", lambda _: Operands)
    monkeypatch.setattr(tune, "time_us", lambda *_: 20.0)


@pytest.mark.usefixtures("_no_gpu")
def test_writes_a_database_that_is_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, log = tmp_path / "h100.json", tmp_path / "log"
    assert tune.main([f"--out={out}", f"--log={log}", "--sets=linear,decode", "--tries=8"]) == 0
    problem = Product("bf16", 256, 4096, 4096)
    entry = json.loads(out.read_text())["entries"][problem.key]
    assert entry["torch_us"] == 20
    database = load(tmp_path)
    best, plain = (choose(database, problem, 90, able) for able in (EVERYTHING, frozenset[str]()))
    assert (best.measured_on, best.us) == (GPU, entry["configs"][0]["us"])
    assert best.config.get("PDL") and best.us < plain.us and not plain.config.needs
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {line["why"] for line in lines} == {"", "wrong"}
    assert problem.key in capsys.readouterr().out
    assert tune.main([f"--out={out}", "--sets=long", "--tries=8"]) == 0
    entries = json.loads(out.read_text())["entries"]
    assert entries[problem.key] == entry and f"{problem.key} long" in entries, "other problems are kept"


@pytest.mark.usefixtures("_no_gpu")
def test_a_problem_without_a_right_config_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        Bench, "measure", lambda self, config, *_: Measurement(config, float("inf"), 1.0, "wrong")
    )
    assert tune.main([f"--out={tmp_path / 'x.json'}", "--sets=linear", "--tries=2"]) == 1
    assert "none of" in capsys.readouterr().out
    assert json.loads((tmp_path / "x.json").read_text())["entries"] == {}


def test_search_varies_first_and_then_looks_around() -> None:
    every = candidates(Product("fp16", 256, 1024, 1024), gpu_named(GPU))
    first = varied(every, 12)
    assert len(set(first)) == 12 and first[0] == every[0]
    assert len({(c.template, c.get("BLOCK_M"), c.get("BLOCK_N")) for c in first}) > 4
    times = {c: float(i) for i, c in enumerate(first)}
    nearest = neighbours(every, times, 1, 3)
    assert not set(nearest) & set(first)
    changed = set(nearest[0].constants) ^ set(first[0].constants)
    assert len(changed) <= 2, (nearest[0], first[0])
