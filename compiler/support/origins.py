"""Where a thing came from: carried from the FX graph to kernels' comments, error messages and the profile."""

from __future__ import annotations

from dataclasses import dataclass

MAX_LINES = 12


@dataclass(frozen=True, order=True)
class Origin:
    """One FX node; that of one in the body of a branch or loop is named `BODY.NODE`.

    `location` is `file:line in function` of the model's source, empty where export lost it."""

    fx_node: str
    aten_op: str
    location: str = ""

    def __str__(self) -> str:
        return f"{self.aten_op} [{self.fx_node}]" + (f" at {self.location}" if self.location else "")


def merge(*groups: tuple[Origin, ...]) -> tuple[Origin, ...]:
    """The origins of a fused thing: each once, in order of first appearance."""
    return tuple(dict.fromkeys(o for g in groups for o in g))


def lines(origins: tuple[Origin, ...]) -> list[str]:
    """A line each of the first ones, and how many more there are."""
    more = len(origins) - MAX_LINES
    return [*map(str, origins[:MAX_LINES]), *([f"and {more} more"] if more > 0 else [])]
