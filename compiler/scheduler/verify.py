"""Checks a schedule against the invariants of `compiler.ir.schedule`, independently of how it was made.

Enters: any schedule. Leaves: nothing, or an InternalError that names the group, the buffer and the rule that is broken.
"""

from __future__ import annotations

import bisect

from compiler.ir.expr import Expr, maximum
from compiler.ir.loop import (
    Body,
    Cond,
    CustomKernel,
    ExternKernel,
    Node,
    ReadSize,
    Scatter,
    TemplateKernel,
    TensorRef,
    View,
    While,
    loop_var,
    reduction_var,
)
from compiler.ir.loop_reads import sizes_read
from compiler.ir.schedule import ALIGNMENT_BYTES, REDUCE, ROW, SINGLE, KernelGroup, Schedule
from compiler.ir.triton_call import call_of
from compiler.support.diagnostics import InternalError


def verify(schedule: Schedule) -> None:
    """Raises InternalError at the first violation, of the blocks of branches and loops too."""
    _check_partition(schedule)
    _check_order(schedule)
    for group in schedule.groups:
        if group.kind in ("loops", "template"):
            _check_group(group)
    _check_places(schedule)
    _check_mutations(schedule)
    _check_arena(schedule)
    for group in schedule.groups:
        for block in group.blocks:
            verify(block)


def _fail(group: str, rule: str) -> None:
    raise InternalError(f"schedule, {group}: {rule}")


def _check_partition(schedule: Schedule) -> None:
    wanted = {n.name: n for n in schedule.program.nodes}
    seen: dict[str, str] = {}
    for group in schedule.groups:
        for node in group.nodes:
            if node.name in seen:
                _fail(group.name, f"{node.name} is also in {seen[node.name]}")
            if wanted.get(node.name) is not node:
                _fail(group.name, f"{node.name} is not a node of the program")
            seen[node.name] = group.name
    missing = [n for n in wanted if n not in seen]
    if missing:
        _fail("program", f"nodes in no group: {', '.join(missing)}")


def _reads(node: Node) -> list[str]:
    """Buffers that a node reads, found from the node's own fields."""
    refs: list[object] = []
    if isinstance(node, (ExternKernel, CustomKernel)):
        pending: list[object] = [*node.args, *getattr(node, "bases", ())]
        while pending:
            arg = pending.pop()
            if isinstance(arg, (tuple, list)):
                pending.extend(arg)
            else:
                refs.append(arg)
    elif isinstance(node, TemplateKernel):
        refs = list(node.operands)
    elif isinstance(node, (View, ReadSize)):
        refs = [node.operand]
    elif isinstance(node, Scatter):
        refs = [node.base]
    elif isinstance(node, (Cond, While)):
        refs = [node.predicate] if isinstance(node, Cond) else []
        return [r.buffer for r in refs if isinstance(r, TensorRef)] + _read_by_blocks(node)
    names = [r.buffer for r in refs if isinstance(r, TensorRef)]
    body = getattr(node, "body", None)
    return (
        names + [str(op.attrs[0]) for op in body.ops if op.opcode == "load"]
        if isinstance(body, Body)
        else names
    )


def _read_by_blocks(node: Cond | While) -> list[str]:
    """What the blocks read of the program around them: neither their own results nor constants, which never change."""
    own = {node.name} | {m.target for block in node.blocks for m in block.mutations}
    return [i.name for block in node.blocks for i in block.inputs if i.name not in own]


def _check_order(schedule: Schedule) -> None:
    ready = {i.name for i in schedule.program.inputs} | {c.name for c in schedule.program.constants}
    for group in schedule.groups:
        for node in group.nodes:
            for b in _reads(node):
                if b not in ready:
                    _fail(group.name, f"{node.name} reads {b}, which no earlier group or node makes")
            for symbol in sizes_read(node):
                if str(symbol) not in ready:
                    _fail(group.name, f"{node.name} uses {symbol}, which no earlier group reads")
            ready.add(node.name)


def _check_group(group: KernelGroup) -> None:
    members = {m.name: m for m in group.members}
    if list(members) != [n.name for n in group.nodes]:
        _fail(group.name, "members and nodes differ")
    outer = {loop_var(k, e) for k, e in enumerate(group.outer)}
    inner = {reduction_var(k, e) for k, e in enumerate(group.inner)}
    defined: set[str] = set()
    for m in group.members:
        if m.role == SINGLE:
            if len(group.members) != 1:
                _fail(group.name, f"{m.name} takes no company")
            continue
        store_vars = outer if m.role in (REDUCE, ROW) else outer | inner
        body_vars = outer if m.role == ROW else outer | inner
        _check_variables(group, m.name, m.store, store_vars)
        for op in m.body.ops:
            for attr in op.attrs:
                if isinstance(attr, Expr):
                    _check_variables(group, m.name, attr, body_vars)
            if op.opcode == "load" and str(op.attrs[0]) in members:
                producer = members[str(op.attrs[0])]
                if producer.name not in defined:
                    _fail(group.name, f"{m.name} reads {producer.name} before it is made")
                if op.attrs[1] is not producer.store:
                    _fail(
                        group.name,
                        f"{m.name} reads {producer.name} at {op.attrs[1]}, but it is made at {producer.store}",
                    )
        defined.add(m.name)


