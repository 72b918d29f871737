"""Calls of operators as one record of bytes: what the library holds of them, and `runtime/model/op_record.cc` reads when a container is
created. That file states the same format from the reader's side.

Enters: the `ProxyCall`s of a plan. Leaves: the record, and the number of each call in it. Calls that differ only in which buffers they
are given share a number: tensors and sizes of a run are holes, filled in the order in which they stand in the record.

Format, little-endian, no alignment:
    record    u32 magic "AOPR", u32 version 1, u32 calls, then as many calls to the end of the bytes
    call      u32 bytes that follow of it, u32 operator (a position in the table of schemas), u32 values in all,
              u32 tensors, u32 sizes, u32 outputs, u32 results, then for each result i64: -1 one tensor, -2 an argument that the operator
              writes to (no output), else the length of its list; u32 arguments, then as many values
    value     u8 tag, of which bit 7 says that the schema has an option here, bit 6 that it is a tensor the operator writes to;
              then by tag
              0 none    1 tensor, a hole    2 i64 integer    3 f64 number    4 u8 bool    5 u32 length, bytes, 0: a string
              6 u32 count, then as many values: a list       7 size, a hole  8 u32 length, bytes, 0: a device's name

Invariants: `values in all` counts every value once, those in lists too; strings hold no byte 0; lists nest at most 8 deep.

    scale(x, 0.5)   ->   01 | 03 000000000000e03f     one argument that is a hole for a tensor, one that is a number
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from compiler.ir.expr import Expr
from compiler.ir.op_schema import OpType, parse
from compiler.ir.wrapper import OpArg, Operand, Plan, ProxyCall
from compiler.support.diagnostics import InternalError

MAGIC = b"AOPR"
VERSION = 1
NONE, TENSOR, INT, FLOAT, BOOL, STRING, LIST, SIZE, DEVICE = range(9)
OPTION, WRITTEN = 0x80, 0x40
DEEPEST = 8


class OpRecords:
    """The records of a plan's calls. `number(call)` is what generated code calls it by."""

    def __init__(self, plan: Plan) -> None:
        self._ops = plan.ops
        calls = (line for line in plan.all_lines() if isinstance(line, ProxyCall))
        self._numbers = {body: n for n, body in enumerate(dict.fromkeys(self._body(call) for call in calls))}

    def number(self, call: ProxyCall) -> int:
        return self._numbers[self._body(call)]

    def record(self) -> bytes:
        """All of it; no bytes where the plan calls no operator."""
        if not self._numbers:
            return b""
        head = MAGIC + struct.pack("<II", VERSION, len(self._numbers))
        return head + b"".join(struct.pack("<I", len(body)) + body for body in self._numbers)

    def _body(self, call: ProxyCall) -> bytes:
        schema = parse(self._ops[call.op])
        try:
            results = schema.result_lengths(len(call.outputs))
        except ValueError as error:
            raise InternalError(f"a call of a custom operator: {error}") from error
        if len(call.args) != len(schema.arguments):
            raise InternalError(
                f"{schema.name} is called with {len(call.args)} of {len(schema.arguments)} arguments"
            )
        counts = (sum(1 for _ in leaves(call.args)), len(tensors(call)), len(sizes(call)), len(call.outputs))
        head = struct.pack("<6I", call.op, *counts, len(results)) + struct.pack(f"<{len(results)}q", *results)
        values = (
            _value(arg, kind, WRITTEN if name in schema.written else 0)
            for arg, (name, kind) in zip(call.args, schema.arguments, strict=True)
        )
        return head + struct.pack("<I", len(call.args)) + b"".join(values)


def tensors(call: ProxyCall) -> list[Operand]:
    """What fills the holes for tensors, in order."""
    return [v for v in leaves(call.args) if isinstance(v, Operand)]


def sizes(call: ProxyCall) -> list[Expr]:
    """What fills the holes for sizes, in order."""
    return [v for v in leaves(call.args) if isinstance(v, Expr) and not v.is_const]


def leaves(values: tuple[OpArg, ...]) -> Iterator[OpArg]:
    """Every value, a list before what is in it: the order of the record."""
    for value in values:
        yield value
        if isinstance(value, tuple):
            yield from leaves(value)


def _value(value: OpArg, kind: OpType, written: int, depth: int = 0) -> bytes:
    option = OPTION if kind.kind == "optional" else 0
    inner = kind.item if option else kind
    tag, payload = _tagged(value, inner, written, depth)
    return bytes((tag | option | (written if tag == TENSOR else 0),)) + payload


def _tagged(value: OpArg, kind: OpType, written: int, depth: int) -> tuple[int, bytes]:
    """Tag and payload of a value that is of this kind. `written`: WRITTEN where tensors in it are written to."""
    match value:
        case None:
            return NONE, b""
        case Operand():
            return TENSOR, b""
        case tuple():
            if kind.kind != "list" or depth == DEEPEST:
                raise InternalError(f"a list {depth} deep for an argument of type {kind}")
            items = b"".join(_value(v, kind.item, written, depth + 1) for v in value)
            return LIST, struct.pack("<I", len(value)) + items
        case bool():
            return BOOL, bytes((value,))
        case float():
            return FLOAT, struct.pack("<d", value)
        case str():
            return (DEVICE if kind.kind == "Device" else STRING), _text(value)
        case Expr() if not value.is_const:
            return SIZE, b""
    return INT, struct.pack("<q", value.value() if isinstance(value, Expr) else value)


def _text(value: str) -> bytes:
    data = value.encode()
    if b"\0" in data:
        raise InternalError(f"the string {value!r} holds a character 0, which ends a string in C")
    return struct.pack("<I", len(data)) + data + b"\0"
