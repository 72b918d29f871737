"""KernelSpecs as text. `kernel_parse.parse_kernels` is the inverse.

kernel cpp_fused_sum_0 function cpp_fused_sum_0
  from "sum_1" "aten.sum.default" "models/x.py:3 in forward"
  in in_ptr0 arg0 float32 [64, 64] stride [64, 1]
  out out_ptr0 buf0 float32 [64] stride [1]
  parallel i0 in [0, 63] to [64] grain 256
    accumulator acc0 sum float32
    vector r0 in [0, 63] from [0] to [64]
      tmp0 = load in_ptr0 [64*i0 + r0] : float32
      acc0 sum tmp0
    store out_ptr0 [i0] acc0
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from compiler.ir.expr import Expr, IntLike, as_expr
from compiler.ir.kernel import (
    Accumulate,
    Accumulator,
    AtomicAdd,
    Compute,
    Define,
    Grid,
    KernelSpec,
    Local,
    Loop,
    Parallel,
    Pointer,
    Span,
    Statement,
    Store,
    TemplateCall,
    TemplateLaunch,
    TemplateValue,
    TensorMap,
    Tile,
    UserCall,
)
from compiler.ir.loop_text import print_layout, print_number, print_scalar


def print_kernels(specs: Sequence[KernelSpec]) -> str:
    """All specs, with a newline at the end."""
    return "".join(line + "\n" for spec in specs for line in print_kernel(spec))


def print_kernel(spec: KernelSpec) -> list[str]:
    """One spec's lines."""
    lines = [f"kernel {spec.name} function {spec.function}"]
    lines += [
        f"  from {json.dumps(o.fx_node)} {json.dumps(o.aten_op)} {json.dumps(o.location)}"
        for o in spec.origins
    ]
    lines += [f"  {a.direction} {a.name} {a.buffer} {print_layout(a.layout)}" for a in spec.arguments]
    lines += [f"  size {symbol_text(s)}" for s in spec.sizes]
    lines += [f"  archs {' '.join(spec.archs)}"] if spec.archs else []
    lines += ["  can_fail"] if spec.can_fail else []
    lines += [f"  scratch {spec.scratch_bytes_per_thread}"] if spec.scratch_bytes_per_thread else []
    return lines + _block(spec.body, "  ")


def symbol_text(s: Expr) -> str:
    """A symbol with its range, which is part of its identity."""
    return f"{s} in [{s.lo}, {'inf' if s.hi is None else s.hi}]"


def _grain(grain: IntLike) -> str:
    return str(grain) if as_expr(grain).is_const else f"[{grain}]"


def _block(statements: Sequence[Statement], indent: str) -> list[str]:
    lines: list[str] = []
    for s in statements:
        lines += [indent + line for line in _statement(s)]
    return lines


def _statement(s: Statement) -> list[str]:
    if isinstance(s, Compute):
        return [_compute(s)]
    if isinstance(s, Store):
        return [f"store {s.target} [{s.index}] {s.value}"]
    if isinstance(s, AtomicAdd):
        return [f"atomic_add {s.target} [{s.index}] {s.value}"]
    if isinstance(s, Accumulate):
        return [f"{s.accumulator} {s.kind} {s.value}"]
    if isinstance(s, Accumulator):
        return [f"accumulator {s.name} {s.kind} {s.dtype}"]
    if isinstance(s, Define):
        return [f"define {symbol_text(s.symbol)} as [{s.value}]"]
    if isinstance(s, Local):
        place = f" scratch {s.scratch_offset_bytes}" if s.scratch_offset_bytes >= 0 else ""
        return [f"local {s.name} {s.dtype} {s.numel}{place}"]
    if isinstance(s, Loop):
        return [f"{s.kind} {symbol_text(s.symbol)} from [{s.begin}] to [{s.end}]", *_block(s.body, "  ")]
    if isinstance(s, Parallel):
        vector = " vector" if s.vector else ""
        return [
            f"parallel {symbol_text(s.symbol)} to [{s.extent}] grain {_grain(s.grain)}{vector}",
            *_block(s.body, "  "),
        ]
    if isinstance(s, (Grid, Span, Tile)):
        return _gpu(s)
    if isinstance(s, UserCall):
        return _user(s)
    assert isinstance(s, TemplateCall), type(s)
    symbols = " ".join(symbol_text(x) for x in (s.batch, s.m, s.n))
    arguments = [f"  argument {_template_value(v)}" for v in s.arguments]
    return [
        f"template {s.template} tile {symbols}",
        *arguments,
        *(_launch(s.launch) if s.launch else ()),
        "  row",
        *_block(s.row, "    "),
        "  column",
        *_block(s.column, "    "),
    ]


