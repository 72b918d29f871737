"""What a caller may say of the inputs beside their tensors: the names of the parameters, and the values that export fixed.

Enters: parameter names and, of each leaf of the arguments, its fixed value or that it is a tensor. Leaves: JSON that goes to the library
as it is (`call_info` of aoti/model_desc.h).

    forward(x, n) exported with (tensor, 3)   ->   {"fixed": {"1": 3}, "names": ["x", "n"]}
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, TensorArgument

TENSOR = object()


def of_program(program: ExportedProgram) -> str:
    """Of a program in memory."""
    signature = program.module_call_graph[0].signature
    specs = [s for s in program.graph_signature.input_specs if s.kind == InputKind.USER_INPUT]
    leaves = (TENSOR if isinstance(s.arg, TensorArgument) else getattr(s.arg, "value", None) for s in specs)
    return text((signature.forward_arg_names if signature else None) or [], leaves)


def of_file(signature: Mapping[str, Any], specs: Sequence[Mapping[str, Any]]) -> str:
    """Of the JSON of a `.pt2`: the call's signature, and the graph's input specs."""
    leaves: list[object] = []
    for spec in specs:
        if "constant_input" in spec:
            ((kind, value),) = spec["constant_input"]["value"].items()
            leaves.append(None if kind == "as_none" else value)
        elif "user_input" in spec:
            ((kind, value),) = spec["user_input"]["arg"].items()
            leaves.append(TENSOR if kind == "as_tensor" else None if kind == "as_none" else value)
    return text(signature.get("forward_arg_names") or [], leaves)


def text(names: Sequence[str], leaves: Iterable[object]) -> str:
    fixed = {str(k): _plain(value) for k, value in enumerate(leaves) if value is not TENSOR}
    return json.dumps({"fixed": fixed, "names": list(names)}, sort_keys=True)


def _plain(value: object) -> object:
    """As JSON has it; what it has no form for is compared by its text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
