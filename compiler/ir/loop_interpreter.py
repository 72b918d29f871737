"""Runs a Loop IR program in numpy: slow, obvious, and the reference for the scheduler and every code generator.

Enters: a program with its constants' data, and an array for each input. Leaves: the outputs as arrays, or
every buffer.

    outputs = interpret(program, [x, y])

A buffer is a flat array of its storage. A loop node's body is evaluated for all its loop indices at once: a
loop variable is an array along its own axis. Elements of a buffer that nothing writes (gaps between strides)
are NaN or -1, so that reading one shows.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union

import numpy as np

from compiler.ir import random_symbols
from compiler.ir.expr import Expr, as_expr
from compiler.ir.loop import (
    Body,
    Cond,
    Constant,
    Layout,
    Node,
    OutputRef,
    Pointwise,
    Program,
    ReadSize,
    Reduction,
    Result,
    Scan,
    Scatter,
    TemplateKernel,
    TensorRef,
    View,
    While,
    indirect_var,
    loop_var,
    reduction_var,
)
from compiler.ir.loop_specialize import specialize_node, specialize_output
from compiler.ir.scalar_numpy import MEANING, NUMPY_TYPES, Array, cast
from compiler.ir.size_float import SizeFloat
from compiler.ir.template_numpy import packer_input, run_template

Plain = Union[int, float, bool, None]


class IndexOutOfRange(ValueError):
    """A position that is data lies outside; the message names the place in the model."""


class SizeOutOfRange(ValueError):
    """A number that is read out of a tensor is none of its symbol's; the message names the place in the model."""


def interpret(program: Program, inputs: Sequence[Array]) -> list[Union[Array, Plain]]:
    """The outputs, with the sizes of their layouts. Raises IndexOutOfRange as the kernels report it."""
    buffers = run_nodes(program, inputs)
    read = {n.symbol: as_expr(int(buffers[n.name].item())) for n in program.nodes if isinstance(n, ReadSize)}
    for guard in program.guards:
        if guard.subst(read).known() is False:
            raise SizeOutOfRange(f"expected {guard}; here {read}")
    return [output_value(specialize_output(o, read), buffers) for o in program.outputs]


def output_value(output: OutputRef, buffers: Mapping[str, Array]) -> Union[Array, Plain]:
    """An output's array or number; a program of fixed sizes has no other."""
    if isinstance(output.value, TensorRef):
        return read(output.value, buffers)
    assert not isinstance(output.value, (Expr, SizeFloat)), "specialize the program first"
    return output.value


def run_nodes(program: Program, inputs: Sequence[Array]) -> dict[str, Array]:
    """Every buffer by name, after all nodes ran."""
    buffers: dict[str, Array] = {}
    for described, given in zip(program.inputs, inputs, strict=True):
        write(buffers, described.name, described.layout, np.asarray(given))
    packed = {c.name: c for c in program.constants if c.packing}
    for c in program.constants:
        if not c.packing:
            write(buffers, c.name, c.layout, constant_array(c, program))
    _run_all(program, buffers, packed)
    return buffers


def _run_all(program: Program, buffers: dict[str, Array], packed: Mapping[str, Constant]) -> None:
    """All nodes in order. A number that one reads out of a tensor is put into those after it."""
    read: dict[Expr, Expr] = {}
    for node in program.nodes:
        run_node(specialize_node(node, read) if read else node, buffers, packed, program)
        if isinstance(node, ReadSize):
            read[node.symbol] = as_expr(int(buffers[node.name].item()))


def constant_array(c: Constant, program: Program) -> Array:
    """A plain constant's elements with the constant's sizes."""
    data: Any = program.data[c.source]
    return np.asarray(data.detach().cpu().to(_exact(data)).numpy())


def _exact(data: Any) -> Any:
    import torch

    return torch.float32 if data.dtype == torch.bfloat16 else data.dtype


def _run_block(block: Program, buffers: dict[str, Array]) -> None:
    """Runs a block of `Cond` or `While`: leaves in `buffers` what it mutates, and nothing else."""
    inner = dict(buffers)
    packed = {c.name: c for c in block.constants if c.packing}
    for c in block.constants:
        if not c.packing:
            write(inner, c.name, c.layout, constant_array(c, block))
    _run_all(block, inner, packed)
    layouts = {i.name: i.layout for i in block.inputs}
    for m in block.mutations:
        write(buffers, m.target, layouts[m.target], read(m.value, inner))


