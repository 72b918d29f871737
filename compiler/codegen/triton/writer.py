"""Prints a KernelSpec with a `Grid` as the source of a Triton kernel that a person would write.

Enters: a spec. Leaves: the lines of one `@triton.jit` function. Block sizes and static sizes are numbers in the source, so a kernel is
compiled as it stands; its parameters are pointers and the sizes known at run time.

Before/after (row sum of [64, 1000]; see `compiler.ir.kernel` for specs):
    @triton.jit
    def triton_per_fused_sum_0(in_ptr0, out_ptr0, PDL: tl.constexpr = False):
        if PDL:  # launched while its predecessor ends: nothing is read or written before that is done
            gdc_launch_dependents()
            gdc_wait()
        XBLOCK: tl.constexpr = 1
        RBLOCK: tl.constexpr = 1024
        x = tl.program_id(0) * XBLOCK + tl.arange(0, XBLOCK)[:, None]
        r = tl.arange(0, RBLOCK)[None, :]
        rmask = r < 1000
        tmp0 = tl.load(in_ptr0 + (1000 * x + r), rmask, other=0.0)
        tmp1 = reduce_sum(tl.where(rmask, tmp0, 0.0), 1)
        tl.store(out_ptr0 + x, tmp1)
"""

from __future__ import annotations

from compiler.codegen.triton.block_writer import REDUCED, BlockWriter
from compiler.codegen.triton.index_text import index_text
from compiler.codegen.triton.template_writer import SPLIT_PARAMETERS, template_lines
from compiler.codegen.triton.user_kernels import user_lines
from compiler.ir import random_symbols
from compiler.ir.expr import Expr
from compiler.ir.kernel import Grid, GridAxis, KernelSpec, Span, Statement, TemplateCall, Tile

INDEX_LIMIT = 1 << 31


def grid_of(spec: KernelSpec) -> Grid:
    """The spec's only statement."""
    (grid,) = spec.body
    assert isinstance(grid, Grid), spec.name
    return grid


def is_wide(spec: KernelSpec) -> bool:
    """Whether positions need 64 bits: some buffer or loop has, or may have, 2**31 elements or more."""
    (statement,) = spec.body
    extents = [a.extent for a in statement.axes] if isinstance(statement, Grid) else []
    extents += [a.layout.storage_numel() for a in spec.arguments]
    return any(e.hi is None or e.hi >= INDEX_LIMIT - 65536 for e in extents)


def parameters(spec: KernelSpec) -> list[str]:
    """The kernel's parameters in order: pointers, sizes, tensor maps, the workspace of work in parts, and whether it is launched early.
    `package/gpu_images.py` gives them their types."""
    names = [a.name for a in spec.arguments] + [str(s) for s in spec.sizes]
    if launch := spec.template_launch:
        names += [m.name for m in launch.maps]
        names += SPLIT_PARAMETERS if launch.semaphores else ()
    return [*names, "PDL: tl.constexpr = False"]


def kernel_lines(spec: KernelSpec, comments: list[str]) -> list[str]:
    """The function, with `comments` at its start."""
    if isinstance(spec.body[0], TemplateCall):
        return template_lines(spec, parameters(spec), comments, is_wide(spec))
    if spec.user_call:
        return user_lines(spec, spec.user_call, parameters(spec), comments)
    grid = grid_of(spec)
    lines = ["@triton.jit", f"def {spec.function}({', '.join(parameters(spec))}):"]
    lines += [f"    # {c}" for c in comments]
    lines += ["    if PDL:", "        gdc_launch_dependents()", "        gdc_wait()"]
    reduced = next((s for s in _flat(grid.body) if isinstance(s, (Span, Tile))), None)
    wide = is_wide(spec)
    names = [str(a.symbol) for a in grid.axes]
    body = BlockWriter(spec, names if reduced is None else [*names, REDUCED], wide)
    for s in spec.sizes if not wide else ():
        if s not in random_symbols.SYMBOLS:  # of those every bit counts
            body.line(f"{s} = {s}.to(tl.int32)")
    _axes(body, grid, wide)
    if reduced is not None:
        body.line(f"RBLOCK: tl.constexpr = {reduced.block}")
    body.statements(grid.body)
    return lines + body.lines


def _flat(statements: tuple[Statement, ...]) -> list[Statement]:
    return [x for s in statements for x in ([s, *_flat(s.body)] if isinstance(s, Tile) else [s])]


def _axes(out: BlockWriter, grid: Grid, wide: bool) -> None:
    """Each axis' block size, position and mask."""
    program = "tl.program_id(0)" + (".to(tl.int64)" if wide else "")
    for axis in grid.axes:
        out.line(f"{block_name(axis.symbol)}: tl.constexpr = {axis.block}")
    if len(grid.axes) == 1:
        _axis(out, grid.axes[0], program)
        return
    first, last = grid.axes
    out.line(f"columns = {index_text((last.extent + (last.block - 1)) // last.block)}")
    _axis(out, first, f"({program} // columns)")
    _axis(out, last, f"({program} % columns)")


def _axis(out: BlockWriter, axis: GridAxis, program: str) -> None:
    name, block = str(axis.symbol), block_name(axis.symbol)
    out.line(f"{name} = {program} * {block} + {out.lanes(name, block)}")
    out.mask(name, axis.extent, axis.block)


def block_name(symbol: Expr) -> str:
    """`XBLOCK` of axis x."""
    return f"{str(symbol).upper()}BLOCK"
