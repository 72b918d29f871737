"""The sweep's result file: what docs/ops.md is generated from.

    {"torch": "2.13.0", "core": ["aten.abs.default", ...], "full": ["clamp", ...], "operators": {"clamp": {"float32": {"how": ["native"],
     "atens": ["aten.clamp.default"], "right": 18, "refused": 1, "why": ["..."]}}}}

`full` names the operators whose last sweep took all samples, not a few (--quick).

Invariants: sorted, one operator a line; only what a sweep saw; operators that a sweep left out keep their entries.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.ops.screen import Screened

Operators = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Results:
    """The file. `torch` is the release whose samples were taken."""

    torch: str
    core: list[str]
    full: list[str]
    operators: Operators


# Reasons that are kept of one operator and dtype.
_MOST_REASONS = 4


def update(path: Path, done: Sequence[Screened], full: bool) -> None:
    """Writes the swept operators into the file; `full`: with all their samples."""
    import torch

    before = read(path) if path.is_file() else Results("", [], [], {})
    swept = summary(done)
    names = (set(before.full) | swept.keys()) if full else (set(before.full) - swept.keys())
    release = torch.__version__.partition("+")[0]
    path.write_text(text(Results(release, core_operators(), sorted(names), before.operators | swept)))


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


def summary(done: Sequence[Screened]) -> Operators:
    """Counts by operator and dtype."""
    grouped: dict[str, dict[str, list[Screened]]] = {}
    for s in done:
        grouped.setdefault(s.sample.op, {}).setdefault(s.sample.dtype, []).append(s)
    return {op: {d: _entry(group) for d, group in by_dtype.items()} for op, by_dtype in grouped.items()}


def _entry(group: Sequence[Screened]) -> dict[str, Any]:
    entry: dict[str, Any] = dict(Counter(s.verdict for s in group))
    entry["how"] = sorted({s.how for s in group if s.how})
    entry["atens"] = sorted({a for s in group for a in s.atens})
    reasons = dict.fromkeys(f"{s.verdict}: {s.why}" for s in group if s.why)
    if reasons:
        entry["why"] = list(reasons)[:_MOST_REASONS]
    return entry
