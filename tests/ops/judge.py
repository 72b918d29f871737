"""Whether a compiled result is right: no further from float64 eager than eager itself, within a stated floor.

Enters: a result of the library, eager's and the oracle's (`tests.ops.oracle`). Leaves: nothing, or a `Wrong` that says how far off it is.

Shape and dtype are eager's, exactly. Results that are no floating point are eager's, exactly. Of others
    error(x) = |x - truth|                                    max error(ours)  <=  2 * max error(eager) + eps * max |truth|
and for elementwise operators, whose results do not mix, of each element by itself
    error(x) = |x - truth| / max(|truth|, smallest normal)    error(ours)      <=  2 * error(eager) + 4 * eps
The truth is the oracle. Eager's error on one small result is luck, so what is further off is held against its largest on the sample and on
its neighbours (`oracle`). No error of eager's counts for more than half of the digits: an oracle that is further from eager is of another
operator, or eager has lost the result. Then, and where float64 has no oracle but eager, eager is the truth and what an ulp in the inputs
changes its error.

    what is not finite        is right where it is
    NaN                       eager's too
    infinity                  eager's, or the oracle's in the result's dtype; or the exact result is too near overflow to say
    a number where eager has  as near to the oracle as any other result; where the dtype has no number for the oracle, at its largest
    NaN or infinity
    a zero                    of eager's sign, where the operator is elementwise and the oracle a zero of that sign
Where the oracle itself is no number of the dtype and eager has one (`nan_to_num` of infinity), eager is the truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from tests.ops.oracle import eager_of, neighbours, oracle_of
from tests.ops.samples import Sample

FACTOR = 2.0
# The bounds of the vector functions (kernels/cpp/vec_math) are up to 5 ulp; eps is one or two of them.
ELEMENTWISE_FLOOR = 4.0
# PyTorch's kernel for whole vectors gives 0.0 and the one for the rest of them -0.0 for the same element.
NO_SIGN_OF_ZERO = frozenset(("nn.functional.softshrink",))


class Wrong(Exception):
    """What is wrong with a result, for a person."""


class TooFar(Wrong):
    """Its numbers are further from float64 than eager's."""


def judge_all(
    sample: Sample, ours: Sequence[Any], eager: Sequence[Any], oracle: Sequence[Any]
) -> tuple[str, str]:
    """The verdict on a sample's results, "right" or "wrong", and why."""
    for position, (value, theirs, truth) in enumerate(zip(ours, eager, oracle, strict=True)):
        last = position == len(eager) - 1
        positions = sample.ties and last and _are_positions(value, theirs)
        if positions and same_elements(value, theirs, sample.tensors[0]):
            continue
        try:
            if sample.op in NO_SIGN_OF_ZERO:
                value, theirs, truth = (x + 0.0 for x in (value, theirs, truth))  # -0.0 + 0.0 is 0.0
            try:
                judge(value, theirs, truth, sample.elementwise)
            except TooFar:
                _judge_by_neighbours(sample, position, value, theirs, truth)
        except Wrong as wrong:
            return "wrong", f"output {position}: {wrong}"
    return "right", ""


def judge(ours: Any, eager: Any, oracle: Any, elementwise: bool) -> None:
    """Raises `Wrong` unless the result is right."""
    if not isinstance(eager, torch.Tensor):
        _judge_plain(ours, eager)
        return
    if (ours.shape, ours.dtype) != (eager.shape, eager.dtype):
        raise Wrong(
            f"{ours.dtype} {list(ours.shape)}, expected {eager.dtype} {list(eager.shape)}".replace(
                "torch.", ""
            )
        )
    if eager.is_floating_point():
        _judge_floats(ours, eager, oracle, elementwise, torch.zeros((), dtype=torch.float64))
    elif not torch.equal(ours, eager):
        raise _different("{} of {} elements differ, the first", ours != eager, ours, eager)


def same_elements(ours: torch.Tensor, eager: torch.Tensor, x: torch.Tensor) -> bool:
    """Whether positions name equal elements of x, along one of its dims: of equal elements eager promises none."""
    if not {ours.dim(), eager.dim()} <= {x.dim(), x.dim() - 1}:
        return False  # the median of everything, say
    for dim in range(x.dim()):
        a, b = (p if p.dim() == x.dim() else p.unsqueeze(dim) for p in (ours, eager))
        fits = a.dim() == x.dim() and all(a.shape[d] <= x.shape[d] for d in range(x.dim()) if d != dim)
        if fits and bool((a >= 0).all() and (a < x.shape[dim]).all() and (b < x.shape[dim]).all()):
            distinct = bool((a.sort(dim).values.diff(dim=dim) != 0).all())
            if distinct and torch.equal(x.gather(dim, a), x.gather(dim, b)):
                return True
    return False


def _are_positions(ours: Any, eager: Any) -> bool:
    """The last result of the operators that give positions, but of msort and the median of everything, which give elements only."""
    return ours is not None and ours.dtype == torch.int64 == eager.dtype and ours.shape == eager.shape


def _judge_plain(ours: Any, eager: Any) -> None:
    value = ours.item() if isinstance(ours, torch.Tensor) else ours
    if value != eager:
        raise Wrong(f"{value}, expected {eager}")


def _judge_by_neighbours(
    sample: Sample, position: int, ours: torch.Tensor, eager: torch.Tensor, oracle: torch.Tensor
) -> None:
    """Raises `Wrong` unless the result is right by eager's errors on the neighbours."""
    near = _near(sample, position, oracle if eager.dtype == torch.float64 else None)
    try:
        _judge_floats(ours, eager, oracle, sample.elementwise, near)
    except TooFar:
        lost = _is_lost(eager, oracle, sample.elementwise, near)
        if not lost.any():
            raise
        truth = torch.where(lost, eager.double(), oracle.double())
        near = torch.where(lost, _near(sample, position, eager), near)
        _judge_floats(ours, eager, truth, sample.elementwise, near, trusted=not sample.elementwise)


