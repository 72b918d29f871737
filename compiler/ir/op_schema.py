"""Schemas of operators, read from their text: what kind of value each argument and each result is.

Enters: a schema as torch prints it. Leaves: an `OpSchema`. Needs no torch, so that every stage can ask it.

    parse("mylib::mix.fast(Tensor[] xs, Tensor? bias, *, float scale=1.0) -> (Tensor, Tensor[] rest)")
      name "mylib::mix", overload "fast"
      arguments  xs: list of Tensor;  bias: optional of Tensor;  scale: float
      results    Tensor;  list of Tensor
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEAD = re.compile(r"([\w:]+)(?:\.(\w+))?\(")
_TYPE = re.compile(
    r"([A-Za-z_][\w.]*)(?:\([^()]*\))?((?:\[\d*\]|\?)*)(?:\([^()]*\))?(\??)(?:\s+(\w+))?(?:\s*=.*)?$"
)
_SUFFIX = re.compile(r"\[(\d*)\]|\?")


@dataclass(frozen=True)
class OpType:
    """`kind`: a type's name ("Tensor", "SymInt", "float", "str", "ScalarType", ...), or "list" or "optional" of `of`. `length`: of a list
    that has one by its type (`int[2]`), else 0."""

    kind: str
    of: OpType | None = None
    length: int = 0

    @property
    def item(self) -> OpType:
        """What a list or optional holds."""
        assert self.of is not None
        return self.of

    @property
    def leaf(self) -> str:
        """The kind under all lists and optionals."""
        return self.kind if self.of is None else self.of.leaf

    def __str__(self) -> str:
        if self.kind == "list":
            return f"{self.item}[{self.length or ''}]"
        return f"{self.item}?" if self.kind == "optional" else self.kind


@dataclass(frozen=True)
class OpSchema:
    """`arguments`: name and type, in order."""

    name: str
    overload: str
    arguments: tuple[tuple[str, OpType], ...]
    results: tuple[OpType, ...]

    def result_lengths(self, outputs: int) -> tuple[int, ...]:
        """For each result -1 where it is one tensor, else how many of `outputs` tensors are its list. Raises ValueError where that does
        not follow: for two lists, or another number of outputs."""
        lists = [r.kind == "list" for r in self.results]
        single = len(lists) - sum(lists)
        if sum(lists) > 1 or outputs < single or (not any(lists) and outputs != single):
            raise ValueError(f"{self.name}: {outputs} outputs for ({', '.join(map(str, self.results))})")
        return tuple(outputs - single if is_list else -1 for is_list in lists)


@functools.cache
def parse(text: str) -> OpSchema:
    """The schema of this text. Raises ValueError where it is none."""
    head = _HEAD.match(text)
    if head is None:
        raise ValueError(f"{text!r} is no schema of an operator")
    inside, rest = _parenthesised(text, head.end() - 1)
    arrow = rest.strip()
    if not arrow.startswith("->"):
        raise ValueError(f"the schema {text!r} has no results")
    results = arrow.removeprefix("->").strip()
    if results.startswith("("):
        results = _parenthesised(results, 0)[0]
    arguments = [_named(part) for part in _split(inside) if part != "*"]
    named = tuple((name, kind) for name, kind in arguments)
    return OpSchema(head[1], head[2] or "", named, tuple(_named(part)[1] for part in _split(results)))


def _named(text: str) -> tuple[str, OpType]:
    """Name and type of an argument or result ("" where it has no name)."""
    m = _TYPE.match(text)
    if m is None:
        raise ValueError(f"{text!r} is no type of a schema")
    found = OpType(m[1])
    for suffix in _SUFFIX.finditer(m[2] + m[3]):
        optional = suffix[0] == "?"
        found = OpType("optional", found) if optional else OpType("list", found, int(suffix[1] or 0))
    return m[4] or "", found


def _parenthesised(text: str, start: int) -> tuple[str, str]:
    """What stands in the parenthesis that opens at `start`, and what follows it."""
    for at, _, depth in _depths(text, start):
        if depth == 0:
            return text[start + 1 : at], text[at + 1 :]
    raise ValueError(f"the schema {text!r} has a parenthesis that does not close")


def _split(text: str) -> list[str]:
    """Parts between commas that are in no bracket and no string."""
    commas = [at for at, c, depth in _depths(text, 0) if c == "," and depth == 0]
    bounds = zip([-1, *commas], [*commas, len(text)], strict=True)
    return [part for part in (text[a + 1 : b].strip() for a, b in bounds) if part]


def _depths(text: str, start: int) -> Iterator[tuple[int, str, int]]:
    """Position, character and depth in brackets after it, of all characters from `start` on that are in no string."""
    depth, quote, escaped = 0, "", False
    for at in range(start, len(text)):
        c = text[at]
        if quote:
            if c == quote and not escaped:
                quote = ""
            escaped = c == "\\" and not escaped
            continue
        if c in "\"'":
            quote = c
            continue
        depth += (c in "([") - (c in ")]")
        yield at, c, depth
