"""Graph IR's text reads back as what was printed, every kind of value in it, and what is no such text is refused by its line."""

from __future__ import annotations

import math
import operator

import pytest
import torch

from compiler.ir.graph import gives_sizes
from compiler.ir.graph_parse import parse_graph
from compiler.ir.graph_text import print_graph
from compiler.ir.graph_verify import verify
from compiler.ir.recipe import Original, Source
from compiler.ir.tensor_type import is_static
from compiler.support.origins import Origin

TEXT = r"""
graph odd canonical
in_spec "[1, \"spec\"]"
call_info "{}"
meta "torch" "2.13.0"
symbol s0 in [1, 512]
symbol s1 in [0, inf]
symbol u0 in [0, inf]
guard [2*s1 == s0] at "m.py:3 in forward"
input x -> %x_1 : float32 [2, s0] stride [s0, 1] mutated at "m.py:4 in forward"
constant %p_w "a \"b\".w" folded : bfloat16 [3] stride [1] from "mul_2" "aten.mul.Tensor" at "m.py:5 in forward"
constant %b_n "n" buffer : int64 [] stride [] mutated
original "w" w parameter bfloat16 [3]
recipe "a \"b\".w" = source("w", [3])
%full = aten.full.default([2, size(s1 + 1)], -inf, dtype=torch.int8, device=device("cpu"), pin_memory=False) : int8 [2, s1] stride [s1, 1]
%scale = aten.mul.Tensor(%x_1, number(pow(float(s0), 0.5))) : float32 [2, s0] stride [s0, 1] from "s" "aten.div.Tensor" at "m.py:6 in f"
%named = aten.empty_like.default(%scale, layout=torch.strided, memory_format=torch.contiguous_format) : float32 [2, s0] stride [s0, 1]
%round = aten.div.Tensor_mode(%named, 1e-05, rounding_mode="trunc") : float32 [2, s0] stride [s0, 1]
%top = aten.topk.default(%round, 1, -1, True, True) : (float32 [2, 1] stride [1, 1], int64 [2, 1] stride [1, 1])
%item = getitem(%top, 1) : int64 [2, 1] stride [1, 1]
%pick = aten.index.Tensor(%round, [None, %item]) : float32 [2, 2, 1] stride [2, 1, 1]
%number = aten.item.default(%b_n) : size(u0)
%few = aten._assert_scalar.default([check(u0 <= s0 + 1), check(0 <= u0)], "few") : None
%nan = aten.add.Scalar(%b_n, nan) : float32 [] stride []
%none = aten._assert_async.msg(%b_n, "positive, \"I\" hope (100%)") : None
%body_0 = block body_0
%each = map_impl(%body_0, [%pick], (%p_w,)) : [float32 [2, 2, 1] stride [2, 1, 1]]
output first = %pick stride [2, 1, 1]
output size = size(2*s0 + u0)
output state = %scale stride [s0, 1] mutates %x_1
output count = %nan mutates %b_n
block body_0
  graph odd.body_0
  input y -> %y : float32 [2, 1] stride [1, 1]
  input z -> %z : bfloat16 [3] stride [1] position 1
  %sin = aten.sin.default(%y) : float32 [2, 1] stride [1, 1]
  output output_0 = %sin
""".lstrip()


def test_what_was_printed_reads_back() -> None:
    data = {'a "b".w': torch.zeros(3, dtype=torch.bfloat16), "n": torch.tensor(0)}
    graph = parse_graph(TEXT, data)
    verify(graph)
    assert print_graph(graph) == TEXT


def test_the_graph_is_what_the_text_says() -> None:
    graph = parse_graph(TEXT)
    nodes = {n.name: n for n in graph.module.graph.nodes}
    assert graph.canonical and graph.originals[0].fqn == "w" and isinstance(graph.originals[0], Original)
    assert graph.recipes == {'a "b".w': Source("w", (3,))}
    assert [(i.name, i.placeholder, i.mutated, i.origin) for i in graph.inputs] == [
        ("x", "x_1", True, "m.py:4 in forward")
    ]
    assert nodes["full"].target is torch.ops.aten.full.default and nodes["full"].args[1] == -math.inf
    assert (
        nodes["full"].kwargs["device"] == torch.device("cpu") and nodes["full"].kwargs["pin_memory"] is False
    )
    assert not is_static(nodes["full"].meta["val"]) and str(nodes["full"].meta["val"].shape[1]) == "s1"
    assert nodes["scale"].meta["origin"] == Origin("s", "aten.div.Tensor", "m.py:6 in f")
    assert nodes["item"].target is operator.getitem and nodes["item"].args == (nodes["top"], 1)
    assert nodes["round"].args[1] == 1e-05 and nodes["round"].kwargs == {"rounding_mode": "trunc"}
    assert gives_sizes(nodes["number"]) and str(nodes["number"].meta["val"]) == "u0"
    assert nodes["nan"].args[1] != nodes["nan"].args[1]
    assert graph.module.body_0 is graph.blocks["body_0"].module
    assert [o.mutates for o in graph.outputs] == ["", "", "x_1", "b_n"]
    assert [i.position for i in graph.blocks["body_0"].inputs] == [0, 1]


REFUSED = {
    "a word that begins no line": ("constant %b_n", "konstant %b_n", "expected one of graph, .*got 'konstant'"),
    "an unknown node": ("getitem(%top, 1)", "getitem(%tip, 1)", "%item = .*%tip is not defined above"),
    "an unknown symbol": ("[2, s1]", "[2, s9]", "unknown symbol 's9'"),
    "an unknown operator": ("aten.topk.default", "aten.topkk.default", 'no operator "aten.topkk.default"'),
    "an unknown overload": ("aten.topk.default", "aten.topk.best", 'no operator "aten.topk.best"'),
    "an unknown dtype": ("bfloat16 [3] stride [1] from", "bfloat17 [3] stride [1] from", "'bfloat17' is no value"),
    "a value of PyTorch's that is none": ("torch.strided", "torch.nn", "'torch.nn' is no value"),
    "a list without its end": ("[None, %item]", "[None, %item", "expected"),
    "arguments without their end": ("getitem(%top, 1) :", "getitem(%top, 1 :", "expected ','"),
    "a call without a type": (" : size(u0)", "", "expected a word, got the end of the line"),
    "more behind a line": ("output size = size(2*s0 + u0)", "output size = size(2*s0 + u0) more", "unexpected 'more'"),
    "two nodes of a name": ("%item =", "%top =", "%top is defined twice"),
    "a kind of constant": (" buffer :", " puffer :", r"expected a constant's kind \(parameter, .*got 'puffer'"),
    "a missing block": ("%body_0 = block body_0", "%body_0 = block body_1", "odd: no block body_1 in the text"),
    "an error in a block": ("aten.sin.default(%y)", "aten.sin.default(%q)", "^Graph IR line '%sin = .*%q is not defined above"),
    "a position that follows a name": ("pin_memory=False", "pin_memory=False, 3", "an argument without a name follows"),
    "a guard that is none": ("[2*s1 == s0]", "[2*s1 = s0]", "cannot read guard"),
    "a device that is none": ('device("cpu")', 'device("moon")', "moon"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_parse_is_refused_by_its_line(case: str) -> None:
    old, new, message = REFUSED[case]
    assert old in TEXT
    with pytest.raises(ValueError, match=message):
        parse_graph(TEXT.replace(old, new, 1))