def run_node(node: Node, buffers: dict[str, Array], packed: Mapping[str, Constant], program: Program) -> None:
    """Computes one node's buffer."""
    if isinstance(node, Cond):
        _run_block(node.then if read(node.predicate, buffers).item() else node.otherwise, buffers)
    elif isinstance(node, While):
        for slot in (s for block in node.blocks for s in block.inputs if s.name not in buffers):
            write(buffers, slot.name, slot.layout, np.zeros([e.value() for e in slot.layout.size]))
        _run_block(node.enter, buffers)
        _run_block(node.test, buffers)
        while buffers[node.name].item():
            _run_block(node.body, buffers)
            _run_block(node.test, buffers)
    elif isinstance(node, Result):
        assert node.name in buffers, f"{node.control} did not write {node.name}"
    elif isinstance(node, ReadSize):
        write(buffers, node.name, node.layout, _read_size(node, buffers))
    elif isinstance(node, View):
        buffers[node.name] = buffers[node.operand.buffer]
    elif isinstance(node, Pointwise):
        env = loop_grid(node.ranges)
        (value,) = evaluate(node.body, env, buffers)
        write(buffers, node.name, node.layout, _full(value, node.ranges))
    elif isinstance(node, Reduction):
        write(buffers, node.name, node.layout, _reduce(node, buffers))
    elif isinstance(node, Scan):
        write(buffers, node.name, node.layout, _scan(node, buffers))
    elif isinstance(node, Scatter):
        _scatter(node, buffers)
    elif isinstance(node, TemplateKernel):
        operands = [
            packer_input(
                program.data[packed[o.buffer].source], packed[o.buffer].packing, packed[o.buffer].transpose
            )
            if o.buffer in packed
            else read(o, buffers)
            for o in node.operands
        ]
        write(buffers, node.name, node.layout, run_template(node, operands))
    else:
        raise ValueError(f"{node.name}: a call into a library cannot be interpreted")


def _read_size(node: ReadSize, buffers: Mapping[str, Array]) -> Array:
    value, symbol = read(node.operand, buffers), node.symbol
    number = int(value.item())
    if (symbol.lo is not None and number < symbol.lo) or (symbol.hi is not None and number > symbol.hi):
        raise SizeOutOfRange(f"{node.origins[0]}: {symbol} is {number}, expected {symbol.lo} to {symbol.hi}")
    return value


# -- memory ----------------------------------------------------------------------------------------------------------


def positions(layout: Layout) -> Array:
    """The storage offset of every element of the layout."""
    return _full(
        index_value(
            layout.index(tuple(loop_var(k, s) for k, s in enumerate(layout.size))), loop_grid(layout.size)
        ),
        layout.size,
    )


def read(ref: TensorRef, buffers: Mapping[str, Array]) -> Array:
    """The elements that the operand sees."""
    return np.asarray(buffers[ref.buffer][positions(ref.layout)])


def write(buffers: dict[str, Array], name: str, layout: Layout, value: Array) -> None:
    """Makes the buffer and stores the value in it."""
    size = layout.storage_numel().value()
    buffer = np.full(
        size,
        np.nan if layout.dtype.is_float else (-1 if layout.dtype.kind == "int" else 0),
        NUMPY_TYPES[layout.dtype],
    )
    if value.size:
        buffer[positions(layout)] = cast(value, layout.dtype)
    buffers[name] = buffer


def _full(value: Array, ranges: Sequence[Expr]) -> Array:
    return np.broadcast_to(value, tuple(s.value() for s in ranges))


# -- bodies ----------------------------------------------------------------------------------------------------------


def loop_grid(ranges: Sequence[Expr], reduction_ranges: Sequence[Expr] = ()) -> dict[Expr, Array]:
    """Each loop variable as an array along its own axis."""
    extents = [s.value() for s in (*ranges, *reduction_ranges)]
    variables = [loop_var(k, s) for k, s in enumerate(ranges)] + [
        reduction_var(k, s) for k, s in enumerate(reduction_ranges)
    ]
    grid: dict[Expr, Array] = {s: np.asarray(0) for s in random_symbols.SYMBOLS}  # the first run, with seed 0
    for axis, (variable, extent) in enumerate(zip(variables, extents, strict=True)):
        shape = [1] * len(extents)
        shape[axis] = extent
        grid[variable] = np.arange(extent, dtype=np.int64).reshape(shape)
    return grid


def index_value(e: Expr, env: Mapping[Expr, Array]) -> Array:
    """An index expression for all loop indices at once."""
    if e.kind == "const":
        return np.asarray(e.value(), np.int64)
    if e.kind == "sym":
        return env[e]
    if e.kind == "sum":
        total = np.asarray(e.constant(), np.int64)
        for term, coefficient in e.terms():
            total = total + coefficient * index_value(term, env)
        return total
    values = [index_value(a, env) for a in e.args if isinstance(a, Expr)]
    if e.kind == "prod":
        return np.asarray(functools.reduce(np.multiply, values))
    functions = {"floordiv": np.floor_divide, "mod": np.remainder, "min": np.minimum, "max": np.maximum}
    return np.asarray(functions[e.kind](*values))


