"""Whether a compiled result is right: no further from float64 eager than eager itself, within a stated floor.

Enters: a result of the library, eager's and the oracle's (eager in float64). Leaves: nothing, or a `Wrong` that says how far off it is.

Shape and dtype are eager's, exactly. Results that are no floating point are eager's, exactly. Others: NaN and infinities where eager has
them (where float64 has a number or infinity and eager overflowed, that is as good); elsewhere
    error(x) = |x - oracle|                                   error(ours)  <=  2 * max error(eager) + eps * max |oracle|
for elementwise operators, whose results do not mix, relative to each element:
    error(x) = |x - oracle| / max(|oracle|, smallest normal)  error(ours)  <=  2 * max error(eager) + 4 * eps
Of others, a result that is further off is held against eager's largest error on the sample and on its neighbours (`oracle`), which all
but lone numbers have in them already. Float64 has no oracle but eager itself: its error counts as what an ulp in the inputs changes.
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


class Wrong(Exception):
    """What is wrong with a result, for a person."""


class TooFar(Wrong):
    """Its numbers are further from float64 than eager's."""


def judge_all(
    sample: Sample, ours: Sequence[Any], eager: Sequence[Any], oracle: Sequence[Any]
) -> tuple[str, str]:
    """The verdict on a sample's results, "right" or "wrong", and why."""
    for position, (value, theirs, truth) in enumerate(zip(ours, eager, oracle, strict=True)):
        positions = sample.ties and value is not None and value.dtype == torch.int64 == theirs.dtype
        if positions and value.shape == theirs.shape and same_elements(value, theirs, sample.tensors[0]):
            continue
        try:
            try:
                judge(value, theirs, truth, sample.elementwise)
            except TooFar:
                if sample.elementwise and theirs.dtype != torch.float64:
                    raise
                near = _near(sample, position)
                _judge_floats(value, theirs, truth.to(torch.float64), sample.elementwise, near)
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
    if not eager.is_floating_point():
        if not torch.equal(ours, eager):
            different = (ours != eager).sum().item()
            at = int((ours != eager).flatten().nonzero()[0])
            raise Wrong(
                f"{different} of {eager.numel()} elements differ, the first {ours.flatten()[at].item()}, "
                f"expected {eager.flatten()[at].item()}"
            )
        return
    _judge_floats(ours, eager, oracle.to(torch.float64), elementwise)


def same_elements(ours: torch.Tensor, eager: torch.Tensor, x: torch.Tensor) -> bool:
    """Whether positions name equal elements of x, along one of its dims: of equal elements eager promises none."""
    if not {ours.dim(), eager.dim()} <= {x.dim(), x.dim() - 1}:
        return False  # the median of everything, say
    for dim in range(x.dim()):
        a, b = (p if p.dim() == x.dim() else p.unsqueeze(dim) for p in (ours, eager))
        fits = a.dim() == x.dim() and all(a.shape[d] <= x.shape[d] for d in range(x.dim()) if d != dim)
        if fits and bool((a >= 0).all() and (a < x.shape[dim]).all() and (b < x.shape[dim]).all()):
            distinct = all(
                t.unique().numel() == t.numel() for t in a.movedim(dim, -1).reshape(-1, a.shape[dim])
            )
            if distinct and torch.equal(x.gather(dim, a), x.gather(dim, b)):
                return True
    return False


def _judge_plain(ours: Any, eager: Any) -> None:
    value = ours.item() if isinstance(ours, torch.Tensor) else ours
    if value != eager:
        raise Wrong(f"{value}, expected {eager}")


def _judge_floats(
    ours: torch.Tensor, eager: torch.Tensor, oracle: torch.Tensor, elementwise: bool, near: float = 0.0
) -> None:
    """`near`: eager's largest error on neighbours of the sample."""
    _judge_nonfinite(ours, eager, oracle)
    info = torch.finfo(eager.dtype)
    finite = torch.isfinite(oracle) & torch.isfinite(eager) & torch.isfinite(ours)
    if not finite.any():
        return
    truth = oracle[finite]
    scale = truth.abs().clamp_min(info.tiny) if elementwise else torch.ones_like(truth)
    got, own = (((x.double()[finite] - truth).abs() / scale).max().item() for x in (ours, eager))
    own = max(own, near)
    floor = ELEMENTWISE_FLOOR * info.eps if elementwise else info.eps * truth.abs().max().item()
    limit = FACTOR * own + floor
    if not got <= limit:
        what = "relative error" if elementwise else "error"
        raise TooFar(f"{what} {got:.2e} to float64, allowed are {limit:.2e} (eager's own is {own:.2e})")


def _near(sample: Sample, position: int) -> float:
    """Eager's largest error in one result on the sample's neighbours; relative to each element of an elementwise one."""
    largest = 0.0
    for neighbour in neighbours(sample):
        eager = eager_of(neighbour)
        found, truth = eager[position].double(), oracle_of(neighbour, eager)[position].double()
        if eager[position].dtype == torch.float64:
            truth = eager_of(sample)[position]
        both = torch.isfinite(found) & torch.isfinite(truth)
        if found.shape == truth.shape and both.any():
            error = (found - truth)[both].abs()
            if sample.elementwise:
                error = error / truth[both].abs().clamp_min(torch.finfo(torch.float64).tiny)
            largest = max(largest, error.max().item())
    return largest


def _judge_nonfinite(ours: torch.Tensor, eager: torch.Tensor, oracle: torch.Tensor) -> None:
    largest = torch.finfo(eager.dtype).max
    near_overflow = torch.isfinite(oracle) & (oracle.abs() > largest / 2)
    for what, test in (("NaN", torch.isnan), ("infinite", torch.isinf)):
        bad = (test(ours) != test(eager)) & ~near_overflow
        if what == "NaN":
            # Eager overflowed on the way to a result that float64 has.
            bad &= ~(torch.isnan(eager) & torch.isfinite(ours) & torch.isfinite(oracle))
            bad &= ~(torch.isnan(eager) & torch.isinf(ours) & (ours.double() == oracle))
        else:
            bad &= ~(torch.isnan(eager) & (ours.double() == oracle))
            bad &= ~(torch.isinf(eager) & torch.isfinite(oracle) & torch.isfinite(ours))
            bad |= torch.isinf(ours) & torch.isinf(eager) & (ours != eager)
        if bad.any():
            at = int(bad.flatten().nonzero()[0])
            raise Wrong(
                f"{ours.flatten()[at].item()} where eager gives {eager.flatten()[at].item()} and float64 {oracle.flatten()[at].item()}"
            )
