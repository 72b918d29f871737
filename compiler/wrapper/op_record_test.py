"""Records of calls: bytes as the format says, holes in order, equal calls once. The reader's side: runtime/model/op_record_test.cc."""

from __future__ import annotations

import struct

import pytest

from compiler.ir.dtypes import float32
from compiler.ir.expr import sym
from compiler.ir.loop import Layout
from compiler.ir.wrapper import OpArg, Operand, Plan, ProxyCall
from compiler.support.diagnostics import InternalError
from compiler.wrapper.op_record import OpRecords, sizes, tensors

X, Y = (Operand(name, Layout.contiguous(float32, [4])) for name in "xy")
S0 = sym("s0", 1, 9)
HEAD = b"AOPR" + struct.pack("<I", 1)


def _plan(schema: str, *calls: ProxyCall) -> Plan:
    return Plan("m", [], [], [], list(calls), ops=[schema])


def _values(schema: str, *args: OpArg) -> bytes:
    """The bytes of the arguments of one call, after the counts."""
    record = OpRecords(_plan(schema, ProxyCall(0, args, (X,)))).record()
    assert record[:12] == HEAD + struct.pack("<I", 1)
    assert struct.unpack_from("<I", record, 12)[0] == len(record) - 16
    return record[16 + 6 * 4 + 8 + 4 :]


def test_every_kind_of_argument() -> None:
    text = struct.pack("<I", 3) + b"sum\0"
    got = _values(
        "l::f(Tensor x, int i, float f, bool b, str s, Device d, SymInt n, Tensor? t, str? o, float[]? fs) -> Tensor",
        X, -2, 0.5, True, "sum", "cpu", S0 * 2, None, "sum", (1.0,),
    )  # fmt: skip
    wanted = b"\x01" + b"\x02" + struct.pack("<q", -2) + b"\x03" + struct.pack("<d", 0.5) + b"\x04\x01"
    wanted += b"\x05" + text + b"\x08" + struct.pack("<I", 3) + b"cpu\0" + b"\x07" + b"\x80" + b"\x85" + text
    wanted += b"\x86" + struct.pack("<I", 1) + b"\x03" + struct.pack("<d", 1.0)
    assert got == wanted


def test_lists_of_options_and_holes_in_order() -> None:
    schema = "l::f(Tensor?[] xs, SymInt[] n, Tensor y) -> (Tensor[], Tensor)"
    call = ProxyCall(0, ((X, None), (S0, 3), Y), (X, X, Y))
    assert tensors(call) == [X, Y] and sizes(call) == [S0]
    record = OpRecords(_plan(schema, call)).record()
    op, values, n_tensors, n_sizes, outputs, results, first, second, args = struct.unpack_from(
        "<6I2qI", record, 16
    )
    assert (op, values, n_tensors, n_sizes, outputs, results, first, second, args) == (
        0,
        7,
        2,
        1,
        3,
        2,
        2,
        -1,
        3,
    )
    assert record[-1:] == b"\x01" and b"\x06" + struct.pack("<I", 2) + b"\x81\x80" in record


def test_what_is_written_is_marked_and_is_no_output() -> None:
    schema = "l::f(Tensor(a!) x, Tensor(b!)? y, Tensor(c!)[] zs, Tensor w, float f) -> (Tensor(a!), Tensor)"
    record = OpRecords(_plan(schema, ProxyCall(0, (X, None, (X, Y), Y, 0.5), (Y,)))).record()
    assert struct.unpack_from("<2qI", record, 16 + 6 * 4) == (-2, -1, 5)
    wanted = b"\x41\x80\x06" + struct.pack("<I", 2) + b"\x41\x41\x01\x03" + struct.pack("<d", 0.5)
    assert record[16 + 6 * 4 + 2 * 8 + 4 :] == wanted


def test_calls_that_differ_in_buffers_alone_share_a_record() -> None:
    schema = "l::f(Tensor x, int i) -> Tensor"
    calls = [ProxyCall(0, (X, 1), (Y,)), ProxyCall(0, (Y, 1), (X,)), ProxyCall(0, (X, 2), (Y,))]
    records = OpRecords(_plan(schema, *calls))
    assert [records.number(c) for c in calls] == [0, 0, 1]
    assert records.record()[:12] == HEAD + struct.pack("<I", 2)


def test_a_plan_without_calls_has_no_record() -> None:
    assert OpRecords(Plan("m", [], [], [], [])).record() == b""


@pytest.mark.parametrize("args, outputs", [((X,), (Y,)), ((X, 1), (X, Y)), ((X, "a\0b"), (Y,))])
def test_what_does_not_fit_the_schema_is_our_error(
    args: tuple[OpArg, ...], outputs: tuple[Operand, ...]
) -> None:
    with pytest.raises(InternalError):
        OpRecords(_plan("l::f(Tensor x, str s) -> Tensor", ProxyCall(0, args, outputs))).record()
