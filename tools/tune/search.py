"""Which configs are tried: first a varied few of the best by the cost model, then the neighbours of those that were fast.

Enters: candidates in the cost model's order; later, times. Leaves: what to try next. Nothing is tried twice.
"""

from __future__ import annotations

from collections.abc import Iterable

from kernels.tuning.configs import Config


def varied(candidates: list[Config], count: int) -> list[Config]:
    """`count` of them, taking turns among the different tiles, in the order of each tile's best candidate."""
    turns: dict[tuple[object, ...], list[Config]] = {}
    for config in candidates:
        turns.setdefault(_tile(config), []).append(config)
    chosen: list[Config] = []
    position = 0
    while len(chosen) < min(count, len(candidates)):
        for turn, group in enumerate(turns.values()):
            if position < len(group) and len(chosen) < count:
                chosen.append(group[(position + turn) % len(group)])
        position += 1
    return list(dict.fromkeys(chosen))


def _tile(config: Config) -> tuple[object, ...]:
    return (config.template, *(config.get(n) for n in ("BLOCK_M", "BLOCK_N", "SPLIT_K", "SPLITS", "TMA")))


def neighbours(
    candidates: Iterable[Config], times: dict[Config, float], best: int, count: int
) -> list[Config]:
    """Untried candidates that differ from one of the `best` fastest in as few numbers as possible, the fastest's first."""
    fastest = sorted(times, key=lambda config: times[config])[:best]
    if not fastest:
        return []

    def distance(config: Config) -> tuple[int, int]:
        return min((_differences(config, fast), rank) for rank, fast in enumerate(fastest))

    untried = [config for config in candidates if config not in times]
    return sorted(untried, key=distance)[:count]


def _differences(a: Config, b: Config) -> int:
    """A halving or doubling counts one."""
    names = {name for name, _ in (*a.constants, *b.constants)}
    steps = sum(_steps(a.get(name), b.get(name)) for name in names)
    return (
        steps
        + _steps(a.num_warps, b.num_warps)
        + abs(a.num_stages - b.num_stages)
        + (3 if a.template != b.template else 0)
    )


def _steps(a: int, b: int) -> int:
    return abs(a.bit_length() - b.bit_length()) + (1 if a != b and a.bit_length() == b.bit_length() else 0)
