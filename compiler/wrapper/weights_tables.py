"""The tables of `aoti/weights_desc.h`: what the model holds by name, and how each stored constant is made of it.

Enters: a `wrapper.Plan` (its originals and the recipes of its constants). Leaves: C++ text with constant data only, before the table of
the model, which names `kOriginals` and `kRecipes`.

    static const int64_t kRecipe0[] = {0, 0, 1, 2, 10, 3, 1, 10, 0, ...};
    static const AotiRecipe kRecipes[] = {
        {kRecipe0, 18, nullptr, nullptr, 0, 0},
    };
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from compiler.ir.recipe import (
    BINARY,
    UNARY,
    Binary,
    Cast,
    Cat,
    Fixed,
    Pad,
    Recipe,
    Scalar,
    Source,
    Unary,
    View,
    postorder,
    sources,
)
from compiler.ir.wrapper import Plan
from compiler.support.cpp_text import string
from compiler.support.diagnostics import InternalError
from compiler.wrapper.cpp_names import dtype_constant

_SOURCE, _VIEW, _PAD, _CAT, _CAST, _SCALAR, _UNARY, _BINARY = range(8)
_KINDS = {"parameter": "PARAMETER", "buffer": "BUFFER", "tensor": "TENSOR"}


def weights_tables(plan: Plan) -> str:
    """Both tables and their arrays; "" for a model without constants of its own."""
    numbers = {o.fqn: n for n, o in enumerate(plan.originals)}
    # Of tied weights the runtime keeps the value of the first, whichever the model read and the caller gives.
    owners = {o.fqn: numbers[o.same_as or o.fqn] for o in plan.originals}
    return _originals(plan, numbers) + _recipes(plan, owners)


def words(recipe: Recipe, numbers: Mapping[str, int]) -> list[int]:
    """The program of the stack machine. `numbers`: index of each original by fqn."""
    return [word for step in postorder(recipe) for word in _step(step, numbers)]


def _step(step: Recipe, numbers: Mapping[str, int]) -> list[int]:
    if isinstance(step, Source):
        if step.fqn not in numbers:
            raise InternalError(f"a recipe names {step.fqn!r}, which is no parameter or buffer of the model")
        return [_SOURCE, numbers[step.fqn]]
    if isinstance(step, View):
        return [_VIEW, len(step.shape), *step.shape, *step.stride, step.offset]
    if isinstance(step, Pad):
        return [_PAD, step.dim, step.size]
    if isinstance(step, Cat):
        return [_CAT, len(step.parts), step.dim]
    if isinstance(step, Cast):
        return [_CAST, step.dtype.code]
    if isinstance(step, Scalar):
        return [_SCALAR, struct.unpack("<q", struct.pack("<d", step.value))[0]]
    if isinstance(step, Unary):
        return [_UNARY, UNARY.index(step.op)]
    assert isinstance(step, Binary)
    return [_BINARY, BINARY.index(step.op)]


def _originals(plan: Plan, numbers: Mapping[str, int]) -> str:
    text, rows = "", []
    for n, o in enumerate(plan.originals):
        sizes = "nullptr"
        if o.shape:
            sizes = f"kOriginal{n}Sizes"
            text += f"static const int64_t {sizes}[] = {_braced(o.shape)};\n"
        rows.append(
            f"    {{{string(o.name)}, {string(o.fqn)}, {dtype_constant(o.dtype)}, {len(o.shape)}, {sizes}, "
            f"AOTI_CONSTANT_{_KINDS[o.kind]}, {numbers[o.same_as] if o.same_as else -1}, {o.content_hash}u}},\n"
        )
    return text + (f"static const AotiOriginalDesc kOriginals[] = {{\n{''.join(rows)}}};\n\n" if rows else "")


def _recipes(plan: Plan, owners: Mapping[str, int]) -> str:
    """One row for each stored constant. `owners`: the original that holds the value of each."""
    text, rows = "", []
    for n, slot in enumerate(plan.constants):
        recipe = slot.recipe or Fixed("what the compiler made of it", ())
        if isinstance(recipe, Fixed):
            used = [owners[fqn] for fqn in sources(recipe)]
            if used:
                text += f"static const int32_t kRecipe{n}Sources[] = {_braced(used)};\n"
            array = f"kRecipe{n}Sources" if used else "nullptr"
            rows.append(f"    {{nullptr, 0, {string(recipe.reason)}, {array}, {len(used)}, 0}},\n")
            continue
        program = words(recipe, owners)
        text += f"static const int64_t kRecipe{n}[] = {_braced(program)};\n"
        rows.append(f"    {{kRecipe{n}, {len(program)}, nullptr, nullptr, 0, 0}},\n")
    return text + (f"static const AotiRecipe kRecipes[] = {{\n{''.join(rows)}}};\n" if rows else "")


def _braced(values: Sequence[int]) -> str:
    return "{" + ", ".join("INT64_MIN" if v == -(1 << 63) else str(v) for v in values) + "}"
