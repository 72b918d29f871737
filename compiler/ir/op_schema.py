"""Schemas of operators, read from their text: what kind of value each argument and each result is.

Enters: a schema as torch prints it. Leaves: an `OpSchema`. Needs no torch, so that every stage can ask it.

    parse("mylib::mix.fast(Tensor[] xs, Tensor? bias, *, float scale=1.0) -> (Tensor, Tensor[] rest)")
      name "mylib::mix", overload "fast"
      arguments  xs: list of Tensor;  bias: optional of Tensor;  scale: float
      results    Tensor;  list of Tensor

    parse("mylib::add_(Tensor(a!) x, Tensor y) -> Tensor(a!)")
      written    x
      aliased    result 0: it is the argument x itself, and no tensor of its own
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
_WRITTEN = re.compile(r"(?:Tensor|\])\([^()]*![^()]*\)")
# What `result_lengths` says of a result that is one of the written arguments.
ALIAS = -2


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
    """`arguments`: name and type, in order. `written`: the names of those that the operator writes to. `aliased`: the positions of the
    results that are such an argument."""

    name: str
    overload: str
    arguments: tuple[tuple[str, OpType], ...]
    results: tuple[OpType, ...]
    written: frozenset[str] = frozenset()
    aliased: frozenset[int] = frozenset()

    def result_lengths(self, outputs: int) -> tuple[int, ...]:
        """For each result -1 where it is one tensor, ALIAS where it is a written argument, else how many of `outputs` tensors are its list.
        Raises ValueError where that does not follow: for two lists, or another number of outputs."""
        lists = [k for k, r in enumerate(self.results) if r.kind == "list"]
        single = len(self.results) - len(lists) - len(self.aliased)
        if len(lists) > 1 or outputs < single or (not lists and outputs != single):
            raise ValueError(f"{self.name}: {outputs} outputs for ({', '.join(map(str, self.results))})")
        return tuple(
            ALIAS if k in self.aliased else outputs - single if k in lists else -1
            for k in range(len(self.results))
        )


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
    written = frozenset(name for name, _, is_written in arguments if is_written)
    returned = [_named(part) for part in _split(results)]
    aliased = frozenset(k for k, (_, _, is_written) in enumerate(returned) if is_written)
    named = tuple((name, kind) for name, kind, _ in arguments)
    return OpSchema(head[1], head[2] or "", named, tuple(kind for _, kind, _ in returned), written, aliased)


def _named(text: str) -> tuple[str, OpType, bool]:
    """Name ("" where it has none) and type of an argument or result, and whether it is marked as written (`(a!)`)."""
    m = _TYPE.match(text)
    if m is None:
        raise ValueError(f"{text!r} is no type of a schema")
    found = OpType(m[1])
    for suffix in _SUFFIX.finditer(m[2] + m[3]):
        optional = suffix[0] == "?"
        found = OpType("optional", found) if optional else OpType("list", found, int(suffix[1] or 0))
    typed = text[: m.start(4)] if m[4] else text
    return m[4] or "", found, _WRITTEN.search(typed) is not None


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
