"""What a model's steps make of results that are there, of failures and of messages, without compiling anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.bench import limits
from tools.bench.limits import Ended, Limits
from tools.bench.zoo import results
from tools.bench.zoo.entries import Entry
from tools.bench.zoo.model_steps import ModelSteps
from tools.bench.zoo.options import Options, complaint

ENTRY = Entry("tiny", "convnet", "torchvision", "torchvision_models")


class Forks:
    """Stands for the forks: notes the steps by their logs, and fails the one that it is told to."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.steps: list[str] = []

    def __call__(self, function: Callable[[], int], log: Path, limit: Limits) -> Ended:
        self.steps.append(log.stem)
        failing = log.stem == self.failing
        log.write_text("warning: x\nerror: it is wrong:\n  1. because\n" if failing else "7 kernels\n")
        if log.stem == "judge":
            (log.parent / "verdict.json").write_text(
                '{"why": "", "distance": 1e-07, "eager_distance": 2e-07}'
            )
        return Ended(int(failing), 1.5, 2.5, 30, "")


def steps(folder: Path, monkeypatch: pytest.MonkeyPatch, forks: Forks) -> ModelSteps:
    monkeypatch.setattr(limits, "call", forks)
    (folder / "cache/objects").mkdir(parents=True, exist_ok=True)
    return ModelSteps(ENTRY, Options(folder, "", "", Limits(9, 9), ("export", "compile", "judge")))


def done(folder: Path) -> dict[str, Any]:
    return results.read(folder / "tiny.json")


def test_all_steps_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forks = Forks()
    steps(tmp_path, monkeypatch, forks).run(lambda step: None)
    assert forks.steps == ["export", "compile", "judge"]
    assert results.verdict(done(tmp_path)) == "right"
    assert done(tmp_path)["compile"] == {
        "why": "",
        "seconds": 1.5,
        "cpu_seconds": 2.5,
        "megabytes": 30,
        "kernels": 7,
    }


def test_what_is_known_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps(tmp_path, monkeypatch, Forks()).run(lambda step: None)
    forks = Forks()
    again = steps(tmp_path, monkeypatch, forks)
    again.run(lambda step: None)
    assert forks.steps == []
    again.forget("compile")
    again.run(lambda step: None)
    assert forks.steps == ["compile", "judge"]


def test_a_failure_ends_the_model_and_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forks = Forks(failing="compile")
    steps(tmp_path, monkeypatch, forks).run(lambda step: None)
    assert forks.steps[-1] == "compile"
    assert results.verdict(done(tmp_path)) == "compile"
    assert done(tmp_path)["compile"]["why"] == "it is wrong:\n  1. because"
    assert steps(tmp_path, monkeypatch, Forks()).missing() == []


def test_messages_of_forks_that_say_no_error() -> None:
    assert complaint("one\n\nlast\n", 2) == "exit status 2: last"
    assert complaint("", -11) == "signal 11: no message"
