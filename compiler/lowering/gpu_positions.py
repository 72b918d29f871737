"""Orders of rows on a GPU, as positions: what the templates of kernels/cpp/positions.h find on a CPU, made of loops over elements.

Enters: rows of keys [rows, n] in memory. Leaves: int64 positions inside of the rows, with the same answers as on a CPU: NaN is larger than
every number, equal elements keep their order.

    sort     blocks of 256 by counting what comes before each element, then runs are merged, two and two: an element of the result finds
             its source by a binary search along the diagonal that it ends (Green, Odeh and Birk, "Merge path", 2014)
    search   a binary search for each value
    selected the running count of what a mask holds, and a binary search for each position
    extreme  log2(n) passes: after pass p an element knows the extreme of the 2**p elements that end with it

Every search is written out, as many steps as the longest row can take: so the number of elements must have a bound.
"""

from __future__ import annotations

from collections.abc import Callable

from compiler.ir import dtypes
from compiler.ir.expr import Expr, as_expr, maximum
from compiler.ir.loop import Layout
from compiler.lowering.builder import Builder
from compiler.lowering.factories import full
from compiler.lowering.registry import Unsupported
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Cost, Index, Value

# Elements that are put in order by counting, each against all others: as many comparisons for each element.
_COUNTED = 256
# The most elements of a row whose order is sought where export has no bound.
_LARGEST = 1 << 40
_FOUND = "a position that a kernel found"
Step = Callable[[Tracer, Scalar], Scalar]


def search(b: Builder, rows: Value, values: Value, right: bool) -> Value:
    """How many elements of the ascending rows [R, n] are less than values [R, m] (with `right`: or equal to them); rows of one serve all
    values."""
    length = rows.size[1]

    def make(t: Tracer, index: Index) -> Scalar:
        row, value = index[0] if rows.size[0] != 1 else as_expr(0), values.at(t, index)

        def passed(t: Tracer, middle: Scalar) -> Scalar:
            element = rows.at(t, (row, _inside(t, middle, length)))
            return t.op("logical_not", t.op("gt" if right else "ge", element, value))

        return _bisect(t, t.index(0), t.index(length), _steps(length), passed)

    return b.realize(b.lazy(dtypes.int64, values.size, make, Cost.of([rows, values], 100, heavy=True)))


def selected(b: Builder, mask: Value, count: Expr) -> Value:
    """The positions [count] at which the mask [n] holds: element k is where the running count of what holds becomes k + 1."""
    counts = b.scan("sum", dtypes.int64, dtypes.int64, mask, 0)
    length = mask.size[0]

    def make(t: Tracer, index: Index) -> Scalar:
        def passed(t: Tracer, middle: Scalar) -> Scalar:
            return t.op("le", counts.at(t, (_inside(t, middle, length),)), t.index(index[0]))

        return _bisect(t, t.index(0), t.index(length), _steps(length), passed)

    return b.realize(b.lazy(dtypes.int64, (count,), make, Cost.of([counts], 100, heavy=True)))


def sort(b: Builder, keys: Value, descending: bool) -> Value:
    """The stable order of each row of keys [R, n]."""
    length = keys.size[1]
    _refuse_endless(b, length)
    order, run = _count(b, keys, descending), _COUNTED
    while run < _bound(length):
        order, run = _merge(b, keys, order, run, descending), 2 * run
    return order


def extremes(b: Builder, keys: Value, largest: bool) -> Value:
    """Where the extreme of each row's elements up to each one is: the last of equals, and the last NaN from the first one on."""
    rows, length = keys.size
    _refuse_endless(b, length)
    found = b.lazy(dtypes.int64, (rows, length), lambda t, index: t.index(index[1]), Cost(ops=1))
    reach = 1
    while reach < _bound(length):
        found, reach = _extended(b, keys, found, reach, largest), 2 * reach
    return b.realize(found)


def _extended(b: Builder, keys: Value, found: Value, reach: int, largest: bool) -> Value:
    """What was found for the `reach` elements that end with each one, for twice as many."""

    def make(t: Tracer, index: Index) -> Scalar:
        row, at = index
        own = found.at(t, index)
        has = t.op("ge", t.index(at), t.index(reach))
        other = t.masked(has, lambda: found.at(t, (row, at - reach)), 0)
        mine, theirs = (keys.at(t, (row, _inside(t, p, keys.size[1]))) for p in (own, other))
        # The earlier one only where it is strictly better: of equals the last one counts.
        better = _less(t, mine, theirs) if largest else _less_or_nan(t, theirs, mine)
        return t.op("where", t.op("logical_and", has, better), other, own)

    return b.realize(b.lazy(dtypes.int64, keys.size, make, Cost.of([keys, found], 12, heavy=True)))


def _less_or_nan(t: Tracer, a: Scalar, b: Scalar) -> Scalar:
    """a < b, or a is NaN and b is not: of extremes a NaN wins against every number, of the smallest too."""
    less = t.op("lt", a, b)
    if not a.dtype.is_float:
        return less
    only_a = t.op("logical_and", t.op("isnan", a), t.op("logical_not", t.op("isnan", b)))
    return t.op("logical_or", less, only_a)


def _less(t: Tracer, a: Scalar, b: Scalar) -> Scalar:
    """Whether a comes before b in ascending order, NaN being the largest."""
    less = t.op("lt", a, b)
    if not a.dtype.is_float:
        return less
    only_b = t.op("logical_and", t.op("isnan", b), t.op("logical_not", t.op("isnan", a)))
    return t.op("logical_or", less, only_b)


