"""Checks a wrapper plan: definition before use, lifetimes of memory, and that every output is returned once.

Enters: a `wrapper.Plan`. Leaves: nothing, or InternalError that names the line and the rule it breaks (a plan is made by the
compiler, so a broken one is the compiler's fault). The rules are the invariants of `compiler.ir.wrapper`.

    alloc a: float32 [16] stride [1] arena 0
    alloc b: float32 [16] stride [1] arena 32
    launch k(in a: float, ...)          -> "'a' is used after 'b' took its memory (arena bytes 32 to 64)"
"""

from __future__ import annotations

from dataclasses import dataclass

from compiler.ir import op_schema, random_symbols
from compiler.ir.expr import Expr, maximum
from compiler.ir.loop import Layout
from compiler.ir.wrapper import (
    Alloc,
    Check,
    Cond,
    Copy,
    ExternCall,
    Free,
    Launch,
    Line,
    Operand,
    Plan,
    ProxyCall,
    ReadSize,
    Return,
    Reuse,
    View,
    While,
    operands,
    size_bytes,
)
from compiler.ir.wrapper_text import print_line
from compiler.support.diagnostics import InternalError

ALIGNMENT_BYTES = 64


@dataclass
class _Value:
    """What a name stands for. `root`: the name whose memory this is; `dead`: why it must not be used any more."""

    layout: Layout
    root: str
    kind: str  # of the root: "input", "constant", "mutated" (an input or constant that may be written), "arena", "output", "own"
    begin: int = 0
    end: int = 0
    dead: str = ""
    slot: int = -1


def verify(plan: Plan) -> None:
    """Raises InternalError for the first rule that the plan breaks."""
    checker = _Checker(plan)
    checker.slots()
    if not plan.lines or not isinstance(plan.lines[-1], Return):
        raise InternalError(f"wrapper plan of {plan.name}: the last line is not a return")
    for line in plan.lines:
        checker.line(line, top=True)


