"""Index expressions as C++: int64_t arithmetic that rounds as Python does."""

from __future__ import annotations

from compiler.ir.expr import Expr


def index_text(e: Expr) -> str:
    """C++ of the expression; division and remainder of values known to be non-negative are C's own."""
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
    """The text as an operand of `*`, `/` or `%`."""
    text = index_text(e)
    return (
        f"({text})"
        if e.kind in ("sum", "prod") or (e.kind in ("floordiv", "mod") and not text.startswith("floor_"))
        else text
    )


def _nested(e: Expr) -> str:
    a, b = e.args
    assert isinstance(a, Expr) and isinstance(b, Expr)
    if e.kind in ("min", "max"):
        return f"{e.kind}_index({index_text(a)}, {index_text(b)})"
    # A size may be 0. What is divided by it is then used by nobody, but a division by zero ends the process.
    divisor = _factor(b) if b.lo is None or b.lo != 0 else f"max_index({index_text(b)}, 1)"
    if a.lo is None or a.lo < 0 or b.lo is None or b.lo < 0:
        return f"floor_{'div' if e.kind == 'floordiv' else 'mod'}({index_text(a)}, {divisor})"
    return f"{_factor(a)} {'/' if e.kind == 'floordiv' else '%'} {divisor}"
