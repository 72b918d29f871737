"""Ends the life of memory that buffers own for the time of a run, right after the last line that uses it.

Enters: the lines of a plan. Leaves: the same with a `Free` for every buffer with memory of its own, in the block that allocated it. A
buffer that another one takes over (`Reuse`) is not freed: its memory is the other one's.

    alloc buf3: float32 [u0] stride [1] own          alloc buf3: float32 [u0] stride [1] own
    launch a(out buf3)                               launch a(out buf3)
    launch b(in buf3, out buf4)               ->     launch b(in buf3, out buf4)
    launch c(in buf4, out buf5)                      free buf3
                                                     launch c(in buf4, out buf5)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from compiler.ir.wrapper import (
    Alloc,
    Cond,
    Copy,
    ExternCall,
    Free,
    Launch,
    Line,
    ProxyCall,
    ReadSize,
    Reuse,
    View,
    While,
    operands,
)


def run(lines: Sequence[Line]) -> list[Line]:
    """The lines with their `Free`s, those of blocks too."""
    own: dict[str, list[str]] = {}  # owner -> its views
    root: dict[str, str] = {}
    last: dict[str, int] = {}
    for at, line in enumerate(lines):
        match line:
            case Alloc(name, _, "own"):
                own[name], root[name] = [], name
            case Reuse(name, _, old) if root.get(old) == old:
                own[name], root[name] = [], name
                del own[old]
            case View(name, _, base) if base in root:
                root[name] = root[base]
                own[root[name]].append(name)
        for name in _names(line):
            if name in root:
                last[root[name]] = at
    freed: dict[int, list[Line]] = {}
    for name, views in own.items():
        freed.setdefault(last[name], []).append(Free(name, tuple(views)))
    return [out for at, line in enumerate(lines) for out in (_inside(line), *freed.get(at, ()))]


def _inside(line: Line) -> Line:
    if isinstance(line, Cond):
        return replace(line, then=tuple(run(line.then)), otherwise=tuple(run(line.otherwise)))
    return (
        replace(line, test=tuple(run(line.test)), body=tuple(run(line.body)))
        if isinstance(line, While)
        else line
    )


def _names(line: Line) -> Iterator[str]:
    """Buffers that the line makes or uses, in its blocks too."""
    match line:
        case Alloc(name):
            yield name
        case Reuse(name, _, other) | View(name, _, other):
            yield from (name, other)
        case ReadSize(_, source):
            yield source.buffer
        case Launch(_, args):
            yield from (a.value for a in args if isinstance(a.value, str))
        case ExternCall(result=result, args=call_args):
            yield from (result, *(o.buffer for o in operands(call_args)))
        case Copy(target, source):
            yield from (target.buffer, source.buffer)
        case ProxyCall():
            yield from (o.buffer for o in line.tensors())
        case Cond(predicate, first, second) | While(predicate, first, second):
            yield predicate
            for inner in (*first, *second):
                yield from _names(inner)