def _is_lost(
    eager: torch.Tensor, oracle: torch.Tensor, elementwise: bool, near: torch.Tensor
) -> torch.Tensor:
    """Where eager and the oracle share less than half of the digits: of each element of an elementwise operator, of the whole of others."""
    info = torch.finfo(eager.dtype)
    truth = _numbers(eager, oracle.double())
    known = torch.isfinite(eager) & torch.isfinite(truth)
    own = torch.maximum(torch.where(known, _error(eager, truth, elementwise, info.tiny), 0), near)
    scale = torch.ones_like(own) if elementwise else torch.where(known, truth.abs(), 0).max()
    return torch.gt(own if elementwise else own.max(), info.eps**0.5 * scale)


def _judge_floats(
    ours: torch.Tensor,
    eager: torch.Tensor,
    oracle: torch.Tensor,
    elementwise: bool,
    near: torch.Tensor,
    trusted: bool = False,
) -> None:
    """`near`: eager's errors on neighbours of the sample; one number, or one of each element. `trusted`: however large."""
    oracle = oracle.to(torch.float64)
    _judge_nonfinite(ours, eager, oracle, elementwise)
    info = torch.finfo(eager.dtype)
    truth = _numbers(eager, oracle)
    known = torch.isfinite(ours) & torch.isfinite(truth)
    if not known.any():
        return
    got, own = (_error(x, truth, elementwise, info.tiny) for x in (ours, eager))
    own = torch.where(torch.isfinite(eager), own, 0)
    scale = torch.ones_like(own) if elementwise else truth[known].abs().max()
    if not elementwise:
        got, own, known = got[known].max(), own[known].max(), known.any()
    own = torch.maximum(own, near)
    if not trusted:
        own = torch.minimum(own, scale * info.eps**0.5)
    limit = FACTOR * own + (ELEMENTWISE_FLOOR if elementwise else 1) * info.eps * scale
    bad = known & ~(got <= limit)
    if bad.any():
        at = int(bad.flatten().nonzero()[0])
        found, allowed, theirs = (t.expand(bad.shape).flatten()[at].item() for t in (got, limit, own))
        what = "relative error" if elementwise else "error"
        raise TooFar(
            f"{what} {found:.2e} to float64, allowed are {allowed:.2e} (eager's own is {theirs:.2e})"
        )


def _error(x: torch.Tensor, truth: torch.Tensor, elementwise: bool, tiny: float) -> torch.Tensor:
    scale = truth.abs().clamp_min(tiny) if elementwise else torch.ones_like(truth)
    return (x.double() - truth).abs() / scale


def _numbers(eager: torch.Tensor, oracle: torch.Tensor) -> torch.Tensor:
    """The oracle, at most the dtype's largest number; eager where it has a number and the oracle none that the dtype has."""
    largest = torch.finfo(eager.dtype).max
    none = ~torch.isfinite(oracle.to(eager.dtype))
    clamped = torch.where(torch.isfinite(oracle), oracle.clamp(-largest, largest), oracle)
    return torch.where(none & torch.isfinite(eager), eager.double(), clamped)


def _near(sample: Sample, position: int, truth: torch.Tensor | None) -> torch.Tensor:
    """Eager's largest error in one result on the sample's neighbours, to each one's oracle or to the given truth; relative and of each
    element of an elementwise one."""
    largest = torch.zeros((), dtype=torch.float64)
    for neighbour in neighbours(sample):
        results = eager_of(neighbour)
        found = results[position]
        exact = (oracle_of(neighbour, results)[position] if truth is None else truth).double()
        if found.shape != exact.shape or not found.numel():
            continue
        error = _error(found, exact, sample.elementwise, torch.finfo(found.dtype).tiny)
        error = torch.where(torch.isfinite(found) & torch.isfinite(exact), error, 0)
        largest = torch.maximum(largest, error if sample.elementwise else error.max())
    return largest


def _judge_nonfinite(
    ours: torch.Tensor, eager: torch.Tensor, oracle: torch.Tensor, elementwise: bool
) -> None:
    narrow = oracle.to(eager.dtype)
    same = (ours == eager) | (torch.isnan(ours) & torch.isnan(eager)) | (ours == narrow)
    # An infinity where the exact result is a number that eager did not hit either: rounding decides.
    largest = torch.finfo(eager.dtype).max
    edge = torch.isfinite(oracle) & (oracle.abs() > largest / 2) & (oracle != eager)
    same |= torch.isinf(ours) & edge & (torch.signbit(ours) == torch.signbit(oracle))
    # Numbers are measured, but for those where there is nothing to measure them by.
    same |= torch.isfinite(ours) & torch.isfinite(_numbers(eager, oracle))
    if not same.all():
        raise _different("{} of {} elements are wrong, the first", ~same, ours, eager)
    zero = (ours == 0) & (eager == 0) & (oracle == 0) & (torch.signbit(eager) == torch.signbit(oracle))
    if elementwise and (bad := zero & (torch.signbit(ours) != torch.signbit(eager))).any():
        raise _different("{} of {} zeros have the other sign, the first", bad, ours, eager)


def _different(what: str, bad: torch.Tensor, ours: torch.Tensor, eager: torch.Tensor) -> Wrong:
    at = int(bad.flatten().nonzero()[0])
    counted = what.format(int(bad.sum()), bad.numel())
    return Wrong(f"{counted} {ours.flatten()[at].item()}, expected {eager.flatten()[at].item()}")
