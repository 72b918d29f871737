"""How export's guards name the inputs: `L['x']`, `L['d']['w']`, `L['args'][0]`.

Enters: the call spec of the program and the argument names of `forward`. Leaves: for each leaf of the inputs, in flattened order, the
names it goes by (several for one of `*args`, which export names both `args_0` and `args[0]`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch.utils._pytree as pytree


def paths(in_spec: Any, argument_names: Sequence[str]) -> list[list[str]]:
    """One list for each leaf."""
    tree = pytree.tree_unflatten(list(range(in_spec.num_leaves)), in_spec)
    leaves = [path for path, _ in pytree.tree_flatten_with_path(tree)[0]]
    return [_names(path, argument_names) for path in leaves]


def _names(path: tuple[Any, ...], argument_names: Sequence[str]) -> list[str]:
    """`path` begins with 0 (positional, then the position) or 1 (by keyword, then the name)."""
    place, key, *rest = path
    name = argument_names[key.idx] if place.idx == 0 and key.idx < len(argument_names) else str(_key(key))
    tail = "".join(_step(step) for step in rest)
    found = [f"L[{name!r}]{tail}"]
    variadic = re.fullmatch(r"(\w+)_(\d+)", name)
    if variadic:
        found.append(f"L[{variadic[1]!r}][{variadic[2]}]{tail}")
    return found


def _key(key: Any) -> object:
    return getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))


def _step(key: Any) -> str:
    return f".{key.name}" if hasattr(key, "name") else f"[{_key(key)!r}]"