def _check_variables(group: KernelGroup, name: str, e: Expr, allowed: set[Expr]) -> None:
    for s in e.symbols():
        if str(s)[0] in "ir" and str(s)[1:].isdigit() and s not in allowed:
            _fail(group.name, f"{name} uses {s} in {e}, which is no loop of the group that it is computed in")


def _check_places(schedule: Schedule) -> None:
    outputs = {
        schedule.storage(o.value.buffer) for o in schedule.program.outputs if isinstance(o.value, TensorRef)
    }
    for name in schedule.layouts:
        if name not in schedule.placement:
            _fail("placement", f"{name} has no place")
    for group in schedule.groups:
        for node in group.nodes:
            kind = schedule.placement[node.name].kind
            if (kind == "local") != (node.name in group.local):
                _fail(group.name, f"{node.name} is placed as {kind}, against the group's local buffers")
            if node.name in outputs and kind not in ("output", "extern"):
                _fail(group.name, f"{node.name} leaves the program but is placed as {kind}")
            if isinstance(node, View) != (kind == "view"):
                _fail(group.name, f"{node.name} is placed as {kind}")
            for b in _reads(node):
                if schedule.placement[b].kind == "local" and b not in {n.name for n in group.nodes}:
                    _fail(group.name, f"{node.name} reads {b}, which is local to another group")


def _check_mutations(schedule: Schedule) -> None:
    """Each target gets its value once, in its own memory, after the last group that reads the old one."""
    placed = {p.base: name for name, p in schedule.placement.items() if p.kind == "mutated"}
    wanted = {m.target: m.value.buffer for m in schedule.program.mutations}
    if placed != wanted:
        _fail("mutation", f"buffers placed in {placed}, the program mutates {wanted}")
    owner = {n.name: k for k, group in enumerate(schedule.groups) for n in group.nodes}
    for k, group in enumerate(schedule.groups):
        for node in group.nodes:
            for target in {schedule.storage(b) for b in _reads(node)} & placed.keys():
                if k > owner[placed[target]]:
                    _fail(group.name, f"{node.name} reads {target} after {placed[target]} overwrote it")
                if k == owner[placed[target]]:
                    _check_overwrites(schedule, group, placed[target], target)


def _lifetimes(schedule: Schedule) -> dict[str, tuple[int, int]]:
    """First and last group that touches each buffer of the arena or with memory of its own."""
    spans: dict[str, tuple[int, int]] = {}
    for k, group in enumerate(schedule.groups):
        for node in group.nodes:
            for b in (node.name, *_reads(node)):
                root = schedule.storage(b)
                if schedule.placement[root].kind in ("arena", "own"):
                    spans[root] = (spans.get(root, (k, k))[0], k)
    return spans


def _check_arena(schedule: Schedule) -> None:
    spans = _lifetimes(schedule)
    for name, old in schedule.reuse.items():
        if schedule.placement[name].kind in ("arena", "own"):
            _check_reuse(schedule, spans, name, old)
    slots = {b: span for b, span in spans.items() if schedule.placement[b].slot >= 0}
    fixed = {b: s for b, s in spans.items() if b not in slots and schedule.placement[b].kind == "arena"}
    _check_sizes_from_data(schedule)
    for start, end, b in sorted(_block(schedule, b) for b in fixed):
        if start % ALIGNMENT_BYTES or start < 0 or end > schedule.arena_bytes:
            _fail("arena", f"{b} lies at [{start}, {end}) of {schedule.arena_bytes} bytes")
        need = schedule.layouts[b].storage_numel() * schedule.layouts[b].dtype.size_bytes
        if not need.is_const or end - start < need.value():
            _fail("arena", f"{b} has {end - start} bytes, too few for its layout of {need}")
    _check_overlaps(schedule, fixed)
    _check_slots(schedule, slots)


def _check_sizes_from_data(schedule: Schedule) -> None:
    """The arena is laid out before the run, so nothing in it has a size that the run reads."""
    for b, place in schedule.placement.items():
        if place.kind == "arena" and schedule.layouts[b].storage_numel().from_data:
            _fail(
                "arena", f"{b} has the size {schedule.layouts[b].storage_numel()}, which is read in the run"
            )


