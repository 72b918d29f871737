"""Loop IR as text: printer and, in `loop_parse`, its inverse.

One program prints the same everywhere, so texts can be diffed and kept. Constants' data is not in the text;
its SHA-256 is.

    program my_model
    input x float32 [64, 64] stride [64, 1] at "models/my_model.py:21 in forward"
    constant p_w float32 [24576] stride [1] source "w" fqn "w" kind parameter packing "panel16" transpose sha256 9f86d08...
    buf0 = pointwise float32 [64, 64] stride [64, 1]
      from "sin" "aten.sin.default" "models/my_model.py:21 in forward"
      %0 = load x[64*i0 + i1] : float32
      %1 = sin %0 : float32
      yield %1
    buf1 = template bmm float32 [1, 64, 64] stride [4096, 64, 1] over [1, 64, 64]
      operand buf0 float32 [1, 64, 64] stride [4096, 64, 1]
      param B = int 1
    while6 = while bool [] stride []          each line of a block begins with |
      | program enter
      | input buf7 int64 [] stride []
      | buf8 = pointwise int64 [] stride []
      ...
    buf7 = result int64 [] stride [] of while6
    u0 = size int64 [] stride [] of buf7 int64 [] stride []        a symbol from here on
    mutate b_count = buf3 int64 [] stride []
    output output = buf2 float32 [64, 64] stride [64, 1]
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from compiler.ir.expr import Expr
from compiler.ir.expr_parse import print_range
from compiler.ir.loop import (
    Body,
    BodyOp,
    Cond,
    Constant,
    CustomKernel,
    ExternKernel,
    Layout,
    Node,
    OutputRef,
    Pointwise,
    Program,
    ReadSize,
    Reduction,
    Result,
    Scan,
    Scatter,
    TemplateKernel,
    TensorRef,
    View,
    While,
    Written,
)
from compiler.ir.recipe import print_original, print_recipe
from compiler.ir.size_float import SizeFloat


def print_program(program: Program) -> str:
    """The whole program as text, with a newline at the end."""
    lines = [f"program {program.name}"]
    for key, text in (
        ("in_spec", program.in_spec),
        ("out_spec", program.out_spec),
        ("call_info", program.call_info),
    ):
        if text:
            lines.append(f"{key} {json.dumps(text)}")
    for symbol in (*program.size_symbols(), *(n.symbol for n in program.read_sizes())):
        lines.append(f"symbol {symbol} in {print_range(symbol)}")
    for guard in program.guards:
        lines.append(f"guard [{guard}]" + (f" at {json.dumps(guard.origin)}" if guard.origin else ""))
    for i in program.inputs:
        lines.append(
            f"input {i.name} {print_layout(i.layout)}{_given_on(i.given_on)}"
            + (f" at {json.dumps(i.origin)}" if i.origin else "")
        )
    lines += [f"original {print_original(o)}" for o in program.originals]
    lines += [_constant(c, program) for c in program.constants]
    for node in program.nodes:
        lines += print_node(node)
    lines += [f"mutate {m.target} = {_ref(m.value)}" for m in program.mutations]
    lines += [_output(o) for o in program.outputs]
    return "\n".join(lines) + "\n"


def print_node(node: Node) -> list[str]:
    """The node's lines: a head, and indented ones for origins, operands and body."""
    origins = [
        f"  from {json.dumps(o.fx_node)} {json.dumps(o.aten_op)} {json.dumps(o.location)}"
        for o in node.origins
    ]
    return [f"{node.name} = {_head(node)}", *origins, *(f"  {line}" for line in _details(node))]


def print_layout(layout: Layout) -> str:
    """`float32 [2, 3] stride [3, 1] offset 5 device cuda`; offset 0 and the CPU are not printed."""
    offset = "" if layout.offset == 0 else f" offset {_offset(layout.offset)}"
    device = "" if layout.device == "cpu" else f" device {layout.device}"
    return f"{layout.dtype} {print_exprs(layout.size)} stride {print_exprs(layout.stride)}{offset}{device}"


def _offset(offset: Expr) -> str:
    return str(offset) if offset.is_const else f"[{offset}]"


def print_exprs(values: Sequence[Expr]) -> str:
    return f"[{', '.join(map(str, values))}]"


def print_body(body: Body) -> list[str]:
    """`%0 = load x[i0] : float32`, one line an op, and the yields."""
    lines = [f"%{i} = {_op(op)} : {op.dtype}" for i, op in enumerate(body.ops)]
    return [*lines, "yield " + ", ".join(f"%{y}" for y in body.yields)]


def digest(data: Any) -> str:
    """SHA-256 of a tensor's elements in row-major order."""
    import torch

    dense = data.detach().cpu().contiguous()
    return hashlib.sha256(dense.view(-1).view(torch.uint8).numpy().data if dense.numel() else b"").hexdigest()


