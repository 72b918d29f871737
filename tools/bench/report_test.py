"""The document: numbers where they belong, and every contender accounted for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tools.bench import report

MACHINE = {
    "date": "2026-01-01T00:00:00+00:00",
    "cpu": "a CPU",
    "cpus": 2,
    "memory_gib": 4.0,
    "kernel": "6",
    "load_average": 0.0,
    "versions": {"python": "3.11"},
    "command": "bench --out=x",
}


def _timing(median: float) -> dict[str, Any]:
    return {
        "timing": {
            "median_ms": median,
            "best_round_ms": median,
            "worst_round_ms": 2 * median,
            "best_run_ms": 0.5,
            "runs": 9,
        }
    }


def _result() -> dict[str, Any]:
    rates = {
        "threads": 1,
        "isa": "avx2",
        "fma_gflops": 100.0,
        "bfloat16_gflops": 0.0,
        "read_gbps": 20.0,
        "read_mib": 1,
    }
    build = {"command_s": 6.0, "compile_s": 4.0, "model_bytes": 2e6, "deploy_bytes": 436e6, "note": ""}
    freezing = {**_timing(40.0), "build": build, "distance": 3e-7, "peak_rss_bytes": 957e6}
    part = {
        "floor_rates": rates,
        "floor": {"operations_ms": 10.0, "bytes_ms": 1.0, "floor_ms": 10.0},
        "contenders": {"aotinductor-freezing": freezing, "openvino": _timing(20.0)},
    }
    failure = {
        "contender": "onnxruntime",
        "model": "m",
        "threads": 1,
        "step": "compile",
        "reason": "not installed",
    }
    return {
        "machine": MACHINE,
        "options": {
            "contenders": ["aotinductor-freezing", "onnxruntime", "openvino"],
            "rounds": 3,
            "min_time_s": 1.0,
            "reference": "aotinductor-freezing",
        },
        "complete": True,
        "models": {
            "m": {
                "title": "A model",
                "cost": {"operations": 10**9, "bytes": 2 * 10**7, "dtype": "float32"},
                "eager_distance": 1e-7,
                "threads": {"1": part},
            }
        },
        "failures": [failure, {**failure, "threads": 2}],
    }


def _cells(text: str, start: str, table: int) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith(f"| {start} |")]
    return [cell.strip() for cell in lines[table].strip("|").split("|")]


def test_ratios_to_the_floor_and_to_the_reference() -> None:
    cells = _cells(report.markdown(_result()), "OpenVINO", 0)
    assert cells == ["OpenVINO", "20.00", "20.00 - 40.00", "0.5000", "2.00 (0.05)", "0.50 (1.00)"]


def test_facts_of_a_contender() -> None:
    cells = _cells(report.markdown(_result()), "AOTInductor, freezing", 1)
    assert cells[1:8] == ["6.0", "4.0", "2", "436", "3.00e-07", "3.00", "957"]


def test_a_failed_contender_has_dashes_and_one_reason() -> None:
    text = report.markdown(_result())
    assert _cells(text, "ONNX Runtime", 0)[1:] == [report.DASH] * 5
    assert "- ONNX Runtime, compile (m with 1 thread, m with 2 threads): not installed" in text


def test_an_unfinished_run_says_so() -> None:
    assert "Not complete" in report.markdown({**_result(), "complete": False})
    assert "Not complete" not in report.markdown(_result())


def test_files_appear_whole(tmp_path: Path) -> None:
    report.write(_result(), tmp_path / "new" / "bench")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["bench.json", "bench.md"]
    assert json.loads((tmp_path / "new" / "bench.json").read_text()) == _result()