def _check_slots(schedule: Schedule, spans: dict[str, tuple[int, int]]) -> None:
    """Each slot holds one buffer at a time, and has room for every one of them."""
    last: dict[int, tuple[int, str]] = {}
    for b, (begin, end) in sorted(spans.items(), key=lambda item: (item[1], item[0] in schedule.reuse)):
        slot = schedule.placement[b].slot
        need = schedule.layouts[b].storage_numel() * schedule.layouts[b].dtype.size_bytes
        if slot >= len(schedule.slots) or maximum(schedule.slots[slot], need) is not schedule.slots[slot]:
            _fail("arena", f"{b} takes {need} bytes in slot {slot} of {list(map(str, schedule.slots))}")
        until, holder = last.get(slot, (-1, ""))
        if begin <= until and schedule.reuse.get(b) != holder:
            _fail("arena", f"{b} is in slot {slot} from group {begin} on, {holder} until group {until}")
        last[slot] = (end, b)


def _check_reuse(schedule: Schedule, spans: dict[str, tuple[int, int]], name: str, old: str) -> None:
    if spans[old][1] != spans[name][0]:
        _fail(
            "arena",
            f"{name} takes the memory of {old} in group {spans[name][0]}, but {old} is last read in group {spans[old][1]}",
        )
    if spans[old][0] == spans[name][0]:
        _fail("arena", f"{name} takes the memory of {old}, which the same kernel writes")
    _check_overwrites(schedule, schedule.groups[spans[name][0]], name, old)


def _check_overwrites(schedule: Schedule, group: KernelGroup, name: str, old: str) -> None:
    """Within its group, `name` overwrites of `old` only what the same iteration has read; in a call of an operator, what it is to write."""
    if group.kind == "triton":
        _check_base(schedule, group, name, old)
        return
    if group.kind == "custom":
        read = [schedule.storage(b) for node in group.nodes for b in _reads(node)].count(old)
        kept = [b.layout for b in group.nodes[0].bases if b and schedule.storage(b.buffer) == old]  # type: ignore[attr-defined]
        if read != 1 or kept != [schedule.layouts[name]]:
            _fail(group.name, f"{name} overwrites {old}, which the call reads {read} times, as {kept}")
        return
    writer = next(m for m in group.members if m.name == name)
    for m in group.members:
        for op in m.body.loads():
            if schedule.storage(str(op.attrs[0])) == old and (
                op.attrs[1] is not writer.store or writer.role == SINGLE
            ):
                _fail(
                    group.name,
                    f"{name} overwrites {old} at {writer.store}, but {m.name} reads it at {op.attrs[1]}",
                )
    if any(
        schedule.storage(b) == old for n in group.nodes if isinstance(n, TemplateKernel) for b in _reads(n)
    ):
        _fail(group.name, f"{name} overwrites {old}, which the template still reads")


def _check_base(schedule: Schedule, group: KernelGroup, name: str, old: str) -> None:
    """A Triton kernel of the model's writes over what it is given for `name`, and is given that memory once."""
    call = call_of(group.nodes)
    base = call.base(name)
    given = [schedule.storage(t.buffer) for t in call.tensors if t is not None]
    if base is None or schedule.storage(base.buffer) != old or given.count(old) != 1:
        _fail(group.name, f"{name} overwrites {old}, which the kernel is given as another tensor")


def _check_overlaps(schedule: Schedule, spans: dict[str, tuple[int, int]]) -> None:
    """Sweeps over time with the live blocks sorted by offset: neighbours must not overlap."""
    starts: dict[int, list[str]] = {}
    ends: dict[int, list[str]] = {}
    for b, (first, last) in spans.items():
        starts.setdefault(first, []).append(b)
        ends.setdefault(last, []).append(b)
    live: list[tuple[int, int, str]] = []
    for k in range(len(schedule.groups)):
        for b in starts.get(k, ()):
            old = schedule.reuse.get(b)
            if old is not None:
                live.remove(_block(schedule, old))
            block = _block(schedule, b)
            at = bisect.bisect_left(live, block)
            for other in live[max(0, at - 1) : at + 1]:
                if other[0] < block[1] and block[0] < other[1]:
                    _fail(
                        "arena",
                        f"{b} at [{block[0]}, {block[1]}) overlaps {other[2]} at [{other[0]}, {other[1]}) while both live",
                    )
            live.insert(at, block)
        _check_blocks(schedule, schedule.groups[k], live)
        for b in ends.get(k, ()):
            if _block(schedule, b) in live:
                live.remove(_block(schedule, b))


def _check_blocks(schedule: Schedule, group: KernelGroup, live: list[tuple[int, int, str]]) -> None:
    """What blocks use of the arena is nobody else's meanwhile."""
    begin, size = group.blocks_offset, max((block.arena_bytes for block in group.blocks), default=0)
    if begin % ALIGNMENT_BYTES or begin + size > schedule.arena_bytes:
        _fail(group.name, f"blocks use [{begin}, {begin + size}) of {schedule.arena_bytes} bytes")
    for start, end, name in live:
        if size and start < begin + size and begin < end:
            _fail(group.name, f"blocks use [{begin}, {begin + size}), where {name} lies at [{start}, {end})")


def _block(schedule: Schedule, b: str) -> tuple[int, int, str]:
    place = schedule.placement[b]
    return place.offset_bytes, place.offset_bytes + place.size_bytes, b
