"""How each template of kernels/triton is called for a TemplateKernel node: its arguments, compile-time arguments, launch.

Enters: a node with operands (buffer and strides) and params, and the target. Leaves: a `Call`. The signatures are those of
kernels/triton/{attention,gemm,gemv}.py. Template, blocks, warps and stages come from `template_choices`; the kernel's header says whether
they were measured.

Products of float32 are sums of three products of its halves in tf32 ("tf32x3"): measured nearer to float64 than float32 arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from compiler.codegen.common.arguments import Arguments
from compiler.codegen.common.template_arguments import Call
from compiler.codegen.triton.convolution_calls import convolution_call
from compiler.codegen.triton.launch_parts import blocks, divides, pointer, size, steps, workspace
from compiler.codegen.triton.target import Target
from compiler.codegen.triton.template_choices import attention_choice, origin_of, product_choice
from compiler.codegen.triton.tensor_maps import can_be_mapped, product_maps
from compiler.ir.expr import Expr, const, minimum, mul_all
from compiler.ir.kernel import Pointer, TemplateLaunch, TemplateValue
from compiler.ir.loop import TemplateKernel
from compiler.support.diagnostics import InternalError
from kernels.tuning.configs import TENSOR_MAPS, power_of_two
from kernels.tuning.database import Choice

# Each with the file of kernels/triton that it is in.
TEMPLATES = {
    "attention": "attention", "convolution": "convolution", "depthwise": "convolution", "gemm": "gemm", "gemm_persistent": "gemm",
    "gemv": "gemv",
}  # fmt: skip
# Programs of a persistent kernel: the multiprocessors of the GPU whose measurements chose it. On a GPU with more, some stay idle.
PROGRAMS = 132


def call_of(target: Target, long_epilogue: bool) -> Callable[[TemplateKernel, Arguments], Call]:
    """What is called for a node; raises InternalError for a template that is not known here."""
    return partial(_call, target, long_epilogue)


def _call(target: Target, long_epilogue: bool, node: TemplateKernel, arguments: Arguments) -> Call:
    if node.template == "triton_attention":
        return _attention(target, node, arguments)
    if node.template == "triton_gemm":
        return _product(target, long_epilogue, node, arguments)
    if node.template == "triton_convolution":
        return convolution_call(target, node, arguments)
    raise InternalError(
        f"codegen: {node.name} asks for template {node.template!r}; known: triton_attention, triton_convolution, triton_gemm"
    )


def _product(target: Target, long_epilogue: bool, node: TemplateKernel, arguments: Arguments) -> Call:
    """a [B, M, K] @ b [B, K, N] of any strides."""
    a, b = node.operands
    sizes = tuple(size(node, p) for p in "BMNK")
    precision = "tf32x3" if a.layout.dtype.name == "float32" else "ieee"
    able = target.able if can_be_mapped(node.operands) else target.able - {TENSOR_MAPS}
    target = replace(target, able=able)
    choice = product_choice(sizes, a.layout.dtype, precision, b.layout.stride[-2] == 1, long_epilogue, target)
    if choice.config.template == "gemv":
        return _gemv(choice, node, sizes, arguments)
    return _gemm(choice, node, sizes, precision, arguments)


def _gemm(
    choice: Choice, node: TemplateKernel, sizes: tuple[Expr, ...], precision: str, arguments: Arguments
) -> Call:
    """`gemm` or `gemm_persistent`."""
    config, (a, b) = choice.config, node.operands
    batches, m, n, k = sizes
    block = (config.get("BLOCK_M"), config.get("BLOCK_N"), config.get("BLOCK_K"))
    split = config.get("SPLIT_K", 1)
    pointers = (pointer(a, arguments), pointer(b, arguments))
    maps = product_maps(a, b, pointers, block) if config.get("TMA") else ()
    constants: list[tuple[str, int | bool | str]] = [
        ("BLOCK_M", block[0]),
        ("BLOCK_N", block[1]),
        ("BLOCK_K", block[2]),
        ("EVEN_K", divides(block[2] * split, k)),
        ("PRECISION", precision),
    ]
    constants += [("SPLIT_K", split)] if split > 1 else []
    constants += [("TMA", True), ("B_COLUMNS", b.layout.stride[-1] != 1)] if maps else []
    tiles = blocks(m, block[0]) * blocks(n, block[1])
    persistent = config.template == "gemm_persistent"
    grid = (
        (minimum(tiles * batches, PROGRAMS), const(1), const(1))
        if persistent
        else (tiles, const(split), batches)
    )
    given = [Pointer(x.name, const(0)) for x in maps] or pointers
    values: tuple[TemplateValue, ...] = (*given, m, n, k)
    values += (batches,) if persistent else ()
    launch = TemplateLaunch(
        tuple(constants), grid, config.num_warps, config.num_stages, m, n, origin_of(choice), maps,
        *workspace(tiles * batches, split, block[0] * block[1]),
    )  # fmt: skip
    return Call(
        config.template, (*values, *steps(a.layout), *steps(b.layout)), has_epilogue=True, launch=launch
    )


def _gemv(choice: Choice, node: TemplateKernel, sizes: tuple[Expr, ...], arguments: Arguments) -> Call:
    config, (a, b) = choice.config, node.operands
    batches, m, n, k = sizes
    block_n, block_k, split = config.get("BLOCK_N"), config.get("BLOCK_K"), config.get("SPLIT_K", 1)
    constants: list[tuple[str, int | bool | str]] = [
        ("ROWS", m.value()),
        ("BLOCK_N", block_n),
        ("BLOCK_K", block_k),
        ("EVEN_K", divides(block_k * split, k)),
    ]
    constants += [("SPLIT_K", split)] if split > 1 else []
    constants += [("PREFETCH", True)] if config.get("PREFETCH") and arguments.is_weight(b.buffer) else []
    values: tuple[TemplateValue, ...] = (pointer(a, arguments), pointer(b, arguments), n, k)
    programs = blocks(n, block_n)
    launch = TemplateLaunch(
        tuple(constants), (programs, const(split), batches), config.num_warps, config.num_stages, m, n,
        origin_of(choice), (), *workspace(programs * batches, split, power_of_two(m.value()) * block_n),
    )  # fmt: skip
    return Call("gemv", (*values, *steps(a.layout), *steps(b.layout)), has_epilogue=True, launch=launch)


def _attention(target: Target, node: TemplateKernel, arguments: Arguments) -> Call:
    """Pointers, then sizes, then strides; a mask that is missing is a null pointer. The result is stored as it is."""
    q, k, v, *mask = node.operands
    batch, heads, queries, depth = q.layout.size
    kv_heads, keys = k.layout.size[1:3]
    causal = bool(node.param("causal"))
    sizes = (batch, heads, kv_heads, queries, keys, depth)
    choice = attention_choice(sizes, q.layout.dtype, causal, target, target.able - {TENSOR_MAPS})
    config = choice.config
    packed, splits = bool(config.get("PACKED")), config.get("SPLITS", 1)
    group, wide = heads // kv_heads, v.layout.size[3].value()
    rows, parallel = (queries * group, kv_heads) if packed else (queries, heads)
    constants: list[tuple[str, int | bool | str]] = [
        ("GROUP", group.value()),
        ("D", depth.value()),
        ("DV", wide),
        ("BLOCK_M", config.get("BLOCK_M")),
        ("BLOCK_N", config.get("BLOCK_N")),
        ("CAUSAL", causal),
        ("PACKED", packed),
        ("PRECISION", "tf32x3" if q.layout.dtype.name == "float32" else "ieee"),
    ]
    constants += [("SPLITS", splits)] if splits > 1 else []
    values: list[TemplateValue] = [*(pointer(x, arguments) for x in (q, k, v)), queries, keys]
    values += [step for x in (q, k, v) for step in steps(x.layout)[:3]]
    values += [pointer(mask[0], arguments) if mask else Pointer("", const(0))]
    values += steps(mask[0].layout) if mask else [const(0)] * 4
    values += [Pointer(arguments.write(node.name), node.layout.offset), *steps(node.layout)]
    values.append(float(node.param("scale")))
    tiles = blocks(rows, config.get("BLOCK_M"))
    launch = TemplateLaunch(
        tuple(constants), (tiles, parallel, batch * splits), config.num_warps, config.num_stages, queries, depth,
        origin_of(choice), (),
        *workspace(mul_all((tiles, parallel, batch)), splits, config.get("BLOCK_M") * (power_of_two(wide) + 2)),
    )  # fmt: skip
    return Call("attention", tuple(values), has_epilogue=False, launch=launch)


def tile_of(launch: TemplateLaunch) -> tuple[int, int]:
    """Rows and columns of the tile that an epilogue is given."""
    constants = dict(launch.constants)
    rows = int(constants["BLOCK_M"]) if "BLOCK_M" in constants else power_of_two(int(constants["ROWS"]))
    return rows, int(constants["BLOCK_N"])