def _user(s: UserCall) -> list[str]:
    x, y, z = s.grid
    head = f"user {s.function} launch [{x}] [{y}] [{z}] warps {s.num_warps} stages {s.num_stages}"
    head += f" ctas {s.num_ctas} registers {s.max_registers}"
    values = (
        _template_value(a.value) if isinstance(a.value, Pointer) else print_scalar(a.value)
        for a in s.arguments
    )
    return [
        f"{head} chosen {json.dumps(s.chosen)}",
        f"  source {json.dumps(s.source)}",
        *(f"  argument {a.name} {a.kind} {value}" for a, value in zip(s.arguments, values, strict=True)),
    ]


def _launch(launch: TemplateLaunch) -> list[str]:
    x, y, z = launch.grid
    head = f"launch [{x}] [{y}] [{z}] warps {launch.num_warps} stages {launch.num_stages} of [{launch.rows}] [{launch.columns}]"
    head += f" chosen {json.dumps(launch.chosen)}"
    head += f" workspace {launch.workspace_floats} {launch.semaphores}" if launch.semaphores else ""
    return [
        f"  {head}",
        *(f"    {_tensor_map(m)}" for m in launch.maps),
        *(f"    {name} {print_scalar(value)}" for name, value in launch.constants),
    ]


def _tensor_map(m: TensorMap) -> str:
    """Each dim: size, stride, block."""
    dims = " ".join(
        f"[{size}] [{stride}] {block}"
        for size, stride, block in zip(m.sizes, m.strides, m.block, strict=True)
    )
    return f"map {m.name} {_template_value(m.pointer)} {m.dtype} {dims}"


def _gpu(s: Grid | Span | Tile) -> list[str]:
    if isinstance(s, Grid):
        axes = [f"  axis {symbol_text(a.symbol)} to [{a.extent}] block {a.block}" for a in s.axes]
        return [f"grid {s.kind} warps {s.num_warps}", *axes, *_block(s.body, "  ")]
    head = f"{symbol_text(s.symbol)} to [{s.extent}] block {s.block}"
    return [f"span {head}"] if isinstance(s, Span) else [f"tile {head}", *_block(s.body, "  ")]


def _compute(s: Compute) -> str:
    head, tail = f"{s.name} = {s.opcode}", f" : {s.dtype}"
    if s.opcode == "load":
        masked = f" if {s.args[0]} else {s.args[1]}" if s.args else ""
        return f"{head} {s.attrs[0]} [{s.attrs[1]}]{masked}{tail}"
    if s.opcode == "indirect":
        symbol, size, where = s.attrs
        assert isinstance(symbol, Expr)
        return f"{head} {s.args[0]} {symbol_text(symbol)} size [{size}] {json.dumps(where)}{tail}"
    if s.opcode == "index":
        return f"{head} [{s.attrs[0]}]{tail}"
    if s.opcode == "constant":
        return f"{head} {print_number(s.attrs[0])}{tail}"
    if s.opcode in ("neutral", "combine", "reduce", "scan"):
        head += f" {s.attrs[0]}"
    return head + "".join(f" {a}" for a in s.args) + tail


def _template_value(value: TemplateValue) -> str:
    if isinstance(value, Pointer):
        return f"pointer {value.name or 'null'} [{value.offset}]"
    return print_scalar(value)
