"""Index expressions as Triton: integer arithmetic on scalars and blocks.

Triton divides integers towards zero, as C does; sizes and positions are not negative, so that is Python's division there. Where
an operand may be negative, a helper of `kernels/triton/scalar_math.py` rounds as Python does.
"""

from __future__ import annotations

from compiler.ir.expr import Expr

HELPERS = ("floor_div", "floor_mod")


def index_text(e: Expr) -> str:
    """Triton source of the expression over variables of the same names."""
    if e.kind in ("const", "sym"):
        return str(e.args[0])
    if e.kind == "prod":
        return " * ".join(_factor(f) for f in e.args)  # type: ignore[arg-type]
    if e.kind != "sum":
        return _nested(e)
    terms = sorted(e.terms(), key=lambda p: (-abs(p[1]), str(p[0])))
    parts = [("-" if c < 0 else "+", _term(t, abs(c))) for t, c in terms]
    if e.constant():
        parts.append(("-" if e.constant() < 0 else "+", str(abs(e.constant()))))
    parts.sort(key=lambda p: p[0] == "-")
    first_sign, first = parts[0]
    return ("-" if first_sign == "-" else "") + first + "".join(f" {s} {t}" for s, t in parts[1:])


def _term(term: Expr, coeff: int) -> str:
    text = index_text(term) if term.kind == "prod" else _factor(term)
    return text if coeff == 1 else f"{coeff} * {text}"


def _factor(e: Expr) -> str:
    """The text as an operand of a product, a division or a remainder."""
    text = index_text(e)
    return f"({text})" if e.kind in ("sum", "prod", "floordiv", "mod") and not _is_call(text) else text


def _is_call(text: str) -> bool:
    return text.startswith(("tl.", *HELPERS))


def _nested(e: Expr) -> str:
    a, b = e.args
    assert isinstance(a, Expr) and isinstance(b, Expr)
    if e.kind in ("min", "max"):
        return f"tl.{e.kind}imum({index_text(a)}, {index_text(b)})"
    if a.lo is not None and a.lo >= 0 and b.lo is not None and b.lo > 0:
        return f"{_factor(a)} {'//' if e.kind == 'floordiv' else '%'} {_factor(b)}"
    return f"{'floor_div' if e.kind == 'floordiv' else 'floor_mod'}({index_text(a)}, {index_text(b)})"