class _Checker:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.values: dict[str, _Value] = {}
        self.where = "slots"
        self.symbols = {s.symbol for s in plan.symbols} | set(random_symbols.SYMBOLS)
        self.slot_names = {i.name for i in plan.inputs} | {c.name for c in plan.constants}

    def fail(self, why: str) -> InternalError:
        return InternalError(f"wrapper plan of {self.plan.name}: {why} (in: {self.where})")

    def define(self, name: str, value: _Value) -> None:
        if name in self.values:
            raise self.fail(f"{name!r} is defined twice")
        self.values[name] = value

    def use(self, name: str) -> _Value:
        value = self.values.get(name)
        if value is None:
            raise self.fail(f"{name!r} is used before it is defined")
        reason = value.dead or self.values[value.root].dead
        if reason:
            raise self.fail(f"{name!r} is used after {reason}")
        return value

    def slots(self) -> None:
        plan = self.plan
        for i in plan.inputs:
            self.define(i.name, _Value(i.layout, i.name, "mutated" if i.mutated else "input"))
        for c in plan.constants:
            if c.mutated and c.packing:
                raise self.fail(f"constant {c.name!r} is packed, and written")
            if c.offset_bytes % ALIGNMENT_BYTES or c.offset_bytes + c.size_bytes > plan.weights_bytes:
                raise self.fail(
                    f"constant {c.name!r} at bytes {c.offset_bytes}+{c.size_bytes} is misaligned or outside the weights"
                    f" ({plan.weights_bytes} bytes)"
                )
            self.define(c.name, _Value(c.layout, c.name, "mutated" if c.mutated else "constant"))
        for s in plan.symbols:
            size = plan.inputs[s.input_index].layout.size
            if s.dim >= len(size) or size[s.dim] is not s.symbol * s.scale + s.rest:
                raise self.fail(f"dim {s.dim} of input {s.input_index} does not give symbol {s.symbol}")

    def line(self, line: Line, top: bool) -> None:
        self.where = print_line(line)[0]
        match line:
            case Alloc():
                self._alloc(line)
            case Reuse(name, layout, old):
                taken = self.use(old)
                if taken.kind not in ("arena", "output", "own", "mutated") or taken.root != old:
                    raise self.fail(f"{old!r} does not own memory that can be taken over")
                self._inside(name, layout, old)
                if taken.kind == "output" and layout != taken.layout:
                    raise self.fail(f"{name!r} has another layout than the tensor {old!r} that it takes over")
                taken.dead = f"{name!r} took it over"
                self.define(name, _Value(layout, name, taken.kind, taken.begin, taken.end, slot=taken.slot))
            case View(name, layout, base):
                value = self.use(base)
                self._inside(name, layout, base)
                self.define(name, _Value(layout, value.root, value.kind))
            case Free(name, views):
                self._free(name, views)
            case ReadSize(symbol, source):
                self._inside(source.buffer, source.layout, source.buffer)
                self.symbols.add(symbol)
            case Check(guard):
                self._known("guard", guard.left, guard.right)
            case Launch():
                self._launch(line)
            case ExternCall():
                self._extern(line)
            case Copy(target, source):
                if (target.layout.dtype, target.layout.size) != (source.layout.dtype, source.layout.size):
                    raise self.fail("what is copied is of another type or size than its target")
                for t in (target, source):
                    self._inside(t.buffer, t.layout, t.buffer)
                self._writable(target.buffer)
            case ProxyCall():
                self._custom(line)
            case Cond(predicate, then, otherwise):
                self._bool(predicate)
                self._nested(then)
                self._nested(otherwise)
            case While(predicate, test, body):
                for _ in range(2):  # what a turn leaves is what the next one finds
                    self._nested(test)
                    self._bool(predicate)
                    self._nested(body)
            case Return(values):
                if not top or line is not self.plan.lines[-1]:
                    raise self.fail("a return that is not the last line")
                self._return(values)

    def _nested(self, lines: tuple[Line, ...]) -> None:
        """Names and sizes of a block end with it; memory that it takes from outer buffers stays taken."""
        outer, self.symbols, symbols = set(self.values), set(self.symbols), self.symbols
        for line in lines:
            self.line(line, top=False)
        self.symbols = symbols
        for name in set(self.values) - outer:
            del self.values[name]

    def _known(self, what: str, *values: Expr) -> None:
        """Every size symbol inside has a value by now."""
        for e in values:
            if missing := [s for s in e.symbols() if s not in self.symbols]:
                raise self.fail(f"{what} {e} uses unknown symbols {missing}")

    def _free(self, name: str, views: tuple[str, ...]) -> None:
        if self.use(name).kind != "own" or self.values[name].root != name:
            raise self.fail(f"{name!r} does not own memory that can be freed")
        for view in views:
            if self.use(view).root != name:
                raise self.fail(f"{view!r} is no view of {name!r}")
        for gone in (*views, name):
            self.values[gone].dead = "it was freed"

    def _alloc(self, line: Alloc) -> None:
        self._known("size", *line.layout.size)
        if line.place in ("output", "own"):
            return self.define(line.name, _Value(line.layout, line.name, line.place))
        if line.slot >= 0:
            return self._alloc_slot(line)
        need = size_bytes(line.layout)
        if need is None:
            raise self.fail(f"{line.name!r} has a size that is known at run time only, and no slot")
        begin, end = line.offset_bytes, line.offset_bytes + need
        if begin % ALIGNMENT_BYTES or end > self.plan.arena_bytes:
            raise self.fail(
                f"arena bytes {begin} to {end} are misaligned or beyond the arena's {self.plan.arena_bytes}"
            )
        for other in self.values.values():
            if (
                other.slot < 0
                and other.kind == "arena"
                and not other.dead
                and other.begin < end
                and begin < other.end
            ):
                other.dead = f"{line.name!r} took its memory (arena bytes {begin} to {end})"
        self.define(line.name, _Value(line.layout, line.name, "arena", begin, end))

    def _alloc_slot(self, line: Alloc) -> None:
        need = line.layout.storage_numel() * line.layout.dtype.size_bytes
        slots = self.plan.slots
        if line.slot >= len(slots) or maximum(slots[line.slot], need) is not slots[line.slot]:
            raise self.fail(f"slot {line.slot} has no room for {need} bytes")
        for other in self.values.values():
            if other.slot == line.slot and not other.dead:
                other.dead = f"{line.name!r} took its memory (slot {line.slot})"
        self.define(line.name, _Value(line.layout, line.name, "arena", slot=line.slot))

    def _inside(self, name: str, layout: Layout, base: str) -> None:
        need, have = size_bytes(layout), size_bytes(self.values[self.use(base).root].layout)
        if need is not None and have is not None and need > have:
            raise self.fail(f"{name!r} reaches {need} bytes into the memory of {base!r}, which has {have}")

    def _writable(self, name: str) -> None:
        value = self.use(name)
        if value.kind in ("input", "constant") or (value.kind == "mutated" and name in self.slot_names):
            raise self.fail(f"{name!r} is written but belongs to the caller or the weights")

    def _launch(self, line: Launch) -> None:
        for arg in line.args:
            if not isinstance(arg.value, str):
                self._known("size", arg.value)
                continue
            if arg.mode == "in":
                self.use(arg.value)
            else:
                self._writable(arg.value)
            device = self.values[self.use(arg.value).root].layout.device
            if (device == "cpu") is (line.grid is not None):
                raise self.fail(f"{arg.value!r} is on {device}, where this kernel cannot reach it")
        for operand in line.maps:
            self._inside(operand.buffer, operand.layout, operand.buffer)
        if line.workspace and not self.plan.semaphores:
            raise self.fail("a launch with a workspace in a plan that has none")
        if line.otherwise is not None:
            self._launch(line.otherwise)

    def _extern(self, line: ExternCall) -> None:
        for arg in line.args:
            if isinstance(arg, Operand):
                self._inside(arg.buffer, arg.layout, arg.buffer)
        if line.layout is not None:
            self.define(line.result, _Value(line.layout, line.result, "output"))
        else:
            self._writable(line.result)

    def _custom(self, line: ProxyCall) -> None:
        if line.op >= len(self.plan.ops):
            raise self.fail(f"custom operator {line.op} of {len(self.plan.ops)}")
        for t in line.tensors():
            self._inside(t.buffer, t.layout, t.buffer)
        schema = op_schema.parse(self.plan.ops[line.op])
        changed = [
            a for (name, _), a in zip(schema.arguments, line.args, strict=False) if name in schema.written
        ]
        for t in (*line.outputs, *operands(tuple(changed))):
            self._writable(t.buffer)

    def _bool(self, name: str) -> None:
        value = self.use(name)
        if value.layout.dtype.kind != "bool" or not value.layout.numel() == 1:
            raise self.fail(f"predicate {name!r} is not a bool of one element")

    def _return(self, values: tuple[str | None, ...]) -> None:
        slots = self.plan.outputs
        if len(values) != len(slots):
            raise self.fail(f"returns {len(values)} values for {len(slots)} outputs")
        given: set[str] = set()
        for name, slot in zip(values, slots, strict=True):
            if (name is None) != (slot.layout is None):
                raise self.fail(
                    f"output {slot.name!r} wants {'a literal' if slot.layout is None else 'a tensor'}"
                )
            if name is None:
                continue
            value = self.use(name)
            if value.kind != "output":
                raise self.fail(
                    f"output {slot.name!r} is {name!r}, whose memory is not the caller's ({value.kind})"
                )
            if name in given:
                raise self.fail(f"{name!r} is given away twice")
            if slot.layout is not None and not _same(slot.layout, value.layout):
                raise self.fail(f"output {slot.name!r} has another layout than {name!r}")
            given.add(name)


def _same(a: Layout, b: Layout) -> bool:
    """Equal to the holder of the tensor, who does not see the offset."""
    return (a.dtype, a.size, a.stride, a.device) == (b.dtype, b.size, b.stride, b.device)
