"""What must hold of a run's sizes: conditions that export relied on, each a comparison of two integer expressions over size symbols.

Enters: comparisons made by the frontend. Leaves: guards that print, parse, and say whether they hold always, never, or by the sizes.

    Guard("eq", s0 % 2, 0, "models/x.py:12 in forward")     text: s0 % 2 == 0
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from compiler.ir.expr import Expr, IntLike
from compiler.ir.expr_parse import parse_expr

SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<="}
_NEGATED = {"eq": "ne", "ne": "eq"}


@dataclass(frozen=True)
class Guard:
    """`left op right`. `origin` is the source line that made it so, "" where unknown."""

    op: str  # "eq", "ne", "lt", "le"
    left: Expr
    right: Expr
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.left} {SIGNS[self.op]} {self.right}"

    def symbols(self) -> tuple[Expr, ...]:
        return tuple(dict.fromkeys((*self.left.symbols(), *self.right.symbols())))

    def subst(self, mapping: Mapping[Expr, IntLike]) -> Guard:
        return replace(self, left=self.left.subst(mapping), right=self.right.subst(mapping))

    def known(self) -> bool | None:
        """True or False where it is so for all values in the symbols' ranges, None where it depends on them."""
        gap = self.right - self.left
        if self.op in _NEGATED:
            apart = (gap.lo is not None and gap.lo > 0) or (gap.hi is not None and gap.hi < 0)
            same = True if gap == 0 else (False if apart else None)
            return same if self.op == "eq" or same is None else not same
        least = 1 if self.op == "lt" else 0
        if gap.lo is not None and gap.lo >= least:
            return True
        return False if gap.hi is not None and gap.hi < least else None

    def negated(self) -> Guard:
        if self.op in _NEGATED:
            return replace(self, op=_NEGATED[self.op])
        return Guard("le" if self.op == "lt" else "lt", self.right, self.left, self.origin)


def parse_guard(text: str, symbols: Mapping[str, Expr], origin: str = "") -> Guard:
    """The inverse of `str`. Raises ValueError."""
    found = re.fullmatch(r"(.+?) (==|!=|<=|<) (.+)", text.strip())
    if found is None:
        raise ValueError(f"cannot read guard {text!r}")
    op = next(name for name, sign in SIGNS.items() if sign == found[2])
    return Guard(op, parse_expr(found[1], symbols), parse_expr(found[3], symbols), origin)
