"""The sweep's result file: what docs/ops.md is generated from.

    {"torch": "2.13.0", "core": ["aten.abs.default", ...], "full": ["clamp", ...], "operators": {"clamp": {"float32": {"how": ["native"],
     "atens": ["aten.clamp.default"], "right": 18, "refused": 1, "why": ["..."], "forms": {"plain": {"right": 12}, "out": {"refused": 1}},
     "core": {"right": 12, "refused": 1}, "touching": {"right": 12, "refused": 1}}}}}

Every count is of samples. `core` counts those all of whose own operators are core ATen, `touching` those that have at least one that is;
entries of sweeps before 2026-11-25 17:00 lack these and `forms`, and `atens` is all that is known of theirs. `full` names the operators
whose last sweep took all samples, not a few (--quick).

Invariants: sorted, one operator a line; only what a sweep saw; operators that a sweep left out keep their entries.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Operators = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Row:
    """One sample, judged; `verdict` and `how` as in screen.py and batch.py."""

    op: str
    dtype: str
    form: str
    key: str
    verdict: str
    why: str
    how: str
    atens: tuple[str, ...]


@dataclass(frozen=True)
class Results:
    """The file. `torch` is the release whose samples were taken."""

    torch: str
    core: list[str]
    full: list[str]
    operators: Operators


# Reasons that are kept of one operator and dtype.
_MOST_REASONS = 4


def update(path: Path, done: Sequence[Row], full: bool) -> None:
    """Writes the swept operators into the file; `full`: with all their samples."""
    import torch

    before = read(path) if path.is_file() else Results("", [], [], {})
    core = core_operators()
    new = summary(done, core)
    names = (set(before.full) | new.keys()) if full else (set(before.full) - new.keys())
    release = torch.__version__.partition("+")[0]
    path.write_text(text(Results(release, core, sorted(names), before.operators | new)))


def by_sample(path: Path, full: bool) -> set[str]:
    """The operators that the file has, counted by each sample's own operators; `full`: with all their samples."""
    if not path.is_file():
        return set()
    found = read(path)
    kept = {op for op, by_dtype in found.operators.items() if all("forms" in e for e in by_dtype.values())}
    return kept & set(found.full) if full else kept


def core_operators() -> list[str]:
    """The overloads that this torch counts as core ATen."""
    import torch

    packets = (getattr(torch.ops.aten, name) for name in dir(torch.ops.aten))
    overloads = (getattr(p, o) for p in packets if hasattr(p, "overloads") for o in p.overloads())
    return sorted(str(o) for o in overloads if torch.Tag.core in o.tags)


def read(path: Path) -> Results:
    return Results(**json.loads(path.read_text()))


def text(results: Results) -> str:
    operators = results.operators
    rows = ",\n".join(
        f"{json.dumps(n)}: {json.dumps(operators[n], sort_keys=True)}" for n in sorted(operators)
    )
    head = ",\n".join(f'"{n}": {json.dumps(getattr(results, n))}' for n in ("torch", "core", "full"))
    return f'{{{head},\n"operators": {{\n{rows}\n}}}}\n'


def summary(done: Sequence[Row], core: Sequence[str]) -> Operators:
    """Counts by operator and dtype."""
    grouped: dict[str, dict[str, list[Row]]] = {}
    for s in done:
        grouped.setdefault(s.op, {}).setdefault(s.dtype, []).append(s)
    return {
        op: {d: _entry(group, frozenset(core)) for d, group in by_dtype.items()}
        for op, by_dtype in grouped.items()
    }


def _entry(group: Sequence[Row], core: frozenset[str]) -> dict[str, Any]:
    entry: dict[str, Any] = _counts(group)
    entry["how"] = sorted({s.how for s in group if s.how})
    entry["atens"] = sorted({a for s in group for a in s.atens})
    entry["forms"] = {
        f: _counts(s for s in group if s.form == f) for f in dict.fromkeys(s.form for s in group)
    }
    entry["core"] = _counts(s for s in group if s.atens and core.issuperset(s.atens))
    entry["touching"] = _counts(s for s in group if not core.isdisjoint(s.atens))
    reasons = dict.fromkeys(f"{s.verdict}: {s.why}" for s in group if s.why)
    if reasons:
        entry["why"] = list(reasons)[:_MOST_REASONS]
    return entry


def _counts(group: Iterable[Row]) -> dict[str, int]:
    return dict(Counter(s.verdict for s in group))
