"""cond, while_loop, scan and map: nodes with programs of their own.

The bodies are lowered by the same walk as the model. What a body sees of the values around it is read where it lies (a block's inputs
are buffers of the program around it), and what it computes is left in `Result`s by mutations, so that the scheduler may compute it in
place: a loop that updates one row of a carried tensor writes one row.

    while_loop(i < 3, (i + 1, f(y)), (i, y))  ->  while4:  enter: buf5 <- i, buf6 <- y;  test: while4 <- buf5 < 3
                                                           body: buf5 <- buf5 + 1, buf6 <- f(buf6)
                                                  results buf5, buf6
    scan(f, [c], [xs])                        ->  the same with a counter n: body: c <- f(c, xs[n])[0], ys[n] <- f(c, xs[n])[1]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch.fx

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr
from compiler.ir.graph import ModelGraph
from compiler.ir.loop import Cond, Input, Layout, Mutation, Program, Result, TensorRef, While
from compiler.ir.loop_reads import buffers_read
from compiler.lowering import walk
from compiler.lowering.builder import Builder, Meta
from compiler.lowering.factories import full
from compiler.lowering.registry import Unsupported, lowers
from compiler.lowering.tracer import Scalar, Tracer
from compiler.lowering.values import Cost, Index, Value

_NOTHING = Layout.contiguous(dtypes.bool_, [0])
_FLAG = Layout.contiguous(dtypes.bool_, [])
_BRANCHES = ("then", "otherwise")
_COUNTER = Layout.contiguous(dtypes.int64, [])
# Makes the values of a block with the block's builder.
Fill = Callable[[Builder], dict[str, Value]]


@lowers("cond")
def cond(
    b: Builder, pred: Value, then: ModelGraph, otherwise: ModelGraph, operands: Sequence[Value] = ()
) -> Any:
    predicate = walk.in_own_buffer(b, pred, _FLAG, set())
    values = _shared(b, operands)
    name, results = _names(b, "cond", [_dense(m) for m in b.outs])
    blocks = []
    for title, body in zip(_BRANCHES, (then, otherwise), strict=True):
        blocks.append(_block(b, title, body, results, _run_body(body, values, list(results))))
    b.add(Cond(name, _NOTHING, (b.origin,), predicate, *blocks))
    return _results(b, name, results)


@lowers("while_loop")
def while_loop(
    b: Builder, test: ModelGraph, body: ModelGraph, carried: Sequence[Value], more: Sequence[Value] = ()
) -> Any:
    start, fixed = _shared(b, carried), _shared(b, more)
    name, results = _names(b, "while", [_dense(m) for m in b.outs])
    state = [Value.stored(TensorRef(r, layout)) for r, layout in results.items()]
    slots = {**results, name: _FLAG}
    enter = _block(b, "enter", None, slots, lambda _: dict(zip(results, map(_copy, start), strict=True)))
    check = _block(b, "test", test, slots, _run_body(test, [*state, *fixed], [name]))
    turn = _block(b, "body", body, slots, _run_body(body, [*state, *fixed], list(results)))
    b.add(While(name, _FLAG, (b.origin,), enter, check, turn))
    return _results(b, name, results)


@lowers("scan")
def scan(
    b: Builder, body: ModelGraph, init: Sequence[Value], xs: Sequence[Value], more: Sequence[Value] = ()
) -> Any:
    start, sources, fixed = _shared(b, init), _shared(b, xs), _shared(b, more)
    if not sources:
        raise Unsupported("scan over nothing", "give it a tensor to scan over")
    turns = sources[0].size[0]
    stacked = [Layout.contiguous(m.dtype, m.size) for m in b.outs[len(start) :]]
    layouts = [_COUNTER, *(_dense(m) for m in b.outs[: len(start)]), *stacked]
    name, results = _names(b, "while", layouts)
    refs = [TensorRef(r, layout) for r, layout in results.items()]
    counter, carried, collected = refs[0], refs[1 : 1 + len(start)], refs[1 + len(start) :]
    slots = {**results, name: _FLAG}

    def begin(inner: Builder) -> dict[str, Value]:
        zero = full(inner, (), 0, dtypes.int64)
        return {counter.buffer: zero, **{c.buffer: _copy(v) for c, v in zip(carried, start, strict=True)}}

    def turn(inner: Builder) -> dict[str, Value]:
        slices = [_row(inner, x, counter) for x in sources]
        states = [Value.stored(c) for c in carried]
        made = _outputs_of(inner, body, [*states, *slices, *fixed])
        values = {c.buffer: v for c, v in zip(carried, made[: len(start)], strict=True)}
        rows = zip(collected, made[len(start) :], strict=True)
        values.update((y.buffer, _with_row(inner, y, counter, v)) for y, v in rows)
        return {counter.buffer: _scalar(inner, counter, "add", 1, dtypes.int64), **values}

    enter = _block(b, "enter", None, slots, begin)
    check = _block(b, "test", None, slots, lambda t: {name: _scalar(t, counter, "lt", turns, dtypes.bool_)})
    b.add(While(name, _FLAG, (b.origin,), enter, check, _block(b, "body", body, slots, turn)))
    return _results(b, name, results)[1:]


@lowers("map_impl")
def map_impl(b: Builder, body: ModelGraph, xs: Sequence[Value], more: Sequence[Value] = ()) -> Any:
    return scan(b, body, (), xs, more)


# -- blocks --------------------------------------------------------------------------------------------------------------


def _names(b: Builder, kind: str, layouts: Sequence[Layout]) -> tuple[str, dict[str, Layout]]:
    """Names for the node and its results, which are taken from now on."""
    name = f"{kind}{b.next_number(kind)}"
    b.layouts[name] = _NOTHING
    results = {}
    for layout in layouts:
        result = b.new_name()
        b.layouts[result] = results[result] = layout
    return name, results


def _results(b: Builder, control: str, results: dict[str, Layout]) -> tuple[Value, ...]:
    for name, layout in results.items():
        b.add(Result(name, layout, (b.origin,), control))
    return tuple(Value.stored(TensorRef(name, layout)) for name, layout in results.items())


def _shared(b: Builder, values: Sequence[Value]) -> list[Value]:
    """The operands, in memory unless computing them again is as cheap as reading them."""
    for v in values:
        b.share(v)
    return list(values)


def _dense(meta: Meta) -> Layout:
    return Layout.contiguous(meta.dtype, meta.size)


def _run_body(body: ModelGraph, operands: Sequence[Value], targets: Sequence[str]) -> Fill:
    return lambda inner: dict(zip(targets, _outputs_of(inner, body, operands), strict=True))


def _block(b: Builder, title: str, graph: ModelGraph | None, slots: dict[str, Layout], fill: Fill) -> Program:
    """The program in which `fill` makes the new values of some of the slots."""
    program = Program(title, [], [], [], [])
    constants = b.constants.nested(program, graph)
    inner = Builder(program, constants, b.ctx, b)
    inner.in_loop |= title not in _BRANCHES
    for target, value in fill(inner).items():
        own = walk.in_own_buffer(inner, value, slots[target], set())
        program.mutations.append(Mutation(target, own))
    walk.drop_unread(program)
    program.values = walk.values_in_memory(inner)
    used = dict.fromkeys(name for node in program.nodes for name in buffers_read(node))
    constants.finish(set(used))
    own_names = {n.name for n in program.nodes} | {c.name for c in program.constants}
    named = [n for n in dict.fromkeys([*used, *(m.target for m in program.mutations)]) if n not in own_names]
    program.inputs = [Input(n, slots.get(n) or b.layouts[n]) for n in named]
    return program


def _outputs_of(inner: Builder, body: ModelGraph, operands: Sequence[Value]) -> list[Value]:
    """Lowers the body; its placeholders are the operands, or constants."""
    named = {i.placeholder: operands[i.position] for i in body.inputs}
    env: dict[torch.fx.Node, Any] = {}
    for node in body.module.graph.nodes:
        if node.op == "placeholder":
            found = named.get(node.name)
            env[node] = _copy(found) if found is not None else Value.stored(inner.constants.plain(node.name))
    output = walk.calls(inner, body, env)
    returned: Any = output.args[0]
    for value in returned:
        if not isinstance(value, torch.fx.Node):
            raise Unsupported(
                f"a body that returns the Python value {value}", "return a tensor from the body"
            )
    return [env[value] for value in returned]


def _copy(value: Value) -> Value:
    """The same for use in one block: where the block puts it into memory of its own, nobody else reads that."""
    if value.ref is not None:
        return Value.stored(value.ref)
    return Value.lazy(value.dtype, value.size, value.at, value.cost, value.origin)


# -- turns of a scan -----------------------------------------------------------------------------------------------------


def _position(t: Tracer, counter: TensorRef, turns: Expr) -> Expr:
    return t.indirect(t.load(counter.buffer, counter.layout.offset, dtypes.int64), turns, "scan")


def _row(inner: Builder, source: Value, counter: TensorRef) -> Value:
    """source[counter]."""

    def make(t: Tracer, index: Index) -> Scalar:
        return source.at(t, (_position(t, counter, source.size[0]), *index))

    cost = Cost(source.cost.ops + 1, source.cost.heavy, source.cost.reads | {counter.buffer})
    return inner.lazy(source.dtype, source.size[1:], make, cost)


def _with_row(inner: Builder, target: TensorRef, counter: TensorRef, value: Value) -> Value:
    """The target with `value` at row `counter`."""
    inner.share(value)

    def make(t: Tracer, index: Index) -> tuple[Index, Scalar]:
        return (_position(t, counter, target.layout.size[0]), *index), value.at(t, index)

    return inner.scatter(target, target.layout, value.size, "store", make)


def _scalar(inner: Builder, counter: TensorRef, op: str, number: int | Expr, dtype: DType) -> Value:
    """op(counter, number)."""

    def make(t: Tracer, index: Index) -> Scalar:
        return t.op(op, t.load(counter.buffer, counter.layout.offset, dtypes.int64), t.index(number))

    return inner.lazy(dtype, (), make, Cost(ops=1, reads=frozenset((counter.buffer,))))
