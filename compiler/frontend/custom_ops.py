"""Custom operators: which calls are custom, and their schemas, which a `.pt2` file does not have of itself.

Enters: a program in memory, at export; the schemas that the exporter put beside the program, at compile time. Leaves: the schemas as
text; operators that are known to this process by their schema alone, so that the file can be read where their Python code is not.

    custom_ops.json in the archive: ["mylib::scale(Tensor x, float factor) -> Tensor"]
"""

from __future__ import annotations

import json
from typing import Any

import torch
from torch._ops import OpOverload
from torch.export import ExportedProgram

from compiler.frontend.blocks import every_module
from compiler.ir.aten_ops import PYTORCH_NAMESPACES
from compiler.support.diagnostics import UserError

FILE = "custom_ops.json"
_DECLARED: list[torch.library.Library] = []  # a library's operators live as long as it


def is_custom(target: object) -> bool:
    return isinstance(target, OpOverload) and target.namespace not in PYTORCH_NAMESPACES


def schema_text(op: OpOverload) -> str:
    """As the library's table and a kernel's registration have it."""
    return str(op._schema)


def schemas(program: ExportedProgram) -> list[str]:
    """Of all custom operators that the program calls, sorted."""
    nodes = (n for module in every_module(program.graph_module) for n in module.graph.nodes)
    # One that writes to its arguments is an argument itself (auto_functionalized_v2).
    targets = (t for n in nodes for t in (n.target, *n.args[:1]))
    return sorted({schema_text(t) for t in targets if isinstance(t, OpOverload) and is_custom(t)})


def extra_files(program: ExportedProgram) -> dict[str, str]:
    """What goes into the archive beside the program."""
    found = schemas(program)
    return {FILE: json.dumps(found)} if found else {}


def declare(found: Any, path: object) -> None:
    """Makes the operators of these schemas known. Raises UserError for what is no list of schemas, and for an operator that this process
    knows with another schema."""
    if found is None:
        return
    if not isinstance(found, list) or not all(isinstance(s, str) for s in found):
        raise UserError(f"{path}: its {FILE} is no list of schemas; export the model again")
    for schema in found:
        _declare(schema, path)


def _declare(schema: str, path: object) -> None:
    try:
        parsed = torch._C.parse_schema(schema)
        namespace, _, name = parsed.name.partition("::")
        known = _find(namespace, name, parsed.overload_name)
        if known is None:
            library: Any = torch.library.Library(namespace, "FRAGMENT")  # type: ignore[no-untyped-call]
            library.define(schema.partition("::")[2])
            _DECLARED.append(library)
            return
    except RuntimeError as error:
        first = str(error).splitlines()[0]
        raise UserError(f"{path}: {schema!r} of its {FILE} cannot be declared: {first}") from error
    if known != str(parsed):
        raise UserError(
            f"{path}: was exported with {parsed}, but the operator is {known} here; export the model again"
        )


def _find(namespace: str, name: str, overload: str) -> str | None:
    """The schema of an operator that this process knows."""
    overloads = torch._C._jit_get_operation(f"{namespace}::{name}")[1] or ()
    return str(torch._C._get_schema(f"{namespace}::{name}", overload)) if overload in overloads else None
