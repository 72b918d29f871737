"""Which dims of a reshape belong together, and whether strides can express it.

[2, 12, 128, 32] -> [24, 128, 4, 8]:  groups (0, 1 | 0), (2 | 1), (3 | 2, 3)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.ir.expr import Expr, as_expr, mul_all, typical
from compiler.ir.loop import Layout


@dataclass(frozen=True)
class Group:
    """Dims before and after with the same number of elements, in order."""

    before: tuple[int, ...]
    after: tuple[int, ...]

    def splits_only(self, size: Sequence[Expr]) -> bool:
        """Whether at most one dim of more than one element is taken apart (nothing is merged)."""
        return sum(size[d] != 1 for d in self.before) <= 1


def groups_of(before: Sequence[Expr], after: Sequence[Expr]) -> list[Group]:
    """The finest grouping. Both sizes have the same, non-zero number of elements."""
    groups: list[Group] = []
    i = j = 0
    while i < len(before) or j < len(after):
        left, right = _take(before, i), _take(after, j)
        i_end, j_end = min(i + 1, len(before)), min(j + 1, len(after))
        while left is not right:
            if i_end >= len(before) and j_end >= len(after):
                break  # the same number for every size of a run, by export's word; our normal form does not show it
            if j_end >= len(after) or (i_end < len(before) and _is_behind(left, right)):
                left, i_end = left * before[i_end], i_end + 1
            else:
                right, j_end = right * after[j_end], j_end + 1
        groups.append(Group(tuple(range(i, i_end)), tuple(range(j, j_end))))
        i, j = i_end, j_end
    return groups


def _is_behind(left: Expr, right: Expr) -> bool:
    """Whether `left` takes the next factor: it divides `right`, or is smaller."""
    if left.is_const and right.is_const:
        return left.value() < right.value()
    if right % left == 0 or left % right == 0:
        return right % left == 0
    return typical(left) < typical(right)


def _take(size: Sequence[Expr], position: int) -> Expr:
    return size[position] if position < len(size) else as_expr(1)


def reshaped_layout(layout: Layout, groups: Sequence[Group], size: Sequence[Expr]) -> Layout | None:
    """The layout of the same memory under `size`, None where the merged dims do not lie one after the other."""
    strides: list[Expr] = []
    for g in groups:
        dims = [d for d in g.before if layout.size[d] != 1]
        for outer, inner in zip(dims, dims[1:], strict=False):
            if layout.stride[outer] is not layout.stride[inner] * layout.size[inner]:
                return None
        step = layout.stride[dims[-1]] if dims else as_expr(1)
        strides += [step * mul_all(size[d] for d in g.after if d > own) for own in g.after]
    return Layout(layout.dtype, tuple(size), tuple(strides), layout.offset, layout.device)
