"""Loading: names and origins, what is refused and how, files that are not what they should be."""

from __future__ import annotations

import json
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn
from torch._higher_order_ops import while_loop
from torch._higher_order_ops.triton_kernel_wrap import kernel_side_table, triton_kernel_wrapper_functional

from compiler.frontend import checks, provenance
from compiler.frontend.load import from_program, load
from compiler.ir.graph import ModelGraph, gives_sizes
from compiler.ir.graph_text import print_graph
from compiler.support.diagnostics import UserError
from compiler.support.options import CompileOptions, Context
from compiler.support.origins import Origin

X = torch.randn(2, 3)


def _ctx() -> Context:
    return Context(CompileOptions("model"))


def _graph(module: nn.Module, *args: Any, **options: Any) -> ModelGraph:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return from_program(torch.export.export(module, args, strict=False, **options), _ctx())


class Sine(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x)


class Result(NamedTuple):
    embedding: torch.Tensor
    parts: list[torch.Tensor]


torch.utils._pytree._register_namedtuple(Result, serialized_type_name="load_test.Result")


class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3))
        self.register_buffer("offset", torch.randn(3), persistent=False)
        self.offset: torch.Tensor

    def forward(
        self, ids: torch.Tensor, more: dict[str, torch.Tensor], scale: float, *, flag: torch.Tensor
    ) -> Result:
        y = ids * self.weight + self.offset + more["mask"] + torch.tensor([1.0, 2.0, 3.0]) * scale
        return Result(y, [y + flag, y.t()])


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    file = tmp_path / "sine.pt2"
    torch.export.save(torch.export.export(Sine(), (X,), strict=False), file)
    return file


def test_data_that_is_not_of_the_graphs_type_is_refused(tmp_path: Path) -> None:
    program = torch.export.export(nn.Linear(3, 2), (X,), strict=False)
    program.state_dict["weight"] = nn.Parameter(torch.zeros(3, 3))
    why = re.escape(
        "the data of weight is torch.float32 [3, 3], the graph was exported with torch.float32 [2, 3]"
    )
    torch.export.save(program, tmp_path / "m.pt2")
    with pytest.raises(UserError, match=why):
        load(tmp_path / "m.pt2", _ctx())
    with pytest.raises(UserError, match=why):
        from_program(program, _ctx())


def test_a_file_gives_the_graph_with_origins(saved: Path) -> None:
    graph = load(saved, _ctx())
    assert [i.name for i in graph.inputs] == ["x"] and [o.name for o in graph.outputs] == ["sin"]
    assert graph.inputs[0].origin.startswith("load_test.py:") and graph.inputs[0].origin.endswith(
        "in forward"
    )
    assert json.loads(graph.in_spec)[0] == 1


