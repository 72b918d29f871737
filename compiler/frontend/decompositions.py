"""Rewrites a program into the operators that the compiler knows, with PyTorch's own decompositions.

Which operators are known, and so stay, is `compiler.ir.aten_ops.KNOWN`. Everything else is decomposed where
PyTorch has a decomposition; what is then left unknown is refused by lowering, by name.

    aten.conv2d   ->  aten.convolution
    aten.relu_    ->  aten.relu       (functionalised on the way)
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch._export.utils import _get_shape_env_from_gm
from torch._ops import HigherOrderOperator, OpOverload
from torch.export import ExportedProgram

from compiler.frontend import (
    custom_ops,
    own_decompositions,
    recurrent_decompositions,
    refusals,
    sampling_decompositions,
)
from compiler.frontend.blocks import OPERANDS, every_module
from compiler.ir.aten_ops import IGNORED, KNOWN
from compiler.support.diagnostics import refuse

# Export's form of a custom operator that writes to its arguments.
WRITING = ("auto_functionalized_v2",)
Table = dict[OpOverload, Callable[..., Any]]


def decompose(program: ExportedProgram, name: str, loops: bool) -> ExportedProgram:
    """The program in known operators, functional. The very same where nothing had to change. With `loops` recurrent layers become `scan`;
    without, their steps are written out. Raises UserError, with the model's name."""
    if problems := refusals.before(program):
        raise refuse(f"{name} cannot be compiled", problems)
    table = _table(loops)
    nodes = [n for module in every_module(program.graph_module) for n in module.graph.nodes]
    targets = [n.target for n in nodes if n.op == "call_function"]
    # To trace a custom operator again would take its Python code; our exporter has decomposed a program with one, the bodies of its
    # branches and loops too.
    is_traced = any(str(t) in WRITING for t in targets) or any(map(custom_ops.is_custom, targets))
    if all(_stays(t, table, is_traced) for t in targets):
        return program
    _forget_derived_ranges(program)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            decomposed: ExportedProgram = program.run_decompositions(dict(table))
        except Exception as error:  # whatever PyTorch raises
            raise refuse(f"{name} cannot be compiled", [refusals.explain(error, program)]) from error
    # torch 2.13 makes the new program without them. They name inputs by their paths, which stay.
    decomposed._guards_code = program._guards_code
    return decomposed


def _forget_derived_ranges(program: ExportedProgram) -> None:
    """A program with a derived dim that was saved and loaded has a range for `2*s0` beside that of `s0`, in its constraints and in the
    environment of its sizes; run_decompositions of torch 2.13 takes every key for a symbol (`symbol_is_type` raises AssertionError)."""
    environment = _get_shape_env_from_gm(program.graph_module)
    for ranges in (program.range_constraints, {} if environment is None else environment.var_to_range):
        for key in [k for k in ranges if not getattr(k, "is_Symbol", True)]:
            del ranges[key]


def _stays(target: object, table: Table, bodies_too: bool) -> bool:
    """Whether nothing here changes a call of it: it is known, or it writes to nothing, has no decomposition and is made of no others. To
    run decompositions for its sake would take the Python code of every custom operator beside it. `bodies_too`: of a branch or loop only
    what its bodies hold counts."""
    if isinstance(target, HigherOrderOperator):
        return bodies_too and str(target) in (*OPERANDS, *WRITING)
    if _is_known(target):
        return True
    if not isinstance(target, OpOverload) or target._schema.is_mutable or target in table:
        return False
    name: str = target.name()  # type: ignore[no-untyped-call]
    made_of_others = torch._C.DispatchKey.CompositeImplicitAutograd
    return not torch._C._dispatch_has_kernel_for_dispatch_key(name, made_of_others)


def _is_known(target: object) -> bool:
    """Numbers that are computed from sizes, by Python's operators or torch's `sym_` functions, are none of ATen's."""
    name = str(target)
    taken = name.startswith("aten.sym_") or name in KNOWN | IGNORED
    if custom_ops.is_custom(target):
        return not target._schema.is_mutable  # type: ignore[attr-defined]
    return taken or not isinstance(target, OpOverload)


@functools.cache
def _table(loops: bool) -> Table:
    """PyTorch's decompositions and our own, but those of known operators."""
    table: Table = dict(decomposition_table)  # type: ignore[arg-type]
    table.update(torch.export.default_decompositions().items())  # type: ignore[no-untyped-call]
    table.update(own_decompositions.TABLE)
    table.update(sampling_decompositions.TABLE)
    if loops:
        table.update(recurrent_decompositions.TABLE)
    return {op: function for op, function in table.items() if str(op) not in KNOWN}
