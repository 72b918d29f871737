"""The headers of vec_math hold the coefficients that the fits give; the quick fits are done again here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mpmath import mp, mpf  # type: ignore[import-untyped]

from kernels.cpp.fit import coefficients, remez

HEADERS = Path(__file__).parents[1] / "vec_math"
QUICK = ("kExp", "kCos", "kAsin", "kExp2")


def numbers_in_headers() -> set[float]:
    text = "".join(path.read_text() for path in sorted(HEADERS.glob("*.h")))
    return {float(n) for n in re.findall(r"-?\d+\.\d+(?:e[-+]?\d+)?", text)}


@pytest.mark.parametrize("name", QUICK)
def test_headers_hold_what_the_fit_gives(name: str) -> None:
    p = next(p for p in coefficients.POLYNOMIALS if p.name == name)
    result = remez.fit(p.function, p.weight, p.low, p.high, p.degree, p.bits)
    assert result.error < mpf(2) ** -25
    missing = [c for c in result.coefficients if float(f"{float(c):.9g}") not in numbers_in_headers()]
    assert not missing


def test_every_polynomial_is_named_in_a_header() -> None:
    text = "".join(path.read_text() for path in HEADERS.glob("*.h"))
    assert [p.name for p in coefficients.POLYNOMIALS if p.name not in text] == []


def test_a_fit_is_the_best_there_is() -> None:
    """The error of the best cubic for exp on [0, 1] is known: 5.4...e-4 (absolute, unrounded coefficients)."""
    result = remez.fit(mp.exp, lambda _: mpf(1), 0, 1, degree=3, bits=100)
    assert abs(float(result.error) - 5.4466e-4) < 1e-6
