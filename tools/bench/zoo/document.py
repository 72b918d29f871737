"""Makes docs/zoo.md of the zoo's result file.

    bazel run //tools/bench/zoo:document -- $PWD/tools/bench/zoo/results.json $PWD/docs/zoo.md

Enters: tools/bench/zoo/results.json. Leaves: the page, of nothing else: a test says so.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.bench.zoo import results
from tools.bench.zoo.entries import ENTRIES
from tools.bench.zoo.results import Result, verdict

_HEAD = """\
# The zoo

Generated from `tools/bench/zoo/results.json` by `tools/bench/zoo/document.py`; do not edit. The file is made by

    ./bazelw run //tools/bench/zoo -- --out=/tmp/zoo --speed --peer --results=$PWD/tools/bench/zoo/results.json

Architectures of {libraries}, with random weights, small images and small configurations
(`tools/bench/zoo/models`), exported by `torch.export`, compiled to a library without libtorch (`shim = "static"`), run and held against
eager and float64 eager: **right** is no further from float64 than twice eager's own distance (`tests/harness/recorded_test.py`). Each
step is a process of its own with a limit of time and memory.

**{exported} of {tried} export; of these {compiled} compile and {right} are right ({share} %).** {speed}{waiting}

Compilation is from `model.pt2` to the library (ours) or the package (PyTorch's AOTInductor with its defaults, g++, one thread), without
Python's start and imports, each model by both, one right after the other, in an empty cache of kernels. The machine has 2 cores that others
use too, so the table has seconds of processor time, user and system, of all processes: what others run hardly counts in them. Rows without
them are from an earlier run. AOTInductor compiles for the processor at hand, ours for two instruction sets, of which a library takes the
better one when it is loaded. Times of a run are processor time on one thread, medians of rounds in turns; ratios below 1 are faster than
the other. Ratios were measured for a part of the models, of all families, as the counts above say. In rows measured before 2026-11-25
18:50 the compiler behind ours (zig) kept a cache of its own beside the emptied one: a model that had been compiled on the machine before
has too few seconds there. These models are small, so that what a call costs counts for much; `tools/bench` has large ones, and
`tools/bench/growth.py` shows how compile time grows with depth.
"""
_TABLE = """
| model | family | exported | compiled | right | kernels | compile, CPU s | of AOTInductor's | run, ms | of eager's | of AOTInductor's |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def page(rows: Sequence[Result], machine: dict[str, Any]) -> str:
    """The whole text."""
    verdicts = [verdict(r) for r in rows]
    exported = sum(v != "export" for v in verdicts)
    right = verdicts.count("right")
    versions = machine["versions"]
    head = _HEAD.format(
        libraries=", ".join(f"{n} {v}" for n, v in versions.items() if n not in ("python", "g++")),
        tried=len(rows),
        exported=exported,
        compiled=right + verdicts.count("judge"),
        right=right,
        share=round(100 * right / max(exported, 1), 1),
        speed=_speed_summary(rows),
        waiting=_waiting(rows),
    )
    ordered = sorted(rows, key=lambda r: (r["family"], r["name"]))
    return head + _TABLE + "".join(map(_row, ordered)) + _reasons(ordered)


def _speed_summary(rows: Sequence[Result]) -> str:
    parts = []
    for peer, title in (("eager", "eager"), ("aotinductor", "AOTInductor")):
        ratios = [
            r["speed"]["ours"] / r["speed"][peer]
            for r in rows
            if peer in r.get("speed", {}) and "ours" in r["speed"]
        ]
        if ratios:
            parts.append(
                f"Time of a run, as a multiple of {title}'s: median {statistics.median(ratios):.2f} over {len(ratios)} models."
            )
    ratios = [ratio for r in rows if (ratio := _compile_ratio(r)) is not None]
    if ratios:
        median, largest = statistics.median(ratios), max(ratios)
        parts.append(
            f"Processor time of compilation, as a multiple of AOTInductor's: median {median:.2f}, largest {largest:.2f} over {len(ratios)}."
        )
    return " ".join(parts)


def _compile_ratio(r: Result) -> float | None:
    """Ours by AOTInductor's in processor time, where both compiled and were timed so."""
    ours, peer = r.get("compile", {}), r.get("aotinductor", {})
    if ours.get("why") or peer.get("why") or not ("cpu_seconds" in ours and "cpu_seconds" in peer):
        return None
    ratio: float = ours["cpu_seconds"] / peer["cpu_seconds"]
    return ratio


def _waiting(rows: Sequence[Result]) -> str:
    """The entries that no run has reached."""
    names = sorted(ENTRIES.keys() - {str(r["name"]) for r in rows})
    return f"\n\nNot run yet ({len(names)}): {', '.join(names)}." if names else ""


def _row(r: Result) -> str:
    ended = verdict(r)
    done = {"export": 0, "compile": 1, "judge": 2, "right": 3}[ended]
    marks = ["yes"] * done + ["**no**"] * (done < 3) + [""] * (2 - done)
    speed, compiled = r.get("speed", {}), r["compile"] if done >= 2 else {}
    cells = [
        str(compiled.get("kernels", "")),
        _number(compiled.get("cpu_seconds"), ".1f"),
        "it fails" if r.get("aotinductor", {}).get("why") else _number(_compile_ratio(r), ".2f"),
        _number(speed.get("ours"), ".3g"),
        _ratio(speed, "eager"),
        _ratio(speed, "aotinductor"),
    ]
    return f"| {r['name']} | {r['family']} | {' | '.join([*marks, *cells])} |\n"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _ratio(speed: dict[str, float], peer: str) -> str:
    return f"{speed['ours'] / speed[peer]:.2f}" if "ours" in speed and peer in speed else ""


def _reasons(rows: Sequence[Result]) -> str:
    """Every model that is not right, with the reason."""
    text = ""
    for step, title in (
        ("judge", "Wrong, or does not run"),
        ("compile", "Refused, or the compiler fails"),
        ("export", "Does not export"),
    ):
        found = [r for r in rows if verdict(r) == step]
        if found:
            text += f"\n## {title}\n\n" + "".join(
                f"- **{r['name']}**: {_one_line(r[step]['why'])}\n" for r in found
            )
    return text


def _one_line(why: str) -> str:
    """Markdown must not see what a message may hold."""
    words = " ".join(line.strip() for line in why.splitlines())
    return f"`{words[:400].replace('`', chr(39))}`"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page(*results.read_all(Path(sys.argv[1]))))
