"""Counting of test results: all passed, failures, targets that did not build, a Bazel that died."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.bazel import test_results as results_module


def write(path: Path, *lines: object) -> str:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return str(path)


def configured(label: str, kind: str = "py_test rule", tags: tuple[str, ...] = ()) -> object:
    return {
        "id": {"targetConfigured": {"label": label}},
        "configured": {"targetKind": kind, "tag": list(tags)},
    }


def summary(label: str, status: str) -> object:
    return {"id": {"testSummary": {"label": label}}, "testSummary": {"overallStatus": status}}


def skipped(label: str) -> object:
    return {"id": {"targetCompleted": {"label": label}}, "aborted": {"reason": "SKIPPED"}}


PASS = [configured("//a:t"), summary("//a:t", "PASSED")]
CASES: list[tuple[str, list[object], int, int, str]] = [
    ("all pass", [*PASS, configured("//a:l", "cc_library rule")], 0, 0, "1 passed, 0 failed"),
    ("one fails", [*PASS, summary("//a:u", "TIMEOUT")], 3, 3, "1 passed, 1 failed"),
    ("one is flaky", [configured("//a:t"), summary("//a:t", "FLAKY")], 0, 0, "1 passed, 0 failed"),
    ("one does not build", [*PASS, configured("//a:u")], 1, 1, "1 passed, 1 failed"),
    (
        "other platforms do not count",
        [*PASS, configured("//a:x"), skipped("//a:x")],
        0,
        0,
        "1 passed, 0 failed",
    ),
    ("manual ones do not count", [*PASS, configured("//a:m", tags=("manual",))], 0, 0, "1 passed, 0 failed"),
    ("nothing can be analysed", [{"id": {"started": {}}}], 1, 1, "0 passed, 1 failed"),
    ("a line is cut short", [*PASS, '{"id": {"tes'], 37, 37, "1 passed, 1 failed"),
    ("no test at all", [], 0, 1, "0 passed, 1 failed"),
]


@pytest.mark.parametrize(
    ("lines", "status", "code", "line"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_counts(
    lines: list[object], status: int, code: int, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert results_module.main([write(tmp_path / "events", *lines), str(status)]) == code
    assert capsys.readouterr().out.splitlines()[-1] == line


def test_missing_file_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert results_module.main([str(tmp_path / "none"), "1"]) == 1
    assert capsys.readouterr().out == "0 passed, 1 failed\n"