def _before(t: Tracer, a: Scalar, b: Scalar, descending: bool) -> Scalar:
    return _less(t, b, a) if descending else _less(t, a, b)


def _count(b: Builder, keys: Value, descending: bool) -> Value:
    """Each block of _COUNTED elements in order: an element's place is how many come before it."""
    rows, length = keys.size
    over = length if length.is_const and length.value() < _COUNTED else as_expr(_COUNTED)

    def comes_before(t: Tracer, index: Index, reduced: Index) -> Scalar:
        row, at = index
        other = (at // _COUNTED) * _COUNTED + reduced[0]
        inside = t.all_of(t.in_range(other, 0, length))

        def compare() -> Scalar:
            mine, theirs = keys.at(t, (row, at)), keys.at(t, (row, other))
            earlier = t.op("lt", t.index(other), t.index(at))
            not_after = t.op("logical_not", _before(t, mine, theirs, descending))
            first = _before(t, theirs, mine, descending)
            return t.op("logical_or", first, t.op("logical_and", earlier, not_after))

        return t.cast(t.masked(inside, compare, False), dtypes.int64)

    place = b.reduce("sum", dtypes.int64, dtypes.int64, (rows, length), (over,), comes_before)

    def move(t: Tracer, index: Index) -> tuple[Index, Scalar]:
        row, at = index
        target = t.op("add", place.at(t, index), t.index((at // _COUNTED) * _COUNTED))
        return (row, t.indirect(target, length, _FOUND)), t.index(at)

    base = b.contiguous(full(b, (rows, length), 0, dtypes.int64))
    return b.scatter(base, Layout.contiguous(dtypes.int64, (rows, length)), (rows, length), "store", move)


def _merge(b: Builder, keys: Value, order: Value, run: int, descending: bool) -> Value:
    """Runs of `run` positions in order, merged two and two."""
    length = keys.size[1]

    def make(t: Tracer, index: Index) -> Scalar:
        row, at = index
        begin = (at // (2 * run)) * (2 * run)
        left, right = t.index(begin), t.index(begin + run)
        ended, run_length = t.index(at - begin), t.index(run)
        left_count = t.op("minimum", run_length, t.index(length - begin))
        right_count = t.op("maximum", t.op("minimum", run_length, t.index(length - begin - run)), t.index(0))

        def source(position: Scalar) -> Scalar:
            return order.at(t, (row, _inside(t, position, length)))

        def right_first(from_left: Scalar, from_right: Scalar) -> Scalar:
            a, c = (keys.at(t, (row, _inside(t, p, length))) for p in (from_left, from_right))
            return _before(t, c, a, descending)

        def passed(t: Tracer, middle: Scalar) -> Scalar:
            across = t.op("sub", t.op("sub", ended, t.index(1)), middle)
            sources = source(t.op("add", left, middle)), source(t.op("add", right, across))
            return t.op("logical_not", right_first(*sources))

        low = t.op("maximum", t.op("sub", ended, right_count), t.index(0))
        high = t.op("minimum", ended, left_count)
        taken = _bisect(t, low, high, run.bit_length(), passed)
        rest = t.op("sub", ended, taken)
        has_left, has_right = t.op("lt", taken, left_count), t.op("lt", rest, right_count)
        zero = t.index(0)
        from_left = source(t.op("where", has_left, t.op("add", left, taken), zero))
        from_right = source(t.op("where", has_right, t.op("add", right, rest), zero))
        both = t.op("logical_and", has_left, has_right)
        take_right = t.op("where", both, right_first(from_left, from_right), has_right)
        return t.op("where", take_right, from_right, from_left)

    return b.realize(b.lazy(dtypes.int64, keys.size, make, Cost.of([keys, order], 200, heavy=True)))


def _bisect(t: Tracer, low: Scalar, high: Scalar, steps: int, passed: Step) -> Scalar:
    """The first of low..high that `passed` does not hold of, where it holds of all before that; `high` itself is never asked."""
    for _ in range(steps):
        open_ = t.op("lt", low, high)
        middle = t.op("shr", t.op("add", low, high), t.index(1))
        beyond = t.masked(open_, lambda at=middle: passed(t, at), False)  # type: ignore[misc]
        low = t.op("where", beyond, t.op("add", middle, t.index(1)), low)
        high = t.op("where", t.op("logical_and", open_, t.op("logical_not", beyond)), middle, high)
    return low


def _steps(length: Expr) -> int:
    """What halving takes until nothing of a row is left."""
    return _bound(length).bit_length()


def _bound(length: Expr) -> int:
    return _LARGEST if length.hi is None else length.hi


def _refuse_endless(b: Builder, length: Expr) -> None:
    """For what makes a kernel for each doubling of the rows."""
    if length.hi is None:
        raise Unsupported(
            f"{b.origin.aten_op} on {b.ctx.options.device} along a dimension without a bound",
            "give the dimension a largest size: torch.export.Dim(..., max=...), or torch._check(size <= ...) where data decides it",
        )


def _inside(t: Tracer, position: Scalar, length: Expr) -> Expr:
    """A position that is known to be in range wherever it is used; rows may be empty where the size is known in the run only."""
    return t.indirect(position, maximum(length, 1), _FOUND)
