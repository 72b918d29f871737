"""Prints a KernelSpec with a `TemplateCall` as Triton: a kernel that calls a template of kernels/triton, and its epilogue as a hook.

Enters: a spec. Leaves: the lines of two jit functions. The hooks' protocol is that of kernels/triton/hooks.py.

Before/after (mm, then cos):
    @triton.jit
    def triton_tem_fused_mm_cos_1_epilogue(acc, batch, m, n, mask, args):
        out_ptr0 = args[0]
        tmp0 = libdevice.cos(acc)
        tl.store(out_ptr0 + (64 * m + n), tmp0)

    @triton.jit
    def triton_tem_fused_mm_cos_1(in_ptr0, in_ptr1, out_ptr0, PDL: tl.constexpr = False):
        gemm(in_ptr0, in_ptr1, 64, 64, 64, 4096, 64, 1, 4096, 64, 1, None, None, None, (), None, (),
             triton_tem_fused_mm_cos_1_epilogue, (out_ptr0,), BLOCK_M=32, BLOCK_N=32, BLOCK_K=32, EVEN_K=True, PDL=PDL)
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.codegen.triton.block_writer import BlockWriter
from compiler.codegen.triton.index_text import index_text
from compiler.codegen.triton.scalar_text import literal
from compiler.codegen.triton.template_calls import tile_of
from compiler.ir import dtypes
from compiler.ir.expr import Expr
from compiler.ir.kernel import (
    Compute,
    Define,
    KernelSpec,
    Pointer,
    Statement,
    Store,
    TemplateCall,
    TemplateLaunch,
    TemplateValue,
)

# Prologues: none, of the one operand or of both.
_ONE_OPERAND = ("convolution", "depthwise")
# Templates whose work is always in one part.
_WHOLE = ("depthwise", "gemm_persistent")
# What a template that cuts its work in parts takes beside its arguments.
SPLIT_PARAMETERS = ("workspace", "semaphores")


def template_lines(spec: KernelSpec, parameters: Iterable[str], comments: list[str], wide: bool) -> list[str]:
    """Both functions, with `comments` at the start of the kernel."""
    (call,) = spec.body
    assert isinstance(call, TemplateCall) and call.launch is not None
    if call.template == "attention":
        return _attention_lines(spec, call, parameters, comments)
    passed = _names_used(spec, (*call.row, *call.column))
    values = ", ".join(_value(v) for v in call.arguments)
    hook = f"{spec.function}_epilogue"
    parts = "" if call.template in _WHOLE else f"{_split(call.launch)}, "
    prologues = "None, ()" if call.template in _ONE_OPERAND else "None, (), None, ()"
    given = "".join(f"{name}, " for name in passed).rstrip() if len(passed) == 1 else ", ".join(passed)
    return [
        *_epilogue(spec, call, hook, passed, wide),
        "",
        "",
        "@triton.jit",
        f"def {spec.function}({', '.join(parameters)}):",
        *(f"    # {c}" for c in comments),
        f"    {call.template}(",
        f"        {values},",
        f"        {parts}{prologues},",
        f"        {hook}, ({given}),",
        f"        {_constants(call.launch)},",
        "    )",
    ]


def _split(launch: TemplateLaunch) -> str:
    return ", ".join(SPLIT_PARAMETERS if launch.semaphores else ["None"] * len(SPLIT_PARAMETERS))


def _constants(launch: TemplateLaunch) -> str:
    return ", ".join([*(f"{name}={value!r}" for name, value in launch.constants), "PDL=PDL"])


def _attention_lines(
    spec: KernelSpec, call: TemplateCall, parameters: Iterable[str], comments: list[str]
) -> list[str]:
    """The call of the template with the hooks that kernels/triton/hooks.py has: nothing is fused. Arguments as
    `template_calls._attention` orders them."""
    assert call.launch is not None
    texts = [_value(v) for v in call.arguments]
    sizes, strides, mask, out, scale = texts[:5], texts[5:14], texts[14:19], texts[19:24], texts[24]
    score = f"add_mask, ({', '.join(mask)})" if mask[0] else "None, ()"
    return [
        "@triton.jit",
        f"def {spec.function}({', '.join(parameters)}):",
        *(f"    # {c}" for c in comments),
        "    attention(",
        f"        {', '.join(sizes)}, None, 0,",
        f"        {', '.join(strides)},",
        f"        {_split(call.launch)},",
        f"        {score},",
        f"        store_heads, ({', '.join(out)}),",
        f"        SCALE={scale}, {_constants(call.launch)},",
        "    )",
    ]


def _epilogue(spec: KernelSpec, call: TemplateCall, hook: str, passed: list[str], wide: bool) -> list[str]:
    assert call.launch is not None
    out = BlockWriter(spec, [str(call.m), str(call.n)], wide=wide)
    out.dtype["acc"] = dtypes.float32
    for position, name in enumerate(passed):
        out.line(f"{name} = args[{position}]")
    if wide:
        out.line(f"{call.m} = {call.m}.to(tl.int64)")
        out.line(f"{call.n} = {call.n}.to(tl.int64)")
        out.line(f"{call.batch} = tl.cast({call.batch}, tl.int64)")
    rows, columns = tile_of(call.launch)
    out.mask(str(call.m), call.launch.rows, rows)
    if call.template == "convolution" and call.launch.grid[2] != 1:
        # The columns of a tile are those of one group.
        out.line(f"{call.n}mask = {call.n} < (tl.program_id(2) + 1) * {_value(call.arguments[8])}")
        out.masks[str(call.n)] = f"{call.n}mask"
    else:
        out.mask(str(call.n), call.launch.columns, columns)
    out.statements(call.row)
    out.statements(call.column)
    head = f"def {hook}(acc, {call.batch}, {call.m}, {call.n}, mask, args):"
    return ["@triton.jit", head, *_block_sizes((call.m, call.n), (rows, columns), out.lines), *out.lines]


def _block_sizes(axes: tuple[Expr, Expr], sizes: tuple[int, int], lines: list[str]) -> list[str]:
    """The names by which statements call the sides of a block, where they do."""
    named = [(f"{str(axis).upper()}BLOCK", size) for axis, size in zip(axes, sizes, strict=True)]
    return [
        f"    {name}: tl.constexpr = {size}" for name, size in named if any(name in line for line in lines)
    ]


def _value(value: TemplateValue) -> str:
    if isinstance(value, Pointer):
        return value.name if value.offset == 0 else f"{value.name} + ({index_text(value.offset)})"
    if isinstance(value, Expr):
        return index_text(value)
    assert not isinstance(value, tuple)
    return literal(value, dtypes.bool_ if isinstance(value, bool) else dtypes.float32)


def _names_used(spec: KernelSpec, statements: tuple[Statement, ...]) -> list[str]:
    """Pointers and sizes that the epilogue needs, in the kernel's order."""
    found: set[str] = set()
    for s in statements:
        indices: list[Expr] = []
        if isinstance(s, Compute):
            indices = [a for a in s.attrs if isinstance(a, Expr)]
            found |= {str(s.attrs[0])} if s.opcode == "load" else set()
        elif isinstance(s, Store):
            found.add(s.target)
            indices = [s.index]
        elif isinstance(s, Define):
            indices = [s.value]
        found.update(str(symbol) for e in indices for symbol in e.symbols())
    if isinstance(spec.body[0], TemplateCall) and spec.body[0].launch:
        edges = (spec.body[0].launch.rows, spec.body[0].launch.columns)
        found.update(str(symbol) for e in edges for symbol in e.symbols())
    ordered = [a.name for a in spec.arguments] + [str(s) for s in spec.sizes]
    return [name for name in ordered if name in found]
