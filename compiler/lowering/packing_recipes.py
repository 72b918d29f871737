"""How the packed layouts of `kernels/cpp/packing.py` are made, as recipes: padding and other orders of the same elements.

Enters: the recipe of the array that a packer gets. Leaves: the recipe of the packed elements, float32 or (names that
end in "_bf16") bfloat16; `Fixed` for a packing that is not
known here. A test compares them with the packers, bit for bit.

Before/after (a matrix [K, N] of 3 rows and 10 columns, "panel16"):
    w  ->  view(pad(w, 1, 16), [1, 3, 16], [16, 16, 1], 0)
"""

from __future__ import annotations

from collections.abc import Callable

from compiler.ir import dtypes
from compiler.ir.recipe import (
    Binary,
    Cast,
    Cat,
    Fixed,
    Pad,
    Recipe,
    Scalar,
    contiguous_strides,
    reshape,
    sources,
    view,
)  # fmt: skip

_PANEL = 16  # docs/adr/0003-panel16.md


def packed(recipe: Recipe | Fixed, packing: str, dtype: dtypes.DType) -> Recipe | Fixed:
    """`recipe` (elements of `dtype`) packed; `packing` as in `loop.Constant`."""
    if isinstance(recipe, Fixed):
        return recipe
    kind, _, argument = packing.partition(":")
    layout = kind.removesuffix("_bf16")
    make = _PACKINGS.get(layout)
    if make is None:
        return Fixed(f"the packing {packing!r}", tuple(sources(recipe)))
    stored = dtypes.float32 if layout == kind else dtypes.bfloat16
    made = make(recipe if dtype is stored else Cast(recipe, stored), argument)
    return made if layout in (kind, "depthwise") else _pairs(made)


def _pairs(recipe: Recipe) -> Recipe:
    """Panels [.., K, 16] -> [.., K / 2, 16, 2]: the k's 2i and 2i + 1 of a column side by side."""
    *outer, k, panel = recipe.shape
    strides = contiguous_strides(recipe.shape)
    return view(recipe, [*outer, k // 2, panel, 2], [*strides[:-2], 2 * panel, 1, panel])


def _panels(recipe: Recipe, argument: str = "") -> Recipe:
    """[K, N] -> [ceil(N / 16), K, 16]."""
    k, n = recipe.shape
    count = -(-n // _PANEL)
    padded = _padded(recipe, 1, count * _PANEL)
    return view(padded, [count, k, _PANEL], [_PANEL, count * _PANEL, 1])


def _conv_panels(recipe: Recipe, argument: str) -> Recipe:
    """[OC, ICg, KH, KW] -> [groups, ceil(OCg / 16), KH, KW, ICg, 16]."""
    groups = int(argument)
    oc, icg, kh, kw = recipe.shape
    per_group = oc // groups
    count = -(-per_group // _PANEL)
    padded = _padded(reshape(recipe, [groups, per_group, icg, kh, kw]), 1, count * _PANEL)
    g, o, i, h, w = contiguous_strides(padded.shape)
    return view(padded, [groups, count, kh, kw, icg, _PANEL], [g, _PANEL * o, h, w, i, o])


def _depthwise(recipe: Recipe, argument: str) -> Recipe:
    """[C, 1, KH, KW] -> [KH, KW, C]."""
    c, _, kh, kw = recipe.shape
    return view(recipe, [kh, kw, c], [kw, 1, kh * kw])


def _winograd_panels(recipe: Recipe, argument: str) -> Recipe:
    """[OC, C, 3, 3] -> [16, ceil(OC / 16), C, 16]: the 4x4 points of G w G^T, each as panels of a matrix [C, OC]."""
    oc, c = recipe.shape[:2]
    points = []
    for row in _weighted(lambda h: view(recipe, [oc, c, 3], [9 * c, 9, 1], 3 * h)):
        for point in _weighted(lambda w, row=row: view(row, [c, oc], [3, 3 * c], w)):  # type: ignore[misc]
            panels = _panels(Cast(point, dtypes.float32))
            points.append(reshape(panels, [1, *panels.shape]))
    return Cat(0, tuple(points))


def _weighted(slice_of: Callable[[int], Recipe]) -> list[Recipe]:
    """The four rows of G applied to three slices: w0, (w0 + w1 + w2) / 2, (w0 - w1 + w2) / 2, w2."""
    w0, w1, w2 = (slice_of(n) for n in range(3))
    outer = Binary("add", w0, w2)
    half = Scalar(0.5)
    return [
        w0,
        Binary("mul", Binary("add", outer, w1), half),
        Binary("mul", Binary("sub", outer, w1), half),
        w2,
    ]


def _padded(recipe: Recipe, dim: int, size: int) -> Recipe:
    return recipe if recipe.shape[dim] == size else Pad(recipe, dim, size)


_PACKINGS: dict[str, Callable[[Recipe, str], Recipe]] = {
    "panel16": _panels,
    "conv_panel16": _conv_panels,
    "depthwise": _depthwise,
    "winograd_panel16": _winograd_panels,
}
