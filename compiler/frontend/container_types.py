"""Container types of the model's own library, by which an exported program names its inputs and outputs.

A model of transformers returns `transformers.modeling_outputs.CausalLMOutput`; the `.pt2` has the type's name, and PyTorch reads it only
where that library is imported. The compiler needs the tree and the names of its branches, not the type: each type that is not registered
here gets a stand-in with the same serialised form.

    {"type": "lib.Output", "context": "[\\"logits\\", \\"state\\"]", "children_spec": [leaf, leaf]}   ->   outputs `logits` and `state`

PyTorch's own named tuples (`torch.return_types.max`, what `x.max(1)` is) have no serialised form there: they get one here, with the names
of their fields, so that a model may return them as they are.

    torch.return_types.max   ->   {"type": "torch.return_types.max", "context": "[\\"values\\", \\"indices\\"]", ...}

Invariant: what `pytree.treespec_dumps` makes of a tree with stand-ins is the text that it was read from.
"""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.utils import _pytree as pytree


class Container:
    """A node of a tree: its branches, and the context as the file has it."""

    def __init__(self, children: Iterable[Any], context: Any) -> None:
        self.children = list(children)
        self.context = context


def declare(program: Mapping[str, Any]) -> None:
    """Registers a stand-in for each unknown type in the call signatures of a serialised program."""
    try:
        calls = program["graph_module"]["module_call_graph"]
        texts = [
            c["signature"][spec] for c in calls if c.get("signature") for spec in ("in_spec", "out_spec")
        ]
        names = {name for text in texts for name in _type_names(json.loads(text)[1])}
    except (KeyError, TypeError, ValueError, IndexError, RecursionError):
        return  # malformed: the reader of the program says so
    for name in sorted(names - pytree.SERIALIZED_TYPE_TO_PYTHON_TYPE.keys()):
        _register(name)


@functools.cache
def name_return_types() -> None:
    """Gives each of `torch.return_types` a serialised form. What a tree of them is does not change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are registered already, without a name
        for found in torch.return_types.all_return_types:
            if isinstance(found, type) and issubclass(found, tuple):
                _register_return_type(found)


def _register_return_type(kind: Any) -> None:
    fields = list(kind.__match_args__)

    def with_keys(value: Any) -> tuple[list[tuple[Any, Any]], None]:
        return [(pytree.MappingKey(f), v) for f, v in zip(fields, value, strict=True)], None

    pytree._private_register_pytree_node(
        kind,
        lambda value: (list(value), None),
        lambda values, _: kind(values),
        serialized_type_name=f"torch.return_types.{kind.__name__}",
        to_dumpable_context=lambda _: json.dumps(fields),
        from_dumpable_context=lambda _: None,
        flatten_with_keys_fn=with_keys,
    )


def _type_names(spec: Mapping[str, Any]) -> Iterator[str]:
    if spec["type"] is not None:
        yield str(spec["type"])
    for child in spec["children_spec"]:
        yield from _type_names(child)


def _register(name: str) -> None:
    stand_in = type(name.rpartition(".")[2], (Container,), {})
    pytree.register_pytree_node(
        stand_in,
        lambda c: (c.children, c.context),
        stand_in,
        serialized_type_name=name,
        to_dumpable_context=lambda context: context,
        from_dumpable_context=lambda context: context,
        flatten_with_keys_fn=_with_keys,
    )


def _with_keys(container: Any) -> tuple[list[tuple[Any, Any]], Any]:
    """Branches by name where the context is a list of as many names, else by position."""
    try:
        names = json.loads(container.context)
    except (TypeError, ValueError):
        names = None
    count = len(container.children)
    if isinstance(names, list) and len(names) == count and all(isinstance(n, str) for n in names):
        keys: list[Any] = [pytree.MappingKey(n) for n in names]
    else:
        keys = [pytree.SequenceKey(k) for k in range(count)]
    return list(zip(keys, container.children, strict=True)), container.context
