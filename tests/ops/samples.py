"""The samples of the operator sweep: PyTorch's own sample inputs of its operators, each as a small module.

Enters: names of operators of `op_db` (torch's table of operators, made for its tests). Leaves: `Sample`s, the same ones each time: a
callable over tensors with the arguments that are no tensors bound to it.

    op_db "clamp", float32, 2nd sample, form "plain"    ->   lambda x: torch.clamp(x, min=-1.0, max=None), inputs (x,)

Forms of a sample
    plain      as it is
    strided    the tensors with strides and an offset that no contiguous tensor has
    in-place   x.op_(...) on a copy of x
    out        op(..., out=tensor), the tensor made by the model
    special    elementwise operators on NaN, infinities, zeros of both signs, the largest and smallest numbers
    core       plain, after `ExportedProgram.run_decompositions()`: the operators of the core ATen set themselves

Invariant: random numbers depend on the operator's name and the dtype only.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy
import torch
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.opinfo.core import BinaryUfuncInfo, OpInfo, SampleInput, UnaryUfuncInfo
from torch.utils import _pytree as pytree

DTYPES = (
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
    torch.bool, torch.complex64,
)  # fmt: skip
QUICK_DTYPES = (torch.float32, torch.bfloat16, torch.int64, torch.bool)
# Operators that give positions without promising which one of equal elements.
TIES = ("argsort", "kthvalue", "median", "mode", "msort", "nanmedian", "sort", "topk")
# How many samples of one operator are taken, evenly over those that torch has.
MOST = {torch.float32: 12, torch.complex64: 1}
MOST_OTHER = 3
# Larger samples say nothing more about the operator.
LARGEST_NUMEL = 100_000
# Torch's classes of operators whose results depend on one element of each operand.
ELEMENTWISE = (UnaryUfuncInfo, BinaryUfuncInfo)


@dataclass(frozen=True)
class Sample:
    """One call: `call(*tensors)` gives what eager PyTorch does."""

    op: str
    dtype: str
    index: int
    form: str
    call: Callable[..., Any]
    tensors: tuple[torch.Tensor, ...]
    elementwise: bool = False
    ties: bool = False
    dynamic: bool = False  # exported with every size free

    @property
    def key(self) -> str:
        return f"{self.op}/{self.dtype}/{self.form}/{self.index}"


class Module(torch.nn.Module):
    """A sample's call as a module; results of any structure as a flat tuple."""

    def __init__(self, call: Callable[..., Any]) -> None:
        super().__init__()
        self.call = call

    def forward(self, *tensors: torch.Tensor) -> Any:
        return tuple(pytree.tree_leaves(self.call(*tensors)))


def op_name(op: OpInfo) -> str:
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else str(op.name)


def operators() -> dict[str, OpInfo]:
    """All operators of torch's table by name."""
    return {op_name(op): op for op in op_db}


def of(op: OpInfo, dtypes: Sequence[torch.dtype] = DTYPES, few: bool = False) -> Iterator[Sample]:
    """The operator's samples in all forms, in those of the dtypes that it takes; `few`: a quarter of them."""
    for dtype in dtypes:
        if dtype in op.supported_dtypes("cpu"):  # type: ignore[no-untyped-call]
            for sample in _of_dtype(op, dtype, few):
                yield replace(sample, elementwise=isinstance(op, ELEMENTWISE))


