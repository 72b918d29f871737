"""Whether a kernel may write one of its outputs over a buffer that it reads for the last time.

Enters: the output, its group, the buffers that die in it and have as many bytes. Leaves: the one to take over, or None. Every load of
the dying buffer must read exactly the element that the same iteration then overwrites. What an operator writes to takes the memory of
its old value where the call reads that in no other way.

    buf1 full at 64*i0 + r0: %0 = load buf0[64*i0 + r0]    ->  buf1 can take over buf0
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.ir.loop import CustomKernel, Scatter, TemplateKernel
from compiler.ir.loop_bodies import load_index, loaded_buffer
from compiler.ir.schedule import FULL, SINGLE, TEMPLATE, KernelGroup, Member
from compiler.ir.schedule_passes import last_passes, levels
from compiler.ir.triton_call import call_of


def can_take_over(
    name: str, group: KernelGroup, dying: list[str], storage: Mapping[str, str], keeps_rows: bool
) -> str | None:
    """The dying buffer of the same size whose memory the new one can take, or None. `keeps_rows`: whether kernels keep rows between
    passes, or read them again."""
    if group.kind == "triton":
        return _base_of_result(name, group, dying, storage)
    if group.kind == "custom":
        return _written_in_place(name, group, dying, storage)
    if group.kind not in ("loops", "template") or not dying:
        return None
    node = next(n for n in group.nodes if n.name == name)
    if isinstance(node, Scatter):
        base = storage[node.base.buffer]
        same = (
            base in dying
            and node.base.layout == node.layout
            and all(storage[loaded_buffer(op)] != base for op in node.body.loads())
        )
        return base if same else None
    writer = next(m for m in group.members if m.name == name)
    if writer.role in (SINGLE, TEMPLATE):
        return None
    return next(
        (
            old
            for old in dying
            if _dies_under(old, writer, node.layout.dtype.size_bytes, group, storage, keeps_rows)
        ),
        None,
    )


def _base_of_result(
    name: str, group: KernelGroup, dying: list[str], storage: Mapping[str, str]
) -> str | None:
    """What a Triton kernel of the model's writes over, where nothing else that it is given lies in the same memory."""
    call = call_of(group.nodes)
    base, node = call.base(name), next(n for n in group.nodes if n.name == name)
    if base is None or base.layout != node.layout:
        return None
    old = storage[base.buffer]
    given = [storage[t.buffer] for t in call.tensors if t is not None]
    return old if old in dying and given.count(old) == 1 else None


def _written_in_place(
    name: str, group: KernelGroup, dying: list[str], storage: Mapping[str, str]
) -> str | None:
    """The old value of what a call of an operator writes to, where nothing else of the call reads it."""
    call = group.nodes[0]
    assert isinstance(call, CustomKernel)
    changed = group.nodes[len(group.nodes) - len(call.bases) :]
    node, base = next((p for p in zip(changed, call.bases, strict=True) if p[0].name == name), (call, None))
    if base is None or base.layout != node.layout or storage[base.buffer] not in dying:
        return None
    reads = [storage[o.buffer] for o in call.operands()]
    return storage[base.buffer] if reads.count(storage[base.buffer]) == 1 else None


def _dies_under(
    old: str, writer: Member, width: int, group: KernelGroup, storage: Mapping[str, str], keeps_rows: bool
) -> bool:
    """Whether every read of `old` is of the element that the same or a later pass overwrites in the same iteration."""
    members = {m.name: m for m in group.members}
    operands = {
        storage[ref.buffer] for n in group.nodes if isinstance(n, TemplateKernel) for ref in n.operands
    }
    if old in operands:
        return False
    reads = [(m, op) for m in group.members for op in m.body.loads() if storage[loaded_buffer(op)] == old]
    if not all(
        load_index(op) is writer.store and loaded_buffer(op) == old and op.dtype.size_bytes == width
        for _, op in reads
    ):
        return False
    if not group.inner or group.kind == "template":
        return bool(reads) and writer.role == FULL
    written, last = levels(members)[writer.name], last_passes(members, keeps_rows)
    return bool(reads) and all(last[m.name] <= written for m, _ in reads)