def test_names_and_kinds_follow_the_signature() -> None:
    more = {"mask": torch.randn(2, 3)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = torch.export.export(Named(), (X, more, 2.0), {"flag": torch.ones(3)}, strict=False)
        graph = from_program(exported, _ctx())
    assert [i.name for i in graph.inputs] == ["ids", "more_mask", "flag"]
    assert [(c.fqn, c.kind) for c in graph.constants][:2] == [("weight", "parameter"), ("offset", "buffer")]
    assert graph.constants[2].kind == "tensor"
    assert [o.name for o in graph.outputs] == ["embedding", "parts", "parts_1"]
    assert [o.stride for o in graph.outputs] == [(3, 1), (3, 1), (1, 3)]


def test_known_operators_are_not_decomposed_and_in_place_ones_are() -> None:
    class Model(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            normal: torch.Tensor = nn.functional.layer_norm(x.clone().relu_(), (3,))
            return normal

    names = [str(n.target) for n in _graph(Model(), X).module.graph.nodes if n.op == "call_function"]
    assert (
        "aten.layer_norm.default" in names
        and "aten.relu.default" in names
        and "aten.relu_.default" not in names
    )


def test_everything_that_is_unsupported_is_listed_at_once() -> None:
    class Model(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            real: torch.Tensor = torch.fft.fft(x).real
            return real + x.to(torch.float8_e4m3fn).to(torch.float32)

    with pytest.raises(UserError) as error:
        _graph(Model(), X)
    text = str(error.value)
    assert "complex64" in text and "float8_e4m3fn" in text and "supported: uint8" in text
    assert "load_test.py:" in text


def test_what_the_model_changes_is_told_by_placeholder() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("state", torch.zeros(3))
            self.register_buffer("fixed", torch.ones(3))
            self.state: torch.Tensor
            self.fixed: torch.Tensor

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            self.state.add_(self.fixed)
            return y.mul_(2) + x

    graph = _graph(Model(), X, torch.ones(2, 3))
    assert [(i.name, i.mutated) for i in graph.inputs] == [("x", False), ("y", True)]
    assert [(c.fqn, c.mutated) for c in graph.constants] == [("state", True), ("fixed", False)]
    assert [(o.name, o.mutates) for o in graph.outputs][:2] == [("new_b_state", "b_state"), ("new_y", "y")]
    assert graph.outputs[2].mutates == "" and graph.outputs[2].stride == (3, 1)


def test_bodies_of_control_flow_are_graphs_with_their_constants() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = torch.cond(x.sum() > 0, lambda v: self.linear(v), lambda v: v.cos(), [x])
            return result

    graph = _graph(Model(), X)
    assert list(graph.blocks) == ["true_graph_0", "false_graph_0"]
    then = graph.blocks["true_graph_0"]
    assert sorted(c.fqn for c in then.constants) == ["linear.bias", "linear.weight"]
    assert [i.position for i in then.inputs] == [0] and "in forward" in print_graph(graph)


def test_other_higher_order_operators_are_refused_with_their_line() -> None:
    class Model(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            from torch.nn.attention.flex_attention import flex_attention

            result: torch.Tensor = flex_attention(x, x, x)
            return result

    message = "operator flex_attention is not supported.*load_test.py.*supported: cond, while_loop"
    with pytest.raises(UserError, match=re.compile(message, re.DOTALL)):
        _graph(Model(), torch.randn(1, 1, 16, 16))


def test_dynamic_sizes_become_expressions() -> None:
    graph = _graph(Sine(), X, dynamic_shapes={"x": {0: torch.export.Dim("rows", min=1, max=9)}})
    (size, _) = next(iter(graph.module.graph.nodes)).meta["val"].shape
    assert (str(size), size.lo, size.hi) == ("s0", 1, 9)


def test_sizes_that_depend_on_data_are_symbols_of_the_operator_that_gives_them() -> None:
    class Positions(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, Any]:
            return x[x > 0] * 2, x.sum().to(torch.int64).item() + 1

    graph = _graph(Positions(), X)
    givers = [n for n in graph.module.graph.nodes if n.op == "call_function" and gives_sizes(n)]
    assert [str(n.target) for n in givers] == ["aten.index.Tensor", "aten.item.default"]
    assert str(givers[0].meta["val"].shape[0]) == "u0" and str(givers[1].meta["val"]) == "u1"
    assert not givers[1].users
    (output,) = (n for n in graph.module.graph.nodes if n.op == "output")
    assert str(output.args[0][1]) == "u1 + 1"


def test_what_a_model_states_of_a_size_from_data_is_a_guard_on_either_way_in(tmp_path: Path) -> None:
    class Net(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[Any, ...]:
            count = torch.nonzero(x).shape[0]
            torch._check(count <= y.shape[0])  # type: ignore[no-untyped-call]
            return y[:count] * 2, x.max().item()

    sizes = tuple({0: torch.export.Dim(name)} for name in ("a", "b"))
    program = torch.export.export(Net(), (X[0], X[1]), dynamic_shapes=sizes)
    torch.export.save(program, tmp_path / "model.pt2")
    for graph in (from_program(program, _ctx()), load(tmp_path / "model.pt2", _ctx())):
        assert "u0 <= s1" in map(str, graph.guards) and "_assert_scalar" not in print_graph(graph)


def test_guards_of_a_file_outlive_decompositions(tmp_path: Path) -> None:
    """With a derived dim, whose range the file has, and a loop, whose decomposition looks at all ranges."""

    class Net(nn.Module):
        def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[Any, ...]:
            torch._check(x.shape[0] != 8)  # type: ignore[no-untyped-call]
            start = (torch.zeros((), dtype=torch.int64), x.sigmoid())
            loop: Any = while_loop  # typed as little as PyTorch types it
            _, last = loop(lambda i, v: i < 3, lambda i, v: (i + 1, v.cos()), start)
            return last.view(-1, 2, 3), nn.functional.hardshrink(y)

    dim = torch.export.Dim("dim", min=2)
    shapes = ({0: torch.export.Dim.AUTO}, {0: 2 * dim + 1})
    program = torch.export.export(Net(), (torch.randn(6, 3), torch.randn(9)), dynamic_shapes=shapes)
    torch.export.save(program, tmp_path / "model.pt2")
    for graph in (from_program(program, _ctx()), load(tmp_path / "model.pt2", _ctx())):
        x, y = (n.meta["val"] for n in graph.module.graph.nodes if n.op == "placeholder")
        assert (str(x.shape[0]), str(y.shape[0])) == ("2*s0", "2*s1 + 1")  # `view` divides by two
        assert [str(g) for g in graph.guards] == ["2*s0 != 8"]


def test_a_size_from_data_of_an_operator_that_cannot_give_one_is_refused_by_name() -> None:
    class Rows(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows: torch.Tensor = torch.unique(x, dim=0)
            return rows

    with pytest.raises(
        UserError, match=r"unique_dim.* whose size depends on data, which is supported of .*aten.nonzero"
    ):
        _graph(Rows(), X)


def test_a_condition_read_out_of_a_tensor_is_no_value() -> None:
    class Condition(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, Any]:
            return x + 1, (x.sum() > 0).item()

    with pytest.raises(UserError, match="the condition u0 == 1 is used as a value by output"):
        _graph(Condition(), X)


def test_a_float_read_out_of_a_tensor_is_a_number() -> None:
    class Item(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, Any]:
            number = x.sum().item()
            return x + number, number * 2 + 1

    graph = _graph(Item(), X)
    (output,) = (n for n in graph.module.graph.nodes if n.op == "output")
    assert str(output.args[0][1]) == "add(mul(2.0, read(f0)), 1.0)"


def test_what_decompositions_cannot_do_is_refused_with_the_models_line() -> None:
    class Images(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            large = nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear")
            return large, torch.view_as_real(torch.complex(x.float(), x.float()))

    with pytest.raises(UserError) as error:
        _graph(Images(), torch.zeros(1, 1, 3, 3, dtype=torch.uint8))
    text = str(error.value)
    assert "2 problems" in text and text.count("load_test.py:") == 2
    assert (
        "upsample_bilinear2d.vec of uint8" in text and "aten.complex.default makes a complex tensor" in text
    )


def test_a_decomposition_that_fails_is_named_with_the_models_line() -> None:
    class InPlace(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = x.clone().polygamma_(1)
            return result

    with pytest.raises(
        UserError, match=r"fails at aten\.polygamma_\.default: RuntimeError[^\0]*at load_test\.py:"
    ):
        _graph(InPlace(), X)


def test_an_operator_with_an_effect_is_named() -> None:
    class Inverse(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = torch.linalg.inv(x, out=torch.zeros(3, 3))
            return result

    with pytest.raises(
        UserError, match="aten.linalg_inv.out checks its errors.*\n.*load_test.py:.*\n.*without out="
    ):
        _graph(Inverse(), torch.eye(3))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("missing", "there is no such file"),
        ("folder", "is a folder"),
        ("empty", "is not a whole .pt2 archive"),
        ("truncated", "is not a whole .pt2 archive"),
        ("flipped", "Bad CRC-32"),
        ("foreign", "without an exported program"),
        (
            "version 7.1",
            r"torch 2\.[0-9.+a-z]+ with schema version 7.1, this is torch 2.*export the model again",
        ),
        ("version 8.999", "schema version 8.999"),
        ("torch 2.9.1", r"exported by torch 2\.9\.1 with schema version .*this is torch 2\.[0-9]+\.[0-9]"),
        ("torch <=2.4", "exported by torch <=2.4"),
    ],
)
def test_files_that_are_no_programs(saved: Path, tmp_path: Path, damage: str, message: str) -> None:
    file = tmp_path / "bad.pt2"
    _damage(saved, file, damage)
    with pytest.raises(UserError, match=message) as error:
        load(file, _ctx())
    assert str(file) in str(error.value)


def _damage(saved: Path, file: Path, how: str) -> None:
    content = saved.read_bytes()
    if how == "folder":
        file.mkdir()
    elif how in ("empty", "truncated"):
        file.write_bytes(content[: len(content) // 2] if how == "truncated" else b"")
    elif how == "flipped":
        at = content.index(b'"graph_module"')
        file.write_bytes(content[:at] + b"X" + content[at + 1 :])
    elif how == "foreign" or how.startswith(("version", "torch")):
        with zipfile.ZipFile(saved) as old, zipfile.ZipFile(file, "w") as new:
            for name in old.namelist():
                data = old.read(name)
                if "/models/" in name and how != "foreign":
                    data = json.dumps({**json.loads(data), **_version(how)}).encode()
                if "/models/" not in name or how != "foreign":
                    new.writestr(name, data)


def _version(how: str) -> dict[str, Any]:
    what, _, number = how.partition(" ")
    if what == "torch":
        return {"torch_version": number}
    major, minor = map(int, number.split("."))
    return {"schema_version": {"major": major, "minor": minor}}


def test_another_build_of_the_same_release_is_no_other_version(saved: Path, tmp_path: Path) -> None:
    file = tmp_path / "cuda.pt2"
    _damage(saved, file, f"torch {torch.__version__.partition('+')[0]}+cu130")
    load(file, _ctx())


def test_the_line_is_the_innermost_of_the_model() -> None:
    trace = 'File "models/x.py", line 3, in build\n  a\nFile "models/x.py", line 12, in forward\n  b\nFile "torch/nn/f.py", line 9, in g\n'
    assert provenance.location(trace) == "models/x.py:12 in forward"
    assert provenance.location('File "/home/me/y.py", line 1, in forward') == "y.py:1 in forward"
    assert provenance.location(None) == ""


def test_a_users_triton_kernel_is_refused_by_its_name() -> None:
    class Jitted:  # as triton.jit leaves a function; Triton itself is not needed for this
        def __init__(self, fn: object) -> None:
            self.fn = fn

    def my_kernel() -> None: ...

    number = kernel_side_table.add_kernel(Jitted(Jitted(my_kernel)))
    graph = torch.fx.Graph()
    arguments: dict[str, Any] = {"kernel_idx": number, "grid": [(1, 1, 1)], "kwargs": {}}
    node = graph.call_function(triton_kernel_wrapper_functional, (), arguments)
    node.meta["origin"] = Origin("k", "triton", "model.py:7 in forward")
    (problem,) = checks._node(node)
    assert (
        "the Triton kernel my_kernel of the model" in problem.what
        and problem.where == "model.py:7 in forward"
    )
    assert "GPU only" in problem.remedy


def test_an_out_tensor_that_pytorch_loses_is_refused() -> None:
    class Rank(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rank = torch.zeros((), dtype=torch.int64)
            torch.linalg.matrix_rank(x, out=rank)
            return rank

    with pytest.raises(UserError, match=r"linalg_matrix_rank.* writes into out=[^\0]*call it without out="):
        _graph(Rank(), torch.eye(3))
