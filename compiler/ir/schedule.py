"""Schedule: the order of kernels, what is fused into each, and where every buffer lives.

Made by the scheduler from a `loop.Program`; read by codegen (one `KernelSpec` per launched group) and by the wrapper plan.

Invariants (checked by `compiler.scheduler.verify`)
- Every node of the program is in exactly one group; groups are in an order that respects all dependencies.
- `arena` places every buffer that lives in the arena at an offset that is a multiple of `ALIGNMENT_BYTES`, and no two buffers whose
  lifetimes (first to last group that touches them) overlap share a byte, except a buffer that re-uses its dying input in place
  (`reuse`), which has the same offset by intent.
- For each mutation of the program exactly one buffer is placed "mutated", in the memory of its target; no later group reads what the
  target held before.
- A buffer whose size is known at run time only lies in a slot of the arena, at its start. Slots lie one after the other behind the
  `arena_bytes` of fixed sizes, each as large as the largest buffer that it holds in turn; where they begin is computed in every run.
- A buffer whose size a run reads out of a tensor lies in memory of its own ("own"); what uses that size comes after the group "size"
  that reads it.
- A buffer in `local` is read only inside its own group and has no memory outside the kernel.
- A block's buffers lie in the arena from `blocks_offset` of its group on, where nothing else is alive during that group.
- A launched group has one iteration space, `outer` x `inner`, with variables `loop_var(k, outer[k])` and
  `reduction_var(k, inner[k])`; each of its nodes is a `Member` whose index expressions are over these. Inside a group a member loads
  what another one defines at exactly the index where that one stores it.

Before/after (softmax over the last dim of [64, 64], four nodes of the program, one group):
    group cpp_fused_softmax_0 loops outer [64] inner [64] local {buf0, buf1, buf2}
      buf0 reduce  store i0            max of x
      buf1 full    store 64*i0 + r0    exp(x - buf0)
      buf2 reduce  store i0            sum of buf1
      buf3 full    store 64*i0 + r0    buf1 / buf2
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from compiler.ir.expr import Expr
from compiler.ir.loop import Body, Layout, Node, Program
from compiler.support.origins import Origin, merge

ALIGNMENT_BYTES = 64

# Roles of a member: where in the group's space it is computed.
FULL = "full"  # at every point of outer x inner
REDUCE = "reduce"  # over inner, one result per point of outer
ROW = "row"  # pointwise, once per point of outer
TEMPLATE = "template"  # by the template itself, at every point of outer x inner
SINGLE = "single"  # a scan, scatter or sort: alone in its group, in the node's own loops


@dataclass(frozen=True)
class Member:
    """A node as it sits in its group's loops. `store` is the element index that it writes (over the outer variables alone for
    `reduce` and `row`); `body` is the node's body with indices over the group's variables."""

    name: str
    role: str
    body: Body
    store: Expr


@dataclass
class KernelGroup:
    """Nodes that become one launch (`loops`, `template`, `triton`: a kernel of the model's own, with its results), one shim call
    (`extern`), nothing (`view`), a number read on the host (`size`), or a branch or loop (`control`) or call of a custom operator
    (`custom`) with its results, in execution order."""

    name: str  # cpp_fused_add_relu_3; for extern: the shim function; for view: the buffer
    kind: str  # "loops", "template", "triton", "extern", "view", "control", "custom", "size"
    nodes: list[Node]
    local: set[str] = field(default_factory=set)  # buffers that never leave the kernel
    outer: tuple[Expr, ...] = ()  # extents of the loops that all members share
    inner: tuple[
        Expr, ...
    ] = ()  # extents of the reduced loops, or of a template's columns; () for pointwise groups
    members: tuple[Member, ...] = ()  # of launched groups, in the order of `nodes`
    blocks: tuple[Schedule, ...] = ()  # of a branch or loop, in the order of its node's `blocks`
    blocks_offset: int = 0  # where in the arena those blocks' own arenas begin, one over the other
    blocks_slot: int = 0  # the first of the slots that are theirs

    @property
    def origins(self) -> tuple[Origin, ...]:
        return merge(*(n.origins for n in self.nodes))


@dataclass(frozen=True)
class Placement:
    """Where a buffer lives. kind: "input", "constant", "arena" (at offset_bytes, or in `slot` where that is >= 0), "output" (allocated for
    the caller), "own" (allocated for the time until its last use), "size" (a number on the host), "local" (nowhere outside its kernel),
    "view" (of `base`), "extern" (in a tensor that a shim function returns), "mutated" (in the memory of the input or constant `base`,
    whose new value it is; `Schedule.reuse` says so, too)."""

    kind: str
    offset_bytes: int = 0
    size_bytes: int = 0
    base: str = ""
    slot: int = -1


@dataclass
class Schedule:
    program: Program
    groups: list[KernelGroup]
    placement: dict[str, Placement]
    reuse: dict[str, str]  # new buffer -> the dying one, or the mutated slot, whose memory it takes in place
    arena_bytes: int
    slots: list[Expr] = field(default_factory=list)  # bytes of each, not rounded to the alignment
    explain: list[str] = field(
        default_factory=list
    )  # a line for each pair considered for fusion: verdict and reason

    @cached_property
    def layouts(self) -> dict[str, Layout]:
        """Every buffer's own layout by name."""
        return self.program.layouts()

    def launched(self) -> Iterator[tuple[Schedule, KernelGroup]]:
        """The groups that need a kernel, those of blocks too, each with the schedule that it is in."""
        for group in self.groups:
            if group.kind in ("loops", "template", "triton"):
                yield self, group
            for block in group.blocks:
                yield from block.launched()

    def explanation(self) -> Iterator[str]:
        """The lines of `explain`, then those of the blocks, in the order of the groups; each of these begins with its block."""
        yield from self.explain
        for group in self.groups:
            for block in group.blocks:
                yield from (f"{group.name}.{block.program.name}: {line}" for line in block.explanation())

    def storage(self, buffer: str) -> str:
        """The buffer whose memory `buffer` names: itself, or what a view is (in the end) a view of."""
        while buffer in self.placement and self.placement[buffer].kind == "view":
            buffer = self.placement[buffer].base
        return buffer
