"""The result of a bench run as a Markdown document, and how both forms of it get onto the disk.

Enters: the result (plain data that tools/bench/session.py builds and explains). Leaves: OUT.json, OUT.md.

    | run, from Python | 1 thread, ms | spread      | best run | / floor     | / AOTInductor, freezing | ...
    | ours             | 34.2         | 33.9 - 35.0 | 33.1     | 1.11 (1.08) | 0.96 (0.97)             | ...

Invariants: a contender without a number has a line in the table with a dash and a reason below it; files
appear whole or not at all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.bench import registry

DASH = "–"


def write(result: dict[str, Any], out: Path) -> None:
    """OUT.json and OUT.md, each by a temporary name and a rename."""
    out.parent.mkdir(parents=True, exist_ok=True)
    for suffix, text in ((".json", json.dumps(result, indent=1) + "\n"), (".md", markdown(result))):
        target = out.with_name(out.name + suffix)
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        temporary.write_text(text)
        temporary.replace(target)


def markdown(result: dict[str, Any]) -> str:
    """The whole document."""
    machine, options = result["machine"], result["options"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    where = (
        f"{machine['date']}, {machine['cpu']}, {machine['cpus']} CPUs, {machine['memory_gib']} GiB, "
        f"Linux {machine['kernel']}, load average {machine['load_average']:.1f} at the start. {versions}."
    )
    how = (
        f"Command: `{machine['command']}`. Float32; {options['rounds']} rounds of at least "
        f"{options['min_time_s']} s for each contender in turn; "
        "medians of the rounds' medians, spread = best and worst round's median; ratios of medians, of best "
        "runs in parentheses."
    )
    lines = ["# Bench", "", where, "", how, ""]
    if not result["complete"]:
        lines += ["**Not complete**: the run was still going on or was stopped.", ""]
    for model in result["models"].values():
        lines += [f"## {model['title']}", "", _cost_line(model), ""]
        lines += [*_speed_table(model, options), "", *_facts_table(model, options), ""]
    lines += _failures(result["failures"])
    return "\n".join(lines).rstrip() + "\n"


def _cost_line(model: dict[str, Any]) -> str:
    cost = model["cost"]
    text = f"{cost['operations'] / 1e9:.3g} GFLOP and {cost['bytes'] / 1e6:.3g} MB a run."
    for threads, part in model["threads"].items():
        rates, floor = part["floor_rates"], part["floor"]
        narrow = cost["dtype"] == "bfloat16" and rates["bfloat16_gflops"] > rates["fma_gflops"]
        rate = rates["bfloat16_gflops"] if narrow else rates["fma_gflops"]
        text += (
            f" {_threads(threads)}: {rate:.0f} GFLOP/s of {'bfloat16' if narrow else rates['isa']} multiply-adds and "
            f"{rates['read_gbps']:.0f} GB/s of reads, so at least {floor['operations_ms']:.3g} ms and "
            f"{floor['bytes_ms']:.2g} ms: floor {floor['floor_ms']:.3g} ms."
        )
    return text


def _speed_table(model: dict[str, Any], options: dict[str, Any]) -> list[str]:
    reference = options["reference"]
    header = ["run, from Python"]
    for threads in model["threads"]:
        header += [f"{_threads(threads)}, ms", "spread", "best run", "/ floor", f"/ {_title(reference)}"]
    rows = [header]
    for name in options["contenders"]:
        row = [_title(name)]
        for part in model["threads"].values():
            row += _speed_cells(part, name, reference)
        rows.append(row)
    return _table(rows)


def _speed_cells(part: dict[str, Any], name: str, reference: str) -> list[str]:
    timing = part["contenders"].get(name, {}).get("timing")
    if timing is None:
        return [DASH] * 5
    against = part["contenders"].get(reference, {}).get("timing")
    floor_ms = part["floor"]["floor_ms"]
    return [
        _ms(timing["median_ms"]),
        f"{_ms(timing['best_round_ms'])} - {_ms(timing['worst_round_ms'])}",
        _ms(timing["best_run_ms"]),
        _ratios(timing, floor_ms, floor_ms),
        _ratios(timing, against["median_ms"], against["best_run_ms"]) if against else DASH,
    ]


def _ratios(timing: dict[str, float], median_ms: float, best_ms: float) -> str:
    """Of the medians and, in parentheses, of the best runs, which a busy machine disturbs less."""
    return f"{timing['median_ms'] / median_ms:.2f} ({timing['best_run_ms'] / best_ms:.2f})"


def _facts_table(model: dict[str, Any], options: dict[str, Any]) -> list[str]:
    header = [
        "",
        "compile, s",
        "of it inside",
        "model, MB",
        "to deploy, MB",
        "max distance",
        "/ eager's",
        "peak MB, Python",
    ]
    header += ["cold start, ms", "run from C++, ms", "peak MB, no Python"]
    rows = [header]
    for name in options["contenders"]:
        part = next((p for p in model["threads"].values() if name in p["contenders"]), None)
        facts = part["contenders"][name] if part is not None else {}
        rows.append([_title(name), *_fact_cells(facts, model["eager_distance"])])
    first = next(iter(model["threads"]), "1")
    return [f"With {_threads(first)} (all but the sizes):", "", *_table(rows)]


def _fact_cells(facts: dict[str, Any], eager_distance: float) -> list[str]:
    build, alone = facts.get("build", {}), facts.get("cold_start", {})
    distance = facts.get("distance")
    return [
        _number(build.get("command_s"), ".1f"),
        _number(build.get("compile_s"), ".1f"),
        _megabytes(build.get("model_bytes")),
        _megabytes(build.get("deploy_bytes")),
        _number(distance, ".2e"),
        _number(distance / eager_distance, ".2f") if distance is not None and eager_distance > 0 else DASH,
        _megabytes(facts.get("peak_rss_bytes")),
        _number(alone.get("cold_start_ms"), ".1f"),
        _ms(alone["run_ms"]) if alone else DASH,
        _megabytes(alone.get("peak_rss_bytes")),
    ]


def _failures(failures: Sequence[dict[str, Any]]) -> list[str]:
    """One line for each reason, with all the places where it came up."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for failure in failures:
        key = (failure["contender"], failure["step"], failure["reason"])
        places.setdefault(key, []).append(f"{failure['model']} with {_threads(failure['threads'])}")
    lines = [
        f"- {_title(contender)}, {step} ({', '.join(where)}): {reason}"
        for (contender, step, reason), where in places.items()
    ]
    return ["## Not measured", "", *lines] if lines else []


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" * len(rows[0]) + "|")
    return lines


def _title(name: str) -> str:
    try:
        return registry.create(name).title
    except registry.UnknownContender:
        return name  # the reference may be a contender that is not in this run


def _threads(threads: str | int) -> str:
    return "1 thread" if int(threads) == 1 else f"{threads} threads"


def _number(value: float | None, form: str) -> str:
    return DASH if value is None else format(value, form)


def _megabytes(value: float | None) -> str:
    return DASH if value is None else f"{value / 1e6:.3g}" if value < 100e6 else f"{value / 1e6:.0f}"


def _ms(value: float) -> str:
    return f"{value:.4f}" if value < 1 else f"{value:.2f}" if value < 100 else f"{value:.0f}"
