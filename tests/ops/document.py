"""Makes docs/ops.md of the sweep's result file.

    bazel run //tests/ops:document -- $PWD/tests/ops/results.json $PWD/docs/ops.md

Enters: tests/ops/results.json. Leaves: the page, of nothing else (and the compiler's own list of lowered operators): a test says so.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from compiler.ir.aten_ops import KNOWN
from tests.ops.results import Results, read

_HEAD = """\
# Operators

Generated from `tests/ops/results.json` by `tests/ops/document.py`; do not edit. The file is made by `//tests/ops:sweep`:
PyTorch {torch}'s own samples of its operators, exported, compiled in batches into libraries without libtorch, run, and
held against eager and float64 eager (`tests/ops/judge.py` states the criterion). What is refused is refused when it is
compiled, by name, with the model's source line.

Swept so far: {swept} entries of PyTorch's table, {full} of them in full, the others by a few samples each (`--quick`).

**{right} of {judged} samples are right, {refused} are refused by name, {bad} are wrong or crash** ({skipped} more cannot
be exported, are random, or are refused by eager itself). Of samples whose operators are all core ATen, {core_right} of
{core_judged} are right ({core_share}%).

How: **native**, lowered as it is; **decomposed**, into operators that are; **shim**, a call of the lean shim;
**torch-only**, in the flavour `shim = "torch"`; **refused**.
"""
_CORE = """
## Core ATen operators

| operator | how | right | refused | wrong |
|---|---|---|---|---|
"""
_ALL = """
## PyTorch's table of operators

| operator | dtypes that are right | how | right | refused | wrong | first reason |
|---|---|---|---|---|---|---|
"""
_OUTSIDE = ("export", "random", "eager")
_Entry = dict[str, Any]


def page(results: Results) -> str:
    """The whole text."""
    entries = [e for by_dtype in results.operators.values() for e in by_dtype.values()]
    core = [e for e in entries if e["atens"] and set(e["atens"]) <= set(results.core)]
    head = _HEAD.format(
        torch=results.torch,
        swept=len(results.operators),
        full=len(results.full),
        right=_count(entries, "right"),
        judged=_judged(entries),
        refused=_count(entries, "refused"),
        bad=_bad(entries),
        skipped=sum(_count(entries, v) for v in _OUTSIDE),
        core_right=_count(core, "right"),
        core_judged=_judged(core),
        core_share=round(100 * _count(core, "right") / max(_judged(core), 1), 1),
    )
    rows = "".join(_core_row(op, entries) for op in results.core)
    return head + _CORE + rows + _ALL + "".join(_row(op, d) for op, d in sorted(results.operators.items()))


def _count(entries: Iterable[_Entry], verdict: str) -> int:
    return sum(e.get(verdict, 0) for e in entries)


def _bad(entries: Iterable[_Entry]) -> int:
    return _count(entries, "wrong") + _count(entries, "crash")


def _judged(entries: list[_Entry]) -> int:
    return _count(entries, "right") + _count(entries, "refused") + _bad(entries)


def _core_row(op: str, entries: list[_Entry]) -> str:
    """Of the samples in whose exported graphs the operator is."""
    of_op = [e for e in entries if op in e["atens"]]
    if op in KNOWN:
        how = "native"
    elif _count(of_op, "right"):
        how = "decomposed"
    else:
        how = "refused" if of_op else "no sample"
    return f"| `{op}` | {how} | {_count(of_op, 'right')} | {_count(of_op, 'refused')} | {_bad(of_op)} |\n"


def _row(op: str, by_dtype: dict[str, _Entry]) -> str:
    entries = list(by_dtype.values())
    good = [d for d, e in by_dtype.items() if e.get("right") and not _bad([e])]
    how = sorted({h for e in entries for h in e["how"]})
    reasons = [r for e in entries for r in e.get("why", ())]
    first = reasons[0].replace("|", "\\|").replace("\n", " ")[:160] if reasons else ""
    counts = f"{_count(entries, 'right')} | {_count(entries, 'refused')} | {_bad(entries)}"
    return f"| `{op}` | {' '.join(good)} | {' '.join(how)} | {counts} | {first} |\n"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page(read(Path(sys.argv[1]))))
