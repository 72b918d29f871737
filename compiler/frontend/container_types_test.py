"""Programs whose results are of a type that this process does not know."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils import _pytree as pytree

from compiler.frontend import container_types, load
from compiler.ir.graph import ModelGraph
from compiler.support.options import CompileOptions, Context

# Run in another process, which alone has the types.
_EXPORTER = """
import sys
from collections import OrderedDict
import torch
from torch.utils import _pytree as pytree

class Output(OrderedDict): pass
class Cache:
    def __init__(self, *tensors): self.tensors = tensors

pytree.register_pytree_node(Output, lambda o: (list(o.values()), list(o)), lambda v, c: Output(zip(c, v)),
                            serialized_type_name="elsewhere.Output")
pytree.register_pytree_node(Cache, lambda c: (list(c.tensors), {"layers": 1}), lambda v, c: Cache(*v),
                            serialized_type_name="elsewhere.Cache")

class Model(torch.nn.Module):
    def forward(self, x):
        y = MUTATE
        return Output(logits=y.relu(), state=Cache(y * 2, y + 1))

program = torch.export.export(Model(), (torch.zeros(3),), strict=False)
torch.export.save(program, sys.argv[1])
"""


def loaded(tmp_path: Path, expression: str) -> ModelGraph:
    path = tmp_path / "model.pt2"
    subprocess.run([sys.executable, "-c", _EXPORTER.replace("MUTATE", expression), path], check=True)
    return load.load(path, Context(CompileOptions("m")))


# The second needs PyTorch's own loader: it changes an input.
@pytest.mark.parametrize("expression", ["x.sin()", "x.mul_(2)"])
def test_outputs_have_the_names_of_the_branches(tmp_path: Path, expression: str) -> None:
    graph = loaded(tmp_path, expression)
    named = [o.name for o in graph.outputs if not o.mutates]
    assert named[0] == "logits"
    assert len(set(named)) == 3
    assert "elsewhere.Cache" in graph.out_spec and "elsewhere.Output" in graph.out_spec


def test_the_text_of_a_tree_is_kept() -> None:
    leaf: dict[str, object] = {"type": None, "context": None, "children_spec": []}
    text = json.dumps([1, {"type": "elsewhere.Kept", "context": '["a"]', "children_spec": [leaf]}])
    container_types.declare(
        {"graph_module": {"module_call_graph": [{"signature": {"in_spec": text, "out_spec": text}}]}}
    )
    assert pytree.treespec_dumps(pytree.treespec_loads(text)) == text


@pytest.mark.parametrize(
    "program", [{}, {"graph_module": {"module_call_graph": [{"signature": {"in_spec": "[", "out_spec": 1}}]}}]
)
def test_malformed_programs_are_left_to_the_reader(program: dict[str, object]) -> None:
    container_types.declare(program)


def test_named_tuples_of_torch_have_a_form_with_their_fields() -> None:
    container_types.name_return_types()
    spec = pytree.tree_structure(torch.rand(2, 3).max(1))
    text = pytree.treespec_dumps(spec)
    assert json.loads(json.loads(text)[1]["context"]) == ["values", "indices"]
    assert pytree.treespec_loads(text) == spec
    tree = pytree.tree_unflatten([1, 2], spec)
    assert isinstance(tree, torch.return_types.max) and tree.values == 1
    assert [str(path[0]) for path, _ in pytree.tree_flatten_with_path(tree)[0]] == [
        "['values']",
        "['indices']",
    ]
