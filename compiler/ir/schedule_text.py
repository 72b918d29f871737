"""Schedule as text, and back: the program (as `loop_text` prints it), then groups, places and reuse.

`print_schedule(parse_schedule(text)) == text`. The text is data from outside: what does not parse is a ValueError that names the line.

    schedule arena 1024
    group cpp_fused_softmax_0 loops outer [64] inner [64] local buf0 buf1 buf2
      member buf0 reduce at [i0]
        %0 = load x[64*i0 + r0] : float32
        yield %0
      ...
    group buf4 view
      node buf4
    group cond5 control blocks at 128 slot 0         lines of blocks, whole schedules with their programs, begin with |
      node cond5
      node buf6
      local cond5
      | program then
      ...
    place buf3 arena 0 size 16384
    place buf4 view of buf3
    reuse buf5 = buf3
    explain "fused 1: buf0 + buf1: VERTICAL: ..."
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from compiler.ir import random_symbols
from compiler.ir.expr import Expr
from compiler.ir.expr_parse import parse_expr, parse_exprs
from compiler.ir.loop import Body, Program, loop_var, reduction_var
from compiler.ir.loop_parse import parse_body, parse_program
from compiler.ir.loop_text import print_body, print_exprs, print_program
from compiler.ir.schedule import KernelGroup, Member, Placement, Schedule
from compiler.ir.text_scanner import Scanner

_HEAD = "\nschedule arena "


def print_schedule(schedule: Schedule) -> str:
    """The whole schedule as text, with a newline at the end."""
    return print_program(schedule.program) + "\n".join(_schedule(schedule)) + "\n"


def _schedule(schedule: Schedule) -> list[str]:
    lines = [f"schedule arena {schedule.arena_bytes}"]
    lines += [f"slot [{size}]" for size in schedule.slots]
    for group in schedule.groups:
        lines += _group(group)
    lines += [_place(name, place) for name, place in schedule.placement.items()]
    lines += [f"reuse {new} = {old}" for new, old in schedule.reuse.items()]
    return lines + [f"explain {json.dumps(line)}" for line in schedule.explain]


def _group(group: KernelGroup) -> list[str]:
    if not group.members:
        at = f" blocks at {group.blocks_offset} slot {group.blocks_slot}" if group.blocks else ""
        names = [f"  node {n.name}" for n in group.nodes] + [f"  local {b}" for b in sorted(group.local)]
        blocks = [f"  | {line}" for block in group.blocks for line in _text_of_block(block)]
        return [f"group {group.name} {group.kind}{at}", *names, *blocks]
    local = "".join(f" {b}" for b in sorted(group.local))
    head = (
        f"group {group.name} {group.kind} outer {print_exprs(group.outer)} inner {print_exprs(group.inner)}"
    )
    lines = [head + (f" local{local}" if local else "")]
    for m in group.members:
        lines.append(f"  member {m.name} {m.role} at [{m.store}]")
        if m.body.ops:
            lines += [f"    {line}" for line in print_body(m.body)]
    return lines


def _text_of_block(block: Schedule) -> list[str]:
    return [*print_program(block.program).splitlines(), *_schedule(block)]


def _place(name: str, place: Placement) -> str:
    if place.slot >= 0:
        return f"place {name} slot {place.slot}"
    if place.kind == "arena":
        return f"place {name} arena {place.offset_bytes} size {place.size_bytes}"
    return f"place {name} {place.kind}" + (f" of {place.base}" if place.base else "")


def parse_schedule(text: str, data: Mapping[str, object] | None = None) -> Schedule:
    """The schedule of the text. Raises ValueError naming the line that cannot be read."""
    head, found, tail = text.partition(_HEAD)
    if not found:
        raise ValueError("schedule: no line 'schedule arena <bytes>' after the program")
    return _Parser(parse_program(head + "\n", data), tail).schedule()


class _Parser:
    def __init__(self, program: Program, tail: str) -> None:
        first, *lines = tail.split("\n")
        self.lines = [line for line in lines if line.strip()]
        self.position = 0
        if not first.strip().isdigit():
            raise ValueError(f"schedule line 'schedule arena {first}': expected a number of bytes")
        self.nodes = {n.name: n for n in program.nodes}
        self.data = program.data
        self.result = Schedule(program, [], {}, {}, int(first))
        names = (*(i.layout for i in program.inputs), *(n.layout for n in program.nodes))
        self.symbols = {
            str(s): s for layout in names for e in (*layout.size, *layout.stride) for s in e.symbols()
        }
        self.symbols.update((n.name, n.symbol) for n in program.read_sizes())
        self.symbols.update(random_symbols.BY_NAME)

    def schedule(self) -> Schedule:
        readers = {
            "slot": self._slot, "group": self._group, "place": self._place, "reuse": self._reuse, "explain": self._explain,
        }  # fmt: skip
        while self.position < len(self.lines):
            s = self._next()
            try:
                readers[s.word()](s)
                s.end()
            except (ValueError, KeyError, IndexError) as error:
                raise ValueError(
                    f"schedule line {self.lines[self.position - 1].strip()!r}: {error}"
                ) from None
        return self.result

    def _next(self) -> Scanner:
        self.position += 1
        return Scanner(self.lines[self.position - 1].strip())

    def _exprs(self, s: Scanner) -> tuple[Expr, ...]:
        return parse_exprs(s.bracketed(), self.symbols)

    def _group(self, s: Scanner) -> None:
        group = KernelGroup(s.word(), s.word(), [])
        if s.skip("outer"):
            group.outer = self._exprs(s)
            s.expect("inner")
            group.inner = self._exprs(s)
        if s.skip("local"):
            group.local = set(s.rest().split())
        if s.skip("blocks"):
            s.expect("at")
            group.blocks_offset = int(s.word())
            s.expect("slot")
            group.blocks_slot = int(s.word())
        self.result.groups.append(group)
        members: list[Member] = []
        blocks: list[list[str]] = []
        while self.position < len(self.lines) and self.lines[self.position].startswith("  "):
            line = self._next()
            if line.line.startswith("| "):
                if line.line.startswith("| program "):
                    blocks.append([])
                blocks[-1].append(line.line[2:])
                continue
            if line.skip("node"):
                group.nodes.append(self.nodes[line.word()])
            elif line.skip("local"):
                group.local.add(line.word())
            else:
                members.append(self._member(group, line))
                group.nodes.append(self.nodes[members[-1].name])
            line.end()
        group.members = tuple(members)
        group.blocks = tuple(parse_schedule("\n".join(lines) + "\n", self.data) for lines in blocks)

    def _member(self, group: KernelGroup, s: Scanner) -> Member:
        s.expect("member")
        name, role = s.word(), s.word()
        s.expect("at")
        store = s.bracketed()
        symbols = dict(self.symbols)
        symbols.update((f"i{k}", loop_var(k, e)) for k, e in enumerate(group.outer))
        symbols.update((f"r{k}", reduction_var(k, e)) for k, e in enumerate(group.inner))
        lines = []
        while self.position < len(self.lines) and self.lines[self.position].startswith("    "):
            lines.append(self._next())
        body = parse_body(lines, symbols) if lines else Body((), ())
        return Member(name, role, body, parse_expr(store, symbols))

    def _place(self, s: Scanner) -> None:
        name, kind = s.word(), s.word()
        if kind == "slot":
            self.result.placement[name] = Placement("arena", slot=int(s.word()))
        elif kind == "arena":
            offset = int(s.word())
            s.expect("size")
            self.result.placement[name] = Placement(kind, offset, int(s.word()))
        else:
            self.result.placement[name] = Placement(kind, base=s.word() if s.skip("of") else "")

    def _slot(self, s: Scanner) -> None:
        self.result.slots.append(parse_expr(s.bracketed(), self.symbols))

    def _reuse(self, s: Scanner) -> None:
        new = s.word()
        s.expect("=")
        self.result.reuse[new] = s.word()

    def _explain(self, s: Scanner) -> None:
        self.result.explain.append(s.string())