def _of_dtype(op: OpInfo, dtype: torch.dtype, few: bool) -> Iterator[Sample]:
    name, short = op_name(op), str(dtype).removeprefix("torch.")
    found = _sample_inputs(op, name, dtype)
    most = MOST.get(dtype, MOST_OTHER)
    chosen = _evenly(found, (most + 3) // 4 if few else most)
    for index in chosen:
        yield _bound(op.op, found[index], name, short, index, "plain")
    if not chosen or dtype.is_complex:
        return
    first = found[chosen[0]]
    if dtype == torch.float32:
        for index in chosen[: 1 if few else 4]:
            yield _bound(op.op, found[index], name, short, index, "core")
        yield _bound(op.op, _strided(first), name, short, chosen[0], "strided")
        yield from _written(op, first, name, short, chosen[0])
    if isinstance(op, ELEMENTWISE) and dtype.is_floating_point:
        yield _bound(op.op, _special(first, dtype), name, short, chosen[0], "special")


def _sample_inputs(op: OpInfo, name: str, dtype: torch.dtype) -> list[SampleInput]:
    seed = zlib.crc32(f"{name}/{dtype}".encode())
    torch.manual_seed(seed)
    random.seed(seed)
    numpy.random.seed(seed)
    samples = list(op.sample_inputs("cpu", dtype, requires_grad=False))  # type: ignore[no-untyped-call]
    return [s for s in samples if all(t.numel() <= LARGEST_NUMEL for t in _leaves(s)[0])]


def _evenly(found: Sequence[SampleInput], most: int) -> list[int]:
    """Positions of at most `most` samples, first and last among them."""
    count = len(found)
    if count <= most:
        return list(range(count))
    return sorted({round(k * (count - 1) / max(most - 1, 1)) for k in range(most)})


def _leaves(sample: SampleInput) -> tuple[list[torch.Tensor], list[Any], pytree.TreeSpec]:
    """The tensors, all leaves with None in a tensor's place, and how to put them together again."""
    leaves, spec = pytree.tree_flatten((sample.input, tuple(sample.args), dict(sample.kwargs)))
    tensors = [x for x in leaves if isinstance(x, torch.Tensor)]
    return tensors, leaves, spec


def _bound(
    function: Callable[..., Any], sample: SampleInput, name: str, dtype: str, index: int, form: str
) -> Sample:
    """The sample with everything but its tensors bound."""
    tensors, leaves, spec = _leaves(sample)
    is_tensor = [isinstance(x, torch.Tensor) for x in leaves]
    rest = [None if t else x for t, x in zip(is_tensor, leaves, strict=True)]

    def call(*given: torch.Tensor) -> Any:
        left = iter(given)
        filled = [next(left) if t else x for t, x in zip(is_tensor, rest, strict=True)]
        first, args, kwargs = pytree.tree_unflatten(filled, spec)
        return function(first, *args, **kwargs)

    ties = name in TIES and not sample.kwargs.get("stable")
    return Sample(name, dtype, index, form, call, tuple(t.detach() for t in tensors), ties=ties)


def _written(op: OpInfo, sample: SampleInput, name: str, dtype: str, index: int) -> Iterator[Sample]:
    """The in-place form and the form with `out=`, where the operator has them."""
    inplace = op.inplace_variant
    if inplace is not None and isinstance(sample.input, torch.Tensor) and _keeps_input(op, sample):
        yield _bound(lambda x, *a, **k: inplace(x.clone(), *a, **k), sample, name, dtype, index, "in-place")
    if op.supports_out:
        result = _quietly(lambda: op.op(sample.input, *sample.args, **sample.kwargs))
        if isinstance(result, torch.Tensor):
            size, kind = tuple(result.shape), result.dtype

            def into(x: Any, *args: Any, **kwargs: Any) -> Any:
                return op.op(x, *args, **kwargs, out=torch.zeros(size, dtype=_now(kind)))

            yield _bound(into, sample, name, dtype, index, "out")


def _now(dtype: torch.dtype) -> torch.dtype:
    """The dtype of a result where everything is computed in float64 (`screen` sets the default for the oracle)."""
    return torch.get_default_dtype() if dtype == torch.float32 else dtype


def _keeps_input(op: OpInfo, sample: SampleInput) -> bool:
    """Whether eager's in-place form takes the sample (its result must fit into the input)."""
    return (
        _quietly(lambda: op.inplace_variant(sample.input.clone(), *sample.args, **sample.kwargs)) is not None
    )


def _quietly(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception:  # eager refuses the arguments
        return None


def _strided(sample: SampleInput) -> SampleInput:
    def strided(x: Any) -> Any:
        if not isinstance(x, torch.Tensor) or x.dim() == 0 or x.numel() == 0:
            return x
        last = x.dim() - 1
        wide = torch.zeros((*x.shape[:-1], 2 * x.shape[-1] + 1), dtype=x.dtype)
        view = wide.narrow(last, 1, 2 * x.shape[-1])[..., ::2]
        return view.copy_(x)

    return _mapped(sample, strided)


def _special(sample: SampleInput, dtype: torch.dtype) -> SampleInput:
    return _mapped(sample, _special_filler(dtype))


def special_tensors(sample: Sample) -> tuple[torch.Tensor, ...]:
    """The tensors that the sample's special form has, for one that is plain."""
    fill = _special_filler(sample.tensors[0].dtype)
    return tuple(map(fill, sample.tensors))


def _special_filler(dtype: torch.dtype) -> Callable[[Any], Any]:
    """Puts special values into one tensor after the other, other ones each time."""
    info = torch.finfo(dtype)
    inf = float("inf")
    values = [
        float("nan"),
        inf,
        -inf,
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -2.5,
        3.0,
        info.max,
        info.min,
        info.tiny,
        -info.tiny,
        info.tiny / 4,
    ]
    shifts = iter(range(0, 1000, 4))

    def special(x: Any) -> Any:
        if not isinstance(x, torch.Tensor) or not x.is_floating_point():
            return x
        numbers = torch.tensor(values, dtype=x.dtype).roll(next(shifts))
        # Steps that share no factor with the number of values: two operands meet in many combinations.
        return numbers[torch.arange(x.numel()) * 7 % len(values)].reshape(x.shape)

    return special


def _mapped(sample: SampleInput, function: Callable[[Any], Any]) -> SampleInput:
    first, args, kwargs = pytree.tree_map(function, (sample.input, tuple(sample.args), dict(sample.kwargs)))
    return SampleInput(first, args=args, kwargs=kwargs)  # type: ignore[no-untyped-call]
