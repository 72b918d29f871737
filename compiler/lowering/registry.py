"""Which function lowers which ATen operator.

A lowering is `f(b: Builder, *args, **kwargs)` with the operator's arguments: tensors as `Value`s, the rest as
in the graph. It returns a `Value`, or a tuple of them for an operator with several results. Each family
registers its own on import.

    @lowers("aten.flip.default")
    def flip(b, x, dims): ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

Lowering = Callable[..., Any]
AnyLowering = TypeVar("AnyLowering", bound=Lowering)


class Unsupported(Exception):
    """Raised by a lowering for arguments that it does not take; `remedy` says what to do. Collected and reported with all others."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


# Pointwise families keep a value lazy whatever it costs when all its users meet again in one later value (see realization.py).
POINTWISE: set[str] = set()
VIEWS: set[str] = set()
_LOWERINGS: dict[str, Lowering] = {}


def lowers(*ops: str, family: set[str] | None = None) -> Callable[[AnyLowering], AnyLowering]:
    """Registers the decorated function for these operators (`aten.add.Tensor`)."""

    def register(function: AnyLowering) -> AnyLowering:
        for op in ops:
            if op in _LOWERINGS:
                raise ValueError(f"{op} has two lowerings: {_LOWERINGS[op].__name__} and {function.__name__}")
            _LOWERINGS[op] = function
            if family is not None:
                family.add(op)
        return function

    return register


def find(op: str) -> Lowering | None:
    return _LOWERINGS.get(op)


def registered() -> frozenset[str]:
    """All operators with a lowering."""
    return frozenset(_LOWERINGS)
