"""Rewrites a program into the operators that the compiler knows, with PyTorch's own decompositions.

Which operators are known, and so stay, is `compiler.ir.aten_ops.KNOWN`. Everything else is decomposed where
PyTorch has a decomposition; what is then left unknown is refused by lowering, by name.

    aten.conv2d   ->  aten.convolution
    aten.relu_    ->  aten.relu       (functionalised on the way)
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch._decomp import decomposition_table
from torch._ops import HigherOrderOperator, OpOverload
from torch.export import ExportedProgram

from compiler.ir.aten_ops import IGNORED, KNOWN
from compiler.support.diagnostics import UserError


def decompose(program: ExportedProgram) -> ExportedProgram:
    """The program in known operators, functional. The very same where nothing had to change."""
    if all(_is_known(n.target) for n in program.graph.nodes if n.op == "call_function"):
        return program
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            decomposed: ExportedProgram = program.run_decompositions(_table())
        except Exception as error:  # whatever PyTorch raises
            raise UserError(
                f"PyTorch's ExportedProgram.run_decompositions fails for this model: {type(error).__name__}: {error}; a known "
                "reason is a buffer with two names that the model writes to: give it one"
            ) from error
        return decomposed


def _is_known(target: object) -> bool:
    if target is operator.getitem:
        return True
    return not isinstance(target, HigherOrderOperator) and str(target) in KNOWN | IGNORED


def _table() -> dict[OpOverload, Callable[..., Any]]:
    """All of PyTorch's decompositions but those of known operators."""
    table: dict[OpOverload, Callable[..., Any]] = dict(decomposition_table)  # type: ignore[arg-type]
    table.update(torch.export.default_decompositions().items())  # type: ignore[no-untyped-call]
    return {op: function for op, function in table.items() if str(op) not in KNOWN}