def _constant(c: Constant, program: Program) -> str:
    known = c.digest or (digest(program.data[c.source]) if c.source in program.data else "")
    parts = [f"constant {c.name} {print_layout(c.layout)} source {json.dumps(c.source)}"]
    parts += [f"fqn {json.dumps(c.fqn)}"] if c.fqn else []
    parts += [f"kind {c.kind}"] if c.kind != "unknown" else []
    parts += [f"packing {json.dumps(c.packing)}"] if c.packing else []
    parts += ["transpose"] if c.transpose else []
    parts += [f"sha256 {known}"] if known else []
    parts += [f"recipe {json.dumps(print_recipe(c.recipe))}"] if c.recipe else []
    return " ".join(parts)


def _output(o: OutputRef) -> str:
    if isinstance(o.value, TensorRef):
        return f"output {o.name} = {_ref(o.value)}{_given_on(o.given_on)}"
    return f"output {o.name} = {print_scalar(o.value)}"


def _given_on(device: str) -> str:
    return f" on {device}" if device else ""


def print_scalar(value: object) -> str:
    """A plain value with its type: `none`, `bool true`, `int 3`, `float 0.5`, `str "x"`, `[int 1, int 2]`, `expr s0 + 1`, `sizes
    sqrt(float(s0))`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"bool {str(value).lower()}"
    if isinstance(value, int):
        return f"int {value}"
    if isinstance(value, float):
        return f"float {value!r}"
    if isinstance(value, Expr):
        return f"expr {value}"
    if isinstance(value, SizeFloat):
        return f"sizes {value}"
    if isinstance(value, (tuple, list)):
        return f"[{'; '.join(print_scalar(v) for v in value)}]"
    return f"str {json.dumps(value)}"


def _ref(ref: TensorRef) -> str:
    return f"{ref.buffer} {print_layout(ref.layout)}"


def _head(node: Node) -> str:
    layout = print_layout(node.layout)
    if isinstance(node, Pointwise):
        return f"pointwise {layout}"
    if isinstance(node, Reduction):
        return (
            f"reduction.{node.kind} {layout} over {print_exprs(node.reduction_ranges)} acc {node.acc_dtype}"
        )
    if isinstance(node, Scan):
        return f"scan.{node.kind} {layout} dim {node.dim} acc {node.acc_dtype}"
    if isinstance(node, Scatter):
        return f"scatter.{node.mode} {layout} over {print_exprs(node.ranges)} at [{node.index}] base {_ref(node.base)}"
    if isinstance(node, View):
        return f"view {layout} of {_ref(node.operand)}"
    if isinstance(node, TemplateKernel):
        return f"template {node.template} {layout} over {print_exprs(node.ranges)}"
    if isinstance(node, CustomKernel):
        return f"custom {layout} {json.dumps(node.schema)}"
    if isinstance(node, Cond):
        return f"cond {layout} on {_ref(node.predicate)}"
    if isinstance(node, While):
        return f"while {layout}"
    if isinstance(node, ReadSize):
        return f"size {layout} of {_ref(node.operand)}"
    if isinstance(node, Result):
        return f"result {layout} of {node.control}"
    assert isinstance(node, ExternKernel), type(node)
    return f"extern {node.function} {layout} op {json.dumps(node.aten_op)}"


def _details(node: Node) -> Iterator[str]:
    if isinstance(node, (Cond, While)):
        for block in node.blocks:
            yield from (f"| {line}" for line in print_program(block).splitlines())
    if isinstance(node, TemplateKernel):
        yield from (f"operand {_ref(o)}" for o in node.operands)
        yield from (f"param {name} = {print_scalar(value)}" for name, value in node.params)
    if isinstance(node, ExternKernel):
        yield from (
            f"operand {_ref(a)}" if isinstance(a, TensorRef) else f"argument {print_scalar(a)}"
            for a in node.args
        )
    if isinstance(node, CustomKernel):
        yield from _arguments(node.args)
        yield from (f"base {_ref(base) if base else 'none'}" for base in node.bases)
    if isinstance(node, (Pointwise, Reduction, Scan, Scatter)):
        yield from print_body(node.body)


def _arguments(args: Sequence[object]) -> Iterator[str]:
    """One line each; a list's between `list` and `end`."""
    for a in args:
        if isinstance(a, tuple):
            yield from ("list", *_arguments(a), "end")
        elif isinstance(a, Written):
            yield f"written {a.base} {print_layout(a.layout)}"
        else:
            yield f"operand {_ref(a)}" if isinstance(a, TensorRef) else f"argument {print_scalar(a)}"


def _op(op: BodyOp) -> str:
    if op.opcode == "load":
        masked = f" if %{op.args[0]} else %{op.args[1]}" if op.args else ""
        return f"load {op.attrs[0]}[{op.attrs[1]}]{masked}"
    if op.opcode == "constant":
        return f"constant {print_number(op.attrs[0])}"
    if op.opcode == "index":
        return f"index [{op.attrs[0]}]"
    if op.opcode == "indirect":
        return f"indirect %{op.args[0]} in [{op.attrs[0]}] {json.dumps(op.attrs[1])}"
    return f"{op.opcode} " + ", ".join(f"%{a}" for a in op.args)


def print_number(value: object) -> str:
    """`true`, `3`, `0.5`, `inf`, `-inf`, `nan`."""
    return str(value).lower() if isinstance(value, bool) else repr(value)
