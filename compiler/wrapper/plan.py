"""Makes the wrapper plan: which memory appears when, which kernel is called with what, and what goes back to the caller.

Enters: a `schedule.Schedule`, `kernel.KernelSpec`s for each launched group in order, and the constants' places in the weights file
(`package/weights.py` decides them). Leaves: a verified `wrapper.Plan`.

Rules
- A buffer is allocated just before the group that writes it; a buffer placed "output" becomes a tensor of its own.
- A buffer that is the new value of a mutated input or constant takes over that slot's memory.
- A branch's or loop's results are allocated before it; its blocks write there. What else its blocks use is theirs.
- A view costs nothing and gets a line only where somebody names it.
- A size that the run reads out of a tensor is checked where it is read: its range, and every guard whose sizes are then all known.
- An output lives in memory of its own (lowering copies what is an input or a constant; the verifier refuses anything else). A
  tensor returned twice, or a view of one, shares memory for the caller too, as in eager PyTorch.
- An output that is a plain value (None, int, float, bool) is a literal of its slot.

Before/after (schedule of `cos(mm(sin(x), y))` -> plan): see `compiler.ir.wrapper`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from compiler.ir.expr import Expr, as_expr, data_symbols
from compiler.ir.guard import Guard
from compiler.ir.kernel import KernelSpec, TensorMap
from compiler.ir.loop import (
    Cond,
    CustomKernel,
    ExternKernel,
    Layout,
    Node,
    OutputRef,
    ReadSize,
    TensorRef,
    Written,
)
from compiler.ir.loop_reads import buffers_read
from compiler.ir.schedule import KernelGroup, Schedule
from compiler.ir.wrapper import (
    Alloc,
    Arg,
    CallArg,
    Check,
    ConstantSlot,
    Copy,
    ExternCall,
    InputSlot,
    Launch,
    Line,
    OpArg,
    Operand,
    OutputSlot,
    Plan,
    ProxyCall,
    Return,
    Reuse,
    View,
)
from compiler.ir.wrapper import Cond as CondLine
from compiler.ir.wrapper import ReadSize as ReadSizeLine
from compiler.ir.wrapper import While as WhileLine
from compiler.ir.wrapper_verify import verify
from compiler.support.diagnostics import InternalError
from compiler.support.options import Context
from compiler.wrapper import frees, size_checks


def run(
    schedule: Schedule,
    specs: Sequence[KernelSpec],
    constants: Mapping[str, ConstantSlot],
    weights_bytes: int,
    ctx: Context,
) -> Plan:
    """The plan of `schedule`. `constants` holds a slot for every constant of the program."""
    program = schedule.program
    mutated = program.mutated()
    plan = Plan(
        name=ctx.options.name,
        inputs=[
            InputSlot(i.name, _given(i.layout, i.given_on), i.origin, i.name in mutated)
            for i in program.inputs
        ],
        constants=[replace(constants[c.name], mutated=c.name in mutated) for c in program.constants],
        outputs=[_output_slot(o) for o in program.outputs],
        lines=[],
        guards=[g for g in program.guards if not _of_data(g)],
        arena_bytes=schedule.arena_bytes,
        slots=schedule.slots,
        scratch_bytes_per_thread=max((s.scratch_bytes_per_thread for s in specs), default=0),
        weights_bytes=weights_bytes,
        in_spec=program.in_spec,
        out_spec=program.out_spec,
        call_info=program.call_info,
        originals=program.originals,
    )
    launches = [launch for s in specs if (launch := s.template_launch)]
    plan.workspace_bytes = 4 * max((launch.workspace_floats for launch in launches), default=0)
    plan.semaphores = max((launch.semaphores for launch in launches), default=0)
    plan.symbols = size_checks.bind(plan.inputs)
    launched = [group.name for _, group in schedule.launched()]
    by_group: dict[str, list[KernelSpec]] = {}
    for spec in specs:
        by_group.setdefault(spec.name, []).append(spec)
    if launched != list(by_group):
        raise InternalError(f"kernels for {', '.join(by_group)}, but the groups are {', '.join(launched)}")
    slots = {i.name for i in plan.inputs} | {c.name for c in plan.constants}
    planner = _Planner(schedule, by_group, slots, plan.ops)
    planner.checks = [g for g in program.guards if _of_data(g)]
    planner.fetch_inputs()
    planner.groups()
    planner.finish()
    plan.lines = frees.run(planner.lines)
    verify(plan)
    return plan


def _of_data(guard: Guard) -> tuple[Expr, ...]:
    """The sizes in it that the run reads out of tensors."""
    return data_symbols((guard.left, guard.right))


def _given(layout: Layout, device: str) -> Layout:
    """As the caller gives or gets it."""
    return replace(layout, device=device) if device else layout


def _output_slot(output: OutputRef) -> OutputSlot:
    if isinstance(output.value, TensorRef):
        layout = output.value.layout
        return OutputSlot(output.name, _given(replace(layout, offset=as_expr(0)), output.given_on))
    return OutputSlot(output.name, None, output.value)


class _Planner:
    """Appends lines to `lines`; `defined` are the names that lines or slots have defined so far.

    In a block of a branch or loop (`is_block`) `arena` and `slot` are where its own begin, and what it mutates stays alive around it."""

    def __init__(
        self,
        schedule: Schedule,
        specs: Mapping[str, Sequence[KernelSpec]],
        defined: set[str],
        ops: list[str],
    ) -> None:
        self.schedule = schedule
        self.specs = specs  # by name of the group
        self.layouts = schedule.program.layouts()
        self.defined = defined
        self.ops = ops  # schemas of the custom operators called so far
        self.is_block = False
        self.arena = self.slot = 0
        self.lines: list[Line] = []
        self.views: dict[str, View] = {}
        self.checks: list[Guard] = []  # those still to come
        self.read: set[Expr] = set()  # sizes read from data so far
        self.fetched: dict[str, str] = {}  # inputs given on another device -> the buffers with their copies

    def fetch_inputs(self) -> None:
        """Copies the inputs that are given on another device than they are read on."""
        program = self.schedule.program
        used = {name for node in program.nodes for name in buffers_read(node)}
        for slot in program.inputs:
            if slot.given_on and slot.name in used:
                name = self.fetched[slot.name] = self._unused(f"{slot.name}_on_{slot.layout.device}")
                self._emit(Alloc(name, slot.layout, "own"))
                source = Operand(slot.name, _given(slot.layout, slot.given_on))
                self._emit(Copy(Operand(name, slot.layout), source))

    def groups(self) -> None:
        for group in self.schedule.groups:
            if group.kind == "view":
                self._view(group.nodes[0])
            elif group.kind == "size":
                self._size(group.nodes[0])
            elif group.kind == "extern":
                self._extern(group)
            elif group.kind == "control":
                self._control(group)
            elif group.kind == "custom":
                self._custom(group)
            else:
                self._launch(group, self.specs[group.name])

    def _emit(self, line: Line) -> None:
        self.lines.append(line)
        if isinstance(line, Alloc | Reuse | View):
            self.defined.add(line.name)
        elif isinstance(line, ExternCall) and line.fresh:
            self.defined.add(line.result)

    def _size(self, node: Node) -> None:
        """A number read on the host, and the guards that it completes."""
        assert isinstance(node, ReadSize)
        source = Operand(self._need(node.operand.buffer), node.operand.layout)
        self._emit(ReadSizeLine(node.symbol, source, node.origins))
        self.defined.add(node.name)
        self.read.add(node.symbol)
        for guard in [g for g in self.checks if self.read.issuperset(_of_data(g))]:
            self.checks.remove(guard)
            self._emit(Check(guard))

    def _custom(self, group: KernelGroup) -> None:
        """A call of a custom operator, which writes results that were allocated before. Those that hold an old value come last: they have
        taken its memory over, or get a copy of it."""
        call, *results = group.nodes
        assert isinstance(call, CustomKernel)
        fresh, changed = results[: len(results) - len(call.bases)], results[len(results) - len(call.bases) :]
        for node in results:
            self._allocate(node.name)
        for node, base in zip(changed, call.bases, strict=True):
            if base is not None and self.schedule.reuse.get(node.name) != self.schedule.storage(base.buffer):
                source = Operand(self._need(base.buffer), base.layout)
                self._emit(Copy(Operand(node.name, node.layout), source, group.origins))
        if call.schema not in self.ops:
            self.ops.append(call.schema)
        args = tuple(self._op_arg(a, changed) for a in call.args)
        outputs = tuple(Operand(n.name, n.layout) for n in fresh)
        self._emit(ProxyCall(self.ops.index(call.schema), args, outputs, group.origins))

    def _op_arg(self, arg: object, changed: Sequence[Node]) -> OpArg:
        if isinstance(arg, tuple):
            return tuple(self._op_arg(a, changed) for a in arg)
        return (
            Operand(changed[arg.base].name, arg.layout) if isinstance(arg, Written) else self._call_arg(arg)
        )

    def _control(self, group: KernelGroup) -> None:
        """A branch or loop: memory for its results, then the blocks, which write there."""
        control, results = group.nodes[0], group.nodes
        for node in results:
            if node.name not in group.local:
                self._allocate(node.name)
        made = {n.name for n in results}
        for block in group.blocks:
            for slot in block.program.inputs:
                if slot.name not in made:
                    self._need(slot.name)
        blocks = [self._block(block, group) for block in group.blocks]
        if isinstance(control, Cond):
            self._emit(CondLine(self._need(control.predicate.buffer), blocks[0], blocks[1], group.origins))
        else:
            self.lines += blocks[0]
            self._emit(WhileLine(control.name, blocks[1], blocks[2], group.origins))

    def _block(self, block: Schedule, group: KernelGroup) -> tuple[Line, ...]:
        inner = _Planner(block, self.specs, set(self.defined), self.ops)
        inner.is_block = True
        inner.arena, inner.slot = self.arena + group.blocks_offset, self.slot + group.blocks_slot
        inner.checks, inner.read, inner.fetched = self.checks, set(self.read), self.fetched
        inner.groups()
        return tuple(inner.lines)

    def _view(self, node: Node) -> None:
        base = self.schedule.placement[node.name].base
        base = self.fetched.get(base, base)
        self.views[node.name] = View(node.name, node.layout, base)

    def _need(self, name: str) -> str:
        """The name of what lies where it is read; makes sure that a view which is about to be named has its line."""
        name = self.fetched.get(name, name)
        if name not in self.defined and name in self.views:
            self._need(self.views[name].base)
            self._emit(self.views[name])
        return name

    def _allocate(self, name: str) -> None:
        place, layout = self.schedule.placement[name], self.layouts[name]
        if name in self.defined or place.kind not in ("arena", "output", "own", "mutated"):
            return
        if place.kind == "mutated" and self.is_block:
            self._emit(View(name, layout, place.base))
        elif name in self.schedule.reuse:
            self._emit(Reuse(name, layout, self.schedule.reuse[name]))
        else:
            in_arena = place.kind == "arena" and place.slot < 0
            slot = place.slot + self.slot if place.slot >= 0 else -1
            self._emit(Alloc(name, layout, place.kind, place.offset_bytes + self.arena * in_arena, slot))

    def _launch(self, group: KernelGroup, specs: Sequence[KernelSpec]) -> None:
        for node in group.nodes:
            if node.name not in group.local:
                self._allocate(node.name)
        rest = list(specs)
        while rest:
            spec = rest.pop(0)
            otherwise = self._call(group, rest.pop(0)) if spec.archs else None
            self._emit(replace(self._call(group, spec), otherwise=otherwise))

    def _call(self, group: KernelGroup, spec: KernelSpec) -> Launch:
        args = [Arg(self._need(a.buffer), a.dtype.ctype, a.direction) for a in spec.arguments]
        args += [Arg(size, "int64_t", "size") for size in spec.sizes]
        reports = spec.can_fail and spec.grid is None  # a GPU's kernel traps instead
        launch = spec.template_launch
        maps = tuple(self._mapped(spec, m) for m in launch.maps) if launch else ()
        workspace = launch is not None and launch.semaphores > 0
        return Launch(spec.function, tuple(args), group.origins, reports, spec.grid, maps, workspace)

    def _mapped(self, spec: KernelSpec, m: TensorMap) -> Operand:
        """What a tensor map shows of the buffer behind the kernel's pointer."""
        argument = next(a for a in spec.arguments if a.name == m.pointer.name)
        layout = Layout(m.dtype, m.sizes, m.strides, m.pointer.offset, argument.layout.device)
        return Operand(self._need(argument.buffer), layout)

    def _extern(self, group: KernelGroup) -> None:
        (node,) = group.nodes
        if not isinstance(node, ExternKernel):
            raise InternalError(f"extern group {group.name!r} holds a {type(node).__name__}")
        args = tuple(self._call_arg(a) for a in node.args)
        fresh = self.schedule.placement[node.name].kind == "extern"
        if not fresh:
            self._allocate(node.name)
        self._emit(ExternCall(node.function, node.name, args, node.layout if fresh else None, group.origins))

    def _call_arg(self, arg: object) -> CallArg:
        if isinstance(arg, TensorRef):
            return Operand(self._need(arg.buffer), arg.layout)
        if arg is None or isinstance(arg, bool | int | float | str | Expr):
            return arg
        if isinstance(arg, tuple) and all(isinstance(i, int | Expr) for i in arg):
            return arg
        raise InternalError(f"argument {arg!r} of a shim call has no form in C")

    def finish(self) -> None:
        """The line that gives the outputs to the caller."""
        given: set[str] = set()
        values: list[str | None] = []
        for position, ref in enumerate(self.schedule.program.outputs):
            value = None
            if isinstance(ref.value, TensorRef):
                value = self._output(self._unused(f"out{position}"), ref.value, given)
                value = self._hand_over(value, ref) if ref.given_on else value
                given.add(value)
            values.append(value)
        self._emit(Return(tuple(values)))

    def _hand_over(self, computed: str, output: OutputRef) -> str:
        """A copy of an output on the device on which the caller gets it."""
        assert isinstance(output.value, TensorRef)
        name = self._unused(f"{computed}_on_{output.given_on}")
        slot = _output_slot(output).layout
        assert slot is not None
        self._emit(Alloc(name, slot, "output"))
        self._emit(Copy(Operand(name, slot), Operand(computed, output.value.layout)))
        return name

    def _unused(self, name: str) -> str:
        while name in self.layouts or name in self.defined:
            name += "_"
        return name

    def _output(self, name: str, ref: TensorRef, given: set[str]) -> str:
        """A name that owns the tensor of this slot."""
        storage = self.schedule.storage(ref.buffer)
        self._need(ref.buffer)
        if ref.buffer == storage and storage not in given and self.layouts[storage] == ref.layout:
            return storage
        self._emit(View(name, ref.layout, ref.buffer))
        return name
