"""Views, joins and copies against eager; that views cost nothing where strides can express them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from compiler.ir.loop import Pointwise, TemplateKernel
from compiler.lowering.testing.case_harness import Argument, check, lower_function
from compiler.support.diagnostics import UserError

CASES: dict[str, tuple[Callable[..., Any], tuple[Argument, ...]]] = {
    "permute": (lambda x: x.permute(2, 0, 1) + 1, ((2, 3, 4),)),
    "transpose": (lambda x: (x.transpose(0, 2), x[0].t(), x.mT), ((2, 3, 4),)),
    "unsqueeze, squeeze": (
        lambda x: (x.unsqueeze(1) * 2, x.unsqueeze(-1).squeeze(), x[:1].squeeze(0)),
        ((2, 3),),
    ),
    "expand": (lambda x: x.expand(4, -1, 5) + 0.5, ((3, 1),)),
    "expanded output": (lambda x: x.expand(4, 3), ((1, 3),)),
    "slices": (lambda x: (x[1:3], x[:, ::2], x[-2:, 1:-1], x[5:]), ((4, 6),)),
    "slices of computed": (lambda x: torch.sin(x)[1:3] + torch.cos(x)[::2][:2], ((4, 6),)),
    "select": (lambda x: (x[1] + 1, x[:, -1] * 2), ((4, 6),)),
    "reshape splits": (lambda x: torch.exp(x).view(2, 3, 2, 4) + 1, ((6, 8),)),
    "reshape merges": (lambda x: torch.exp(x).reshape(6, 4) + torch.ones(4), ((2, 3, 4),)),
    "reshape across": (lambda x: (x * 2).view(4, 6).sum(1), ((8, 3),)),
    "reshape of permuted": (lambda x: x.permute(0, 2, 1).reshape(2, 12) + 1, ((2, 3, 4),)),
    "reshape of expanded": (lambda x: x[:, None].expand(3, 4).reshape(12) * 2, ((3,),)),
    "reshape to scalar": (lambda x: x.view(()) + 1, ((1, 1),)),
    "reshape with ones": (lambda x: x.view(1, 2, 1, 3, 1) * 2, ((2, 3),)),
    "flatten, unflatten": (lambda x: (x.flatten(1), x.flatten().unflatten(0, (4, 6))), ((2, 3, 4),)),
    "chunks and splits": (lambda x: (*x.chunk(3, 1), *x.split(2), *x.split([1, 3], 0)), ((4, 7),)),
    "unbind": (lambda x: sum(x.unbind(1)), ((4, 3),)),
    "cat": (lambda x, y: torch.cat([x, y * 2, x[:1]], 0), ((2, 3), (4, 3))),
    "cat last": (lambda x, y: torch.cat([x, y], -1) + 1, ((2, 3), (2, 5))),
    "cat promotes": (lambda x: torch.cat([x, torch.arange(3)[None]]), ((2, 3),)),
    "cat with an empty one": (lambda x: torch.cat([x, torch.zeros(0)]), ((4,),)),
    "stack": (lambda x, y: torch.stack([x, y, x + y], 1), ((2, 3), (2, 3))),
    "flip": (lambda x: x.flip(0, 2) + x, ((2, 3, 4),)),
    "roll": (lambda x: (x.roll(1, 0), x.roll((2, -1), (0, 1)), x.roll(3)), ((3, 4),)),
    "repeat": (lambda x: (x.repeat(2, 3), x.repeat(2, 1, 1), torch.tile(x, (2,))), ((2, 3),)),
    "repeat interleave": (lambda x: x.repeat_interleave(2, 1), ((2, 3),)),
    "diagonal": (lambda x: (x.diagonal(), x.diagonal(1), torch.diagonal(x, -1)), ((4, 5),)),
    "unfold": (lambda x: x.unfold(1, 3, 2) * 2, ((2, 9),)),
    "triangles": (lambda x: (torch.tril(x), torch.triu(x, 1)), ((4, 5),)),
    "pad": (lambda x: (F.pad(x, (1, 2)), F.pad(x, (1, 0, 0, 2), value=3.0), F.pad(x, (-1, 1))), ((3, 4),)),
    "pad of computed": (lambda x: F.pad(torch.exp(x), (2, 2), value=-1.0) * 2, ((3, 4),)),
    "other pads": (
        lambda x: (
            F.pad(x, (2, 1), mode="replicate"),
            F.pad(x, (1, 3), mode="circular"),
            F.pad(x * 2, (4, 0), mode="reflect"),
        ),
        ((1, 3, 5),),
    ),
    "reflection pad": (lambda x: F.pad(x, (1, 2), mode="reflect"), ((1, 3, 5),)),
    "masked index under pad": (lambda x, i: F.pad(x[i], (1, 1)), ((5, 3), torch.tensor([4, 0]))),
    "slice assignment": (lambda x, y: torch.slice_scatter(x, y, 1, 1, 5, 2), ((3, 6), (3, 2))),
    "select assignment": (lambda x, y: torch.select_scatter(x, y, 0, 1), ((3, 6), (6,))),
    "views and writes": (lambda x: _write(x), ((3, 4),)),
    "movedim": (lambda x: x.movedim(0, 2) * 2, ((2, 3, 4),)),
    "pixel shuffle": (lambda x: F.pixel_shuffle(x, 2), ((1, 8, 3, 3),)),
    "channel shuffle": (lambda x: F.channel_shuffle(x + 1, 2), ((1, 6, 3, 3),)),
    "same output twice": (lambda x: (x + 1, x + 1), ((3,),)),
    "input as output": (lambda x: (x, x.t(), x[1]), ((3, 4),)),
    "mixed outputs": (lambda x: {"a": x + 1, "b": [3, None, x * 2]}, ((3,),)),
    "meshgrid": (lambda x, y: torch.meshgrid(x, y, indexing="ij"), ((3,), (4,))),
}


def _write(x: torch.Tensor) -> torch.Tensor:
    y = x.clone()
    y[1] = 7.0
    y[:, 2:] += 1
    return y


@pytest.mark.parametrize("name", CASES)
def test_views(name: str) -> None:
    function, arguments = CASES[name]
    check(function, *arguments)


def test_views_of_memory_are_free() -> None:
    program = check(lambda x: x.permute(1, 0, 2)[1:, :2].unsqueeze(0) * 2, (4, 5, 6))
    assert [type(n) for n in program.nodes] == [Pointwise]


def test_heads_are_split_and_merged_without_copies() -> None:
    def heads(x: torch.Tensor) -> torch.Tensor:
        h = x.view(2, 8, 4, 16).transpose(1, 2)
        return F.scaled_dot_product_attention(h, h, h).transpose(1, 2).flatten(2)

    program = check(heads, (2, 8, 64))
    assert [type(n) for n in program.nodes] == [TemplateKernel]


def test_outputs_have_the_promised_strides() -> None:
    program = check(lambda x: (x.t() + 1, x.expand(3, 4, 5)), (4, 5))
    strides = [[s.value() for s in o.value.layout.stride] for o in program.outputs]  # type: ignore[union-attr]
    assert strides == [[1, 5], [0, 5, 1]]


def test_outputs_never_share_memory() -> None:
    program = check(lambda x: (x, x.view(-1), torch.sin(x), torch.sin(x)), (3, 4))
    buffers = [o.value.buffer for o in program.outputs]  # type: ignore[union-attr]
    assert len(set(buffers)) == 4 and not {i.name for i in program.inputs} & set(buffers)


@pytest.mark.parametrize(
    "offset", [0, 3]
)  # 0 too: where the caller's tensor is a view, its storage starts before it
def test_an_offset_into_the_storage_of_an_input_is_refused(offset: int) -> None:
    check(lambda x: x.as_strided((2, 2), (1, 2)) * 2, (3, 4))
    with pytest.raises(UserError) as error:
        lower_function(lambda x: x.as_strided((2, 2), (1, 2), offset) * 2, (torch.randn(3, 4),))
    text = str(error.value)
    assert (
        f"of input args_0 with storage offset {offset}" in text and "narrow" in text and "in forward" in text
    )


def _storages(x: torch.Tensor) -> Any:
    h, turned = x.sin(), (x * 2).t().clone(memory_format=torch.contiguous_format).t()
    v = h[1:]
    views = (v.as_strided((2, 2), (2, 1)), v.as_strided((2, 2), (2, 1), 0), h[1].as_strided((2,), (2,)))
    others = (
        h.t().as_strided((2,), (3,), 2),
        turned.as_strided((5,), (3,), 4),
        x.t().as_strided((2, 2), (1, 2)),
    )
    return (
        h.as_strided((3, 2), (1, 3), 1) + 1,
        h,
        *views,
        *others,
        (x + 1).expand(2, 4, 6).as_strided((3,), (1,)),
    )


def test_storages_of_results_and_of_views_of_them() -> None:
    check(_storages, (4, 6))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: (x + 1).as_strided((2,), (1,), 23), "reaches element 24 of a memory of 24"),
        (lambda x: x.sin().split(2)[1].as_strided((2,), (1,)), "whether that is a view, and of which tensor, is not known"),
        (lambda x: x[1:].as_strided((2,), (1,)), "of input args_0 with storage offset 6"),
    ],
)  # fmt: skip
def test_storages_that_are_not_known_are_refused(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        lower_function(function, (torch.randn(4, 6),))


def test_an_offset_into_the_storage_of_a_constant() -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("part", torch.arange(12.0)[2:])
            self.part: torch.Tensor

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.part.as_strided((2, 2), (3, 1), 1)

    check(Model(), (2, 2))