def evaluate(body: Body, env: Mapping[Expr, Array], buffers: Mapping[str, Array]) -> list[Array]:
    """The yields, as arrays that broadcast over the loops."""
    known = dict(env)
    values: list[Array] = []
    with np.errstate(all="ignore"):
        for position, op in enumerate(body.ops):
            args = [values[a] for a in op.args]
            if op.opcode == "load":
                value = _load(buffers[op.buffer], index_value(op.expr, known), args)
            elif op.opcode == "constant":
                value = cast(np.asarray(op.attrs[0]), op.dtype)
            elif op.opcode == "index":
                value = cast(index_value(op.expr, known), op.dtype)
            elif op.opcode == "indirect":
                value = _indirect(args[0], index_value(op.expr, known), str(op.attrs[1]))
                known[indirect_var(position, op.expr)] = value
            elif op.opcode == "cast":
                value = cast(args[0], op.dtype)
            else:
                value = cast(np.asarray(MEANING[op.opcode](*args)), op.dtype)
            values.append(value)
    return [values[y] for y in body.yields]


def _load(buffer: Array, index: Array, mask_and_other: Sequence[Array]) -> Array:
    if not mask_and_other:
        return np.asarray(buffer[index])
    mask, other = np.broadcast_arrays(mask_and_other[0], index)[0], mask_and_other[1]
    inside = np.where(mask, index, 0)
    loaded = buffer[inside] if buffer.size else np.broadcast_to(other, inside.shape)
    return np.where(mask, loaded, other).astype(buffer.dtype)


def _indirect(value: Array, size: Array, where: str) -> Array:
    wrapped = np.where(value < 0, value.astype(np.int64) + size, value.astype(np.int64))
    bad = (wrapped < 0) | (wrapped >= size)
    if bad.any():
        raise IndexOutOfRange(
            f"{where}: index {np.broadcast_to(value, bad.shape)[bad][0]} is out of range for {size} elements"
        )
    return wrapped


# -- nodes -----------------------------------------------------------------------------------------------------------


_REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min, "any": np.any, "all": np.all, "argmax": np.argmax,
    "argmin": np.argmin,
}  # fmt: skip


def _reduce(node: Reduction, buffers: Mapping[str, Array]) -> Array:
    (value,) = evaluate(node.body, loop_grid(node.ranges, node.reduction_ranges), buffers)
    value = cast(_full(value, (*node.ranges, *node.reduction_ranges)), node.acc_dtype)
    kept = tuple(s.value() for s in node.ranges)
    flat = value.reshape(*kept, math.prod(s.value() for s in node.reduction_ranges))
    with np.errstate(all="ignore"):
        if node.kind in ("sum", "prod"):
            return np.asarray(_REDUCTIONS[node.kind](flat, axis=-1, dtype=flat.dtype))
        if node.kind in ("max", "min") and not flat.shape[-1]:
            return np.full(kept, -np.inf if node.kind == "max" else np.inf).astype(flat.dtype)
        return np.asarray(_REDUCTIONS[node.kind](flat, axis=-1))


def _scan(node: Scan, buffers: Mapping[str, Array]) -> Array:
    (value,) = evaluate(node.body, loop_grid(node.ranges), buffers)
    functions = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}
    full = cast(_full(value, node.ranges), node.acc_dtype)
    return np.asarray(functions[node.kind].accumulate(full, axis=node.dim, dtype=full.dtype))


def _scatter(node: Scatter, buffers: dict[str, Array]) -> None:
    write(buffers, node.name, node.layout, read(node.base, buffers))
    env: dict[Expr, Array] = dict(loop_grid(node.ranges))
    (value,) = evaluate_keeping(node.body, env, buffers)
    index = _full(index_value(node.index, env), node.ranges)
    stored = cast(_full(value, node.ranges), node.layout.dtype)
    if node.mode == "store":
        buffers[node.name][index] = stored
    else:
        combine: Any = MEANING[node.mode]
        combine.at(buffers[node.name], index, stored)


def evaluate_keeping(body: Body, env: dict[Expr, Array], buffers: Mapping[str, Array]) -> list[Array]:
    """`evaluate`, adding the symbols of the body's indirect ops to `env`."""
    every = evaluate(Body(body.ops, tuple(range(len(body.ops)))), env, buffers)
    for position, op in enumerate(body.ops):
        if op.opcode == "indirect":
            env[indirect_var(position, op.expr)] = every[position]
    return [every[y] for y in body.yields]
