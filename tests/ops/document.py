"""Makes docs/ops.md of the sweep's result file.

    bazel run //tests/ops:document -- $PWD/tests/ops/results.json $PWD/docs/ops.md

Enters: tests/ops/results.json. Leaves: the page, of nothing else (and the compiler's own list of lowered operators): a test says so.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
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

Swept: {swept} operators, {full} of them in full, the others by a few samples each (`--quick`): those of PyTorch's table,
and core ATen operators that the table does not reach, which are called by themselves (`tests/ops/direct.py`).

**{right} of {judged} samples are right, {refused} are refused by name, {bad} are wrong or crash** ({skipped} more cannot
be exported, are random, or are refused by eager itself).

| samples, by entry: an operator in one dtype | right | refused | wrong | right of them |
|---|---|---|---|---|
| of all entries | {all_row} |
| of those all of whose operators are core ATen | {core_row} |
| of those that touch a core ATen operator | {touching_row} |
| ... without complex operands and Fourier transforms | {real_row} |

An entry counts by the operators of all its samples together. The {by_sample} of {entries} entries that were swept last
keep the operators of each sample, so that each counts by its own:

| samples, each by itself | right | refused | wrong | right of them |
|---|---|---|---|---|
| all of whose operators are core ATen | {own_core_row} |
| that have a core ATen operator | {own_touching_row} |
{form_rows}
Of the core set, complex numbers and Fourier transforms (`_fft_r2c`, `_fft_c2r`) are refused, and backward passes without
a decomposition. Not swept are entries whose
results are random or left undefined, sparse, quantised for GPUs, or made of operators that stand here under their own
names (`LEFT_OUT` in `tests/ops/sweep.py`).

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
_FFT = ("fft.", "stft", "istft")
_JUDGED = ("right", "refused", "wrong", "crash")
_OUTSIDE = ("export", "random", "eager")
_Entry = dict[str, Any]


def page(results: Results) -> str:
    """The whole text."""
    entries = [e for by_dtype in results.operators.values() for e in by_dtype.values()]
    everything = _sum(entries)
    core = set(results.core)
    touching = [
        (op, d, e) for op, b in results.operators.items() for d, e in b.items() if core & set(e["atens"])
    ]
    kept = [e for e in entries if "forms" in e]
    head = _HEAD.format(
        torch=results.torch,
        swept=len(results.operators),
        full=len(results.full),
        right=everything["right"],
        judged=_judged(everything),
        refused=everything["refused"],
        bad=_bad(everything),
        skipped=sum(everything[v] for v in _OUTSIDE),
        all_row=_share(everything),
        core_row=_share(_sum(e for e in entries if e["atens"] and set(e["atens"]) <= core)),
        touching_row=_share(_sum(e for _, _, e in touching)),
        real_row=_share(_sum(e for op, d, e in touching if d != "complex64" and not op.startswith(_FFT))),
        by_sample=len(kept),
        entries=len(entries),
        own_core_row=_share(_sum(e["core"] for e in kept)),
        own_touching_row=_share(_sum(e["touching"] for e in kept)),
        form_rows="".join(
            f"| of the form `{f}` | {_share(_sum(e['forms'].get(f, {}) for e in kept))} |\n"
            for f in sorted({f for e in kept for f in e["forms"]})
        ),
    )
    rows = "".join(_core_row(op, entries) for op in results.core)
    return head + _CORE + rows + _ALL + "".join(_row(op, d) for op, d in sorted(results.operators.items()))


def _sum(counts: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Of entries, or of counts in them."""
    total: Counter[str] = Counter()
    for c in counts:
        total.update({v: c[v] for v in (*_JUDGED, *_OUTSIDE) if v in c})
    return total


def _bad(counts: Counter[str]) -> int:
    return counts["wrong"] + counts["crash"]


def _judged(counts: Counter[str]) -> int:
    return counts["right"] + counts["refused"] + _bad(counts)


def _columns(counts: Counter[str]) -> str:
    return f"{counts['right']} | {counts['refused']} | {_bad(counts)}"


def _share(counts: Counter[str]) -> str:
    return f"{_columns(counts)} | {100 * counts['right'] / max(_judged(counts), 1):.1f}%"


def _core_row(op: str, entries: list[_Entry]) -> str:
    """Of the entries in whose exported graphs the operator is."""
    counts = _sum(e for e in entries if op in e["atens"])
    if op in KNOWN:
        how = "native"
    elif counts["right"]:
        how = "decomposed"
    else:
        how = "refused" if counts["refused"] else "no sample"
    return f"| `{op}` | {how} | {_columns(counts)} |\n"


def _row(op: str, by_dtype: dict[str, _Entry]) -> str:
    entries = list(by_dtype.values())
    counts = {d: _sum((e,)) for d, e in by_dtype.items()}
    good = [d for d, c in counts.items() if c["right"] and not _bad(c)]
    how = sorted({h for e in entries for h in e["how"]})
    reasons = [r for e in entries for r in e.get("why", ())]
    first = reasons[0].replace("|", "\\|").replace("\n", " ")[:160] if reasons else ""
    return f"| `{op}` | {' '.join(good)} | {' '.join(how)} | {_columns(_sum(counts.values()))} | {first} |\n"


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page(read(Path(sys.argv[1]))))
