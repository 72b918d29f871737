"""What PyTorch's decompositions cannot do, or do wrongly: refused with the operator and the model's line.

Enters: a program before it is decomposed; the exception of a decomposition that failed. Leaves: problems.

    interpolate of uint8   ->   "aten.upsample_bilinear2d.vec of uint8 is not supported", "at models/x.py:12 in forward", ...

Before/after: nothing here changes a program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
import torch.fx
from torch._ops import OpOverload
from torch.export import ExportedProgram

from compiler.frontend import custom_ops
from compiler.frontend.provenance import location
from compiler.support.diagnostics import Problem

# After run_decompositions of torch 2.13 their out= tensor keeps what it held before.
_LOSES_OUT = frozenset(("aten::linalg_matrix_rank",))
# Eager computes these of uint8 in integers of its own scale; PyTorch's decompositions do not, and differ by one.
_ROUNDS_BYTES = frozenset(
    f"aten::{name}"
    for name in (
        "upsample_bilinear2d",
        "upsample_bicubic2d",
        "_upsample_bilinear2d_aa",
        "_upsample_bicubic2d_aa",
    )
)
# Their out= forms are decomposed into a call that returns error codes and one that checks them.
_CHECKS_ERRORS = frozenset(
    f"aten::linalg_{name}" for name in "cholesky inv ldl_factor lu_factor solve tensorinv tensorsolve".split()
)
_MAKES_COMPLEX = frozenset(("aten::complex", "aten::polar"))
_EXECUTING = re.compile(r"While executing %(\w+)")
_LONGEST = 240


def before(program: ExportedProgram) -> list[Problem]:
    """Calls that would come out wrong, or end in an error that names nothing of the model."""
    return [p for node in program.graph.nodes if isinstance(node.target, OpOverload) for p in _of_call(node)]


def _of_call(node: torch.fx.Node) -> Iterator[Problem]:
    assert isinstance(node.target, OpOverload)
    name, where = node.target._schema.name, location(node.meta.get("stack_trace"))
    if name in _LOSES_OUT and any(a.is_out for a in node.target._schema.arguments):
        what = f"{node.target} writes into out=, and PyTorch's run_decompositions loses what it writes"
        yield Problem(what, where, "call it without out=")
    if name in _CHECKS_ERRORS and any(a.is_out for a in node.target._schema.arguments):
        what = f"{node.target} checks its errors by an operator with an effect, which is not supported"
        yield Problem(what, where, "call it without out=")
    if custom_ops.is_custom(node.target) and _returns_what_it_writes(node.target):
        what = f"{node.target._schema} returns an argument that it writes to, which export makes no result of"
        yield Problem(
            what,
            where,
            "define it with tags=[torch.Tag.inplace] or [torch.Tag.out], or let it return nothing",
        )
    if name in _ROUNDS_BYTES and _dtype(node.args[0]) == torch.uint8:
        yield Problem(
            f"{node.target} of uint8 is not supported",
            where,
            "convert the image to float32 before, and round the result",
        )
    if name in _MAKES_COMPLEX:
        yield Problem(
            f"{node.target} makes a complex tensor, which is not supported",
            where,
            "keep real and imaginary parts as two real tensors",
        )


def _returns_what_it_writes(op: OpOverload) -> bool:
    """And is in neither of the forms that PyTorch has for that, which a tag tells."""
    aliased = any(r.alias_info is not None for r in op._schema.returns)
    return op._schema.is_mutable and aliased and not {torch.Tag.inplace, torch.Tag.out} & set(op.tags)


def _dtype(argument: object) -> torch.dtype | None:
    value = argument.meta.get("val") if isinstance(argument, torch.fx.Node) else None
    return value.dtype if isinstance(value, torch.Tensor) else None


def explain(error: Exception, program: ExportedProgram) -> Problem:
    """Why a decomposition failed, with the call that it was at, where the error names one."""
    text = str(error).strip()
    first = next((row.strip() for row in text.splitlines() if row.strip()), "")[:_LONGEST]
    found = _EXECUTING.search(text)
    node = next((n for n in program.graph.nodes if found and n.name == found[1]), None)
    reason = f"{type(error).__name__}: {first}"
    if node is None:
        what = f"PyTorch's ExportedProgram.run_decompositions fails for this model: {reason}"
        return Problem(
            what, "", "a known reason is a buffer with two names that the model writes to: give it one"
        )
    what = f"PyTorch's ExportedProgram.run_decompositions fails at {node.target}: {reason}"
    remedy = "write it with other operators, or where it is an in-place one (name_) with the one that returns its result"
    return Problem(what, location(node.meta.get("stack_trace")), remedy)
