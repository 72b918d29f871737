"""Interleaving and its statistics."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tools.bench import rounds
from tools.bench.steps import Server, StepFailed


class FakeServer:
    """Gives the medians of a list, one a round, and notes when it was asked."""

    def __init__(self, name: str, medians: list[float], diary: list[str]) -> None:
        self.name, self.medians, self.diary = name, medians, diary

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert command["measure"]["min_time_s"] == 2.0
        self.diary.append(self.name)
        if not self.medians:
            raise StepFailed("ran out of breath")
        median = self.medians.pop(0)
        return {"median_ms": median, "best_ms": median - 1, "runs": 10}


def test_every_round_asks_each_once_and_a_failure_stops_only_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "PAUSE_S", 0.0)
    diary: list[str] = []
    servers = {
        "a": FakeServer("a", [5, 3, 4], diary),
        "b": FakeServer("b", [7], diary),
        "c": FakeServer("c", [9, 8, 1], diary),
    }
    timings, failed = rounds.run_rounds(cast(dict[str, Server], servers), 3, 2.0, lambda _: None)
    assert sorted(diary[:3]) == sorted(diary[3:6]) == ["a", "b", "c"]
    assert sorted(diary[6:]) == ["a", "c"]
    assert failed == {"b": "ran out of breath"}
    assert timings["a"] == rounds.Timing(
        median_ms=4, best_round_ms=3, worst_round_ms=5, best_run_ms=2, runs=30
    )
    assert timings["c"].median_ms == 8


def test_one_slow_round_does_not_move_the_median() -> None:
    measured = [{"median_ms": m, "best_ms": m, "runs": 1} for m in (10.0, 11.0, 500.0)]
    assert rounds.summarise(measured).median_ms == 11.0
