"""Processes of the bench: what they answer when all is well and when they fail."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tools.bench.contender import Job
from tools.bench.steps import Server, Step, StepFailed

CPU = min(os.sched_getaffinity(0))


def _step(folder: Path, contender: str, timeout_s: float = 60.0) -> Step:
    job = Job("none", 1, folder, folder / "work", folder / "programs", "", {})
    artefact = {
        "model_files": [str(folder / "work/model")],
        "runtime_files": [],
        "compile_s": 0.5,
        "note": "",
    }
    name = f"tools.bench.fake_contenders:{contender}"
    return Step(name, job, (CPU,), {}, artefact, timeout_s)


def test_prepare_then_serve(tmp_path: Path) -> None:
    step = _step(tmp_path, "Working")
    artefact, seconds = step.run("prepare")
    assert artefact == step.artefact
    assert seconds > 0.02
    server = Server(step)
    measured = server.ask({"measure": {"warm_up_s": 0.0, "min_time_s": 0.01, "min_runs": 7}})
    settings = {"warm_up_s": 0.0, "min_time_s": 0.0, "min_runs": 3, "clock": "processor"}
    worked = server.ask({"measure": settings})  # a run sleeps
    finished = server.ask({"finish": True})
    server.stop()
    assert worked["median_ms"] < 0.9
    assert measured["runs"] >= 7
    assert measured["median_ms"] >= measured["best_ms"] >= 1.0
    assert 1e6 < finished["peak_rss_bytes"] < 1e9
    with np.load(finished["outputs"]) as outputs:
        assert outputs["output_0"].tolist() == [5.0, 1.0, 1.0]  # size of the model, threads, pinned CPUs


def test_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="the Python package a_package_that_nobody_has is not installed"):
        _step(tmp_path, "Missing").run("prepare")


def test_refusal_comes_through_word_for_word(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="^no accelerator here; use another machine$"):
        _step(tmp_path, "Refusing").run("prepare")


def test_crash_while_measuring(tmp_path: Path) -> None:
    server = Server(_step(tmp_path, "Crashing"))
    with pytest.raises(StepFailed, match=r"died \(exit status 3\) while it should serve"):
        server.ask({"measure": {"warm_up_s": 0.0, "min_time_s": 0.0, "min_runs": 1}})
    server.stop()


def test_no_answer_in_time(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="no answer within 1 s while it should prepare"):
        _step(tmp_path, "Hanging", timeout_s=1.0).run("prepare")
