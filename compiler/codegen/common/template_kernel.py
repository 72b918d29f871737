"""Builds the KernelSpec of a template group: the call of a kernel from kernels/cpp, and what happens to its finished tiles.

Enters: a `template` group: the template node and the pointwise nodes fused behind it, over [.., M, N]. Leaves: a spec whose body is one
`TemplateCall`.
Invariants: the tile is read as `acc`; every other buffer is read and written at the tile's (m, n) through the members' own index
expressions; what does not depend on n is computed once per row of the tile.

Before/after (linear + bias + relu):
    gemm_f32_packed(ctx, 128, 384, 384, in_ptr0, 384, in_ptr1, tile)
    for each row m, column n of a tile:  tmp0 = acc; tmp1 = load in_ptr2[n]; tmp2 = tmp0 + tmp1; tmp3 = maximum(tmp2, 0);
                                         out_ptr0[384*m + n] = tmp3
"""

from __future__ import annotations

from collections.abc import Callable

from compiler.codegen.common.arguments import Arguments, size_symbols
from compiler.codegen.common.builder import Builder
from compiler.codegen.common.member_values import MemberValues, tile_symbol
from compiler.codegen.common.tasks import positions
from compiler.codegen.common.template_arguments import Call, arguments_of
from compiler.ir import dtypes
from compiler.ir.expr import Expr, const, mul_all
from compiler.ir.kernel import KernelSpec, Statement, Store, TemplateCall
from compiler.ir.loop import TemplateKernel, loop_var, reduction_var
from compiler.ir.schedule import TEMPLATE, KernelGroup, Schedule

# What is called for a template node: a kernel of kernels/cpp, unless another back end says so.
FindCall = Callable[[TemplateKernel, Arguments], Call]


class TemplateGroup:
    """One template group being turned into a spec."""

    def __init__(self, schedule: Schedule, group: KernelGroup, find_call: FindCall = arguments_of) -> None:
        self.group, self.find_call = group, find_call
        self.node = next(n for n in group.nodes if isinstance(n, TemplateKernel))
        self.members = {m.name: m for m in group.members}
        self.builder = Builder()
        self.arguments = Arguments(schedule, group)
        self.values = MemberValues(
            self.builder, self.arguments, self.members, {n.name: n.layout.dtype for n in group.nodes}
        )
        self.values.provide = lambda name: self.results[name]
        self.results: dict[str, str] = {}

    def spec(self) -> KernelSpec:
        call = self.find_call(self.node, self.arguments)
        batch, m, n = self._tile_symbols()
        row: tuple[Statement, ...] = ()
        column: tuple[Statement, ...] = ()
        if call.has_epilogue:
            row, column = self._tile(batch, m, n)
        body = (TemplateCall(call.function, call.arguments, batch, m, n, row, column, call.launch),)
        return KernelSpec(
            name=self.group.name,
            function=self.group.name,
            arguments=self.arguments.all(),
            sizes=size_symbols(body),
            body=body,
            origins=self.group.origins,
            can_fail=self.values.can_fail,
            scratch_bytes_per_thread=call.scratch_bytes,
        )

    def _tile_symbols(self) -> tuple[Expr, Expr, Expr]:
        ranges = self.node.ranges
        rows = ranges[-2] if len(ranges) >= 2 else const(1)
        return (
            tile_symbol("batch", mul_all(ranges[:-2])),
            tile_symbol("m", rows),
            tile_symbol("n", ranges[-1]),
        )

    def _tile(self, batch: Expr, m: Expr, n: Expr) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
        self.builder.open([batch, m])
        mapping = self._rows(batch, m)
        mapping[reduction_var(0, self.node.ranges[-1])] = n
        self.values.renamed = mapping
        self.builder.open([n])
        for member in self.group.members:
            if member.role == TEMPLATE:
                value = self.builder.compute(dtypes.float32, "load", (), ("acc", n))
                value = self.values.as_type(value, self.node.layout.dtype)
            else:
                value = self.values.value(member.name)
            self.results[member.name] = value
            if member.name not in self.group.local:
                index = self.builder.index(member.store.subst(mapping))
                self.builder.add_late(Store(self.arguments.write(member.name), index, value))
        column = self.builder.close()
        return self.builder.close(), column

    def _rows(self, batch: Expr, m: Expr) -> dict[Expr, Expr]:
        """The group's outer variables, which may cut or join the template's rows, from `batch` and `m`."""
        outer = self.group.outer
        rows = self.node.ranges[-2] if len(self.node.ranges) >= 2 else const(1)
        cut = split_at(outer, rows)
        values = (
            positions(batch * rows + m, outer)
            if cut is None
            else positions(batch, outer[:cut]) + positions(m, outer[cut:])
        )
        return {loop_var(k, e): v for (k, e), v in zip(enumerate(outer), values, strict=True)}


def split_at(extents: tuple[Expr, ...], rows: Expr) -> int | None:
    """Where the last loops begin that together are the template's rows; None where none are."""
    covered = const(1)
    for k in reversed(range(len(extents) + 1)):
        if covered is rows:
            return k
        covered = covered * extents[k - 1] if k else covered
    return None
