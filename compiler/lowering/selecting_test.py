"""Sizes that depend on data: one program, interpreted on data that selects nothing, something, everything, against eager."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from compiler.ir.loop import Pointwise, ReadSize
from compiler.ir.loop_interpreter import SizeOutOfRange
from compiler.lowering.testing.case_harness import check_sizes
from compiler.support.options import CompileOptions

NONE, ALL = torch.zeros(3, 4), torch.ones(3, 4)
SOME = torch.tensor([[0.0, 2.0, 0.0, -1.0], [0.0, 0.0, 0.0, 5.0], [3.0, 0.0, 0.0, 0.0]])
FLAT = [SOME.flatten(), NONE.flatten(), ALL.flatten()]
COUNTS = [torch.tensor([2, 0, 3]), torch.tensor([0, 0, 0]), torch.tensor([1, 0, 0])]


def item_as_size(n: Tensor) -> Tensor:
    size: Any = n.item()
    torch._check(size >= 0)  # type: ignore[no-untyped-call]
    torch._check(size <= 100)  # type: ignore[no-untyped-call]
    return torch.arange(size) * 2 + torch.full((size,), size)


def slice_to_item(x: Tensor, n: Tensor) -> Tensor:
    size: Any = n.item()
    torch._check(size >= 0)  # type: ignore[no-untyped-call]
    torch._check(size <= x.shape[0])  # type: ignore[no-untyped-call]
    return x[:size].sin().sum(0)


def select_at_item(x: Tensor, n: Tensor) -> Tensor:
    at: Any = n.item()
    torch._check(at >= 0)  # type: ignore[no-untyped-call]
    torch._check(at < x.shape[0])  # type: ignore[no-untyped-call]
    row: Tensor = x[at] + at
    return row


def equal_counts(x: Tensor, y: Tensor) -> Tensor:
    a, b = x.nonzero()[:, 0], y.nonzero()[:, 0]
    torch._check(a.shape[0] == b.shape[0])  # type: ignore[no-untyped-call]
    return a + b


def chained(x: Tensor) -> Tensor:
    """A selection of a selection, and work on it."""
    kept = x[x > 0]
    again = kept[kept > 1.5]
    return torch.cat([again.exp(), kept.softmax(0)]).cumsum(0)


def put_many(x: Tensor) -> Tensor:
    y = x.clone()
    y[x > 0] = x[x > 0] * 10
    return y


Case = tuple[Callable[..., Any], Sequence[Sequence[Tensor]]]
NUMBERS = [torch.tensor(n) for n in (3, 0, 1)]

CASES: dict[str, Case] = {
    "nonzero": (torch.nonzero, [(SOME,), (NONE,), (ALL,)]),
    "nonzero_tuple": (lambda x: torch.nonzero(x > 1, as_tuple=True), [(SOME,), (NONE,), (ALL,)]),
    "nonzero_of_integers": (lambda x: x.nonzero() + 1, [(x.to(torch.int32),) for x in FLAT]),
    "mask": (lambda x: x[x > 0] * 2, [(SOME,), (NONE,), (ALL,)]),
    "mask_of_rows": (lambda x: x[x.sum(1) > 2].sum(), [(SOME,), (NONE,), (ALL,)]),
    "mask_of_columns": (lambda x: x[:, x.sum(0) > 1], [(SOME,), (NONE,), (ALL,)]),
    "masked_select": (lambda x: torch.masked_select(x, x[0] > 0), [(SOME,), (NONE,), (ALL,)]),
    "masked_select_stretched": (lambda x: torch.masked_select(x[:, :1], x > 0), [(SOME,), (NONE,), (ALL,)]),
    "masked_select_of_a_row": (lambda x: torch.masked_select(x[0], x > 0), [(SOME,), (NONE,), (ALL,)]),
    "mask_of_leading_dims": (lambda x: x.view(3, 2, 2)[x.view(3, 4)[:, :2] > 0], [(SOME,), (NONE,), (ALL,)]),
    "put_many": (put_many, [(SOME,), (NONE,), (ALL,)]),
    "chained": (chained, [(SOME,), (NONE,), (ALL,)]),
    "item_as_size": (item_as_size, [(n,) for n in NUMBERS]),
    "item_as_number": (lambda x, n: x * n.item() + n.item() * 2, [(SOME, n) for n in NUMBERS]),
    "float_item": (
        lambda x: (x * x.sum().item(), x.clamp(max=x[0, 1].item() * 2 - 1), (x - 1).abs() ** x[0, 0].item()),
        [(SOME,), (NONE,), (ALL,)],
    ),
    "float_item_and_integers": (lambda x: torch.arange(3) * x[0, 1].item() + 1, [(SOME,), (NONE,), (ALL,)]),
    "returned": (lambda x, n: (x + 1, n.item() * 2 + 1), [(SOME, n) for n in NUMBERS]),
    "slice_to_item": (slice_to_item, [(SOME, n) for n in NUMBERS]),
    "select_at_item": (select_at_item, [(SOME, n) for n in (torch.tensor(2), torch.tensor(0))]),
    "equal_counts": (equal_counts, [(SOME.flatten(), SOME.flatten().flip(0)), (FLAT[1], FLAT[1])]),
    "repeat_interleave": (lambda x, n: x.repeat_interleave(n, 0), [(SOME, n) for n in COUNTS]),
    "repeats": (lambda n: torch.repeat_interleave(n) * 2, [(n,) for n in COUNTS]),
    "unique": (lambda x: torch.unique(x, return_inverse=True, return_counts=True), [(SOME,), (NONE,), (ALL,)]),
    "unique_values": (torch.unique, [(x.to(torch.int64),) for x in FLAT]),
    "unique_consecutive": (
        lambda x: torch.unique_consecutive(x, return_inverse=True, return_counts=True), [(SOME,), (NONE,), (ALL,)],
    ),
    "mask_matmul": (lambda x: x[x.sum(1) > 2] @ x.t(), [(SOME,), (NONE,), (ALL,)]),
}  # fmt: skip


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", CASES)
def test_one_program_is_right_for_all_data(name: str, device: str) -> None:
    function, runs = CASES[name]
    options = CompileOptions("case", device=device)
    check_sizes(function, runs[0], [None] * len(runs[0]), *runs, options=options)


def test_sizes_of_inputs_and_of_data_together() -> None:
    rows = Dim("rows", min=0, max=50)
    runs = [(torch.randn(n, 3),) for n in (5, 0, 1)]
    check_sizes(lambda x: x[x[:, 0] > 0].sum(0) + x.nonzero().sum(), runs[0], [{0: rows}], *runs)


def test_the_number_is_read_once_and_before_what_needs_it() -> None:
    program = check_sizes(lambda x: x[x > 0] * 2, (SOME,), [None], (SOME,))
    (read,) = (n for n in program.nodes if isinstance(n, ReadSize))
    users = [n for n in program.nodes if isinstance(n, Pointwise) and read.symbol in n.layout.size]
    assert users and program.nodes.index(read) < program.nodes.index(users[0])


def test_a_number_outside_its_range_ends_the_run() -> None:
    with pytest.raises(SizeOutOfRange, match=r"item.*is 101, expected 0 to 100"):
        check_sizes(item_as_size, (NUMBERS[0],), [None], (torch.tensor(101),))
    with pytest.raises(SizeOutOfRange, match="expected"):
        check_sizes(slice_to_item, (SOME, NUMBERS[0]), [None, None], (SOME, torch.tensor(4)))


def test_a_condition_between_numbers_from_data_is_checked() -> None:
    with pytest.raises(SizeOutOfRange, match="expected u"):
        check_sizes(equal_counts, (FLAT[0], FLAT[0].clone()), [None, None], (FLAT[0], FLAT[2]))
