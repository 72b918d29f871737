"""How each template of kernels/triton is called for a TemplateKernel node: its arguments, compile-time arguments, launch.

Enters: a node with operands (buffer and strides) and params. Leaves: a `Call`. The signatures are those of
kernels/triton/{attention,gemm,gemv}.py.
Template, blocks, warps and stages come from the tuning database (kernels/tuning): measured, or by its cost model; the kernel's header
says which. A size that is not known when compiling counts as its upper bound, at most MANY.

One source serves every architecture: what is chosen is the measured one's best that also fits the smallest one's shared memory.
Products of float32 are sums of three products of its halves in tf32 ("tf32x3"): measured nearer to float64 than float32 arithmetic.
"""

from __future__ import annotations

from compiler.codegen.common.arguments import Arguments
from compiler.codegen.common.template_arguments import Call
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, as_expr, const
from compiler.ir.kernel import Pointer, TemplateLaunch, TemplateValue
from compiler.ir.loop import TemplateKernel, TensorRef
from compiler.support.diagnostics import InternalError
from kernels.tuning.configs import power_of_two
from kernels.tuning.database import Choice, choose, committed
from kernels.tuning.gpus import gpu_for
from kernels.tuning.problems import Attention, Product

TEMPLATES = ("attention", "gemm", "gemv")  # each in the file of its name
MEASURED_ARCH = 90
SMALLEST_ARCH = 80
MANY = 4096
ABLE: frozenset[str] = frozenset()  # no launch here passes tensor maps or a workspace yet
SHORT_NAMES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


def call_of(node: TemplateKernel, arguments: Arguments) -> Call:
    """Raises InternalError for a template that is not known here."""
    if node.template == "triton_attention":
        return _attention(node, arguments)
    if node.template == "triton_gemm":
        return _product(node, arguments)
    raise InternalError(
        f"codegen: {node.name} asks for template {node.template!r}; known: triton_attention, triton_gemm"
    )


def _product(node: TemplateKernel, arguments: Arguments) -> Call:
    """a [B, M, K] @ b [B, K, N] of any strides."""
    a, b = node.operands
    sizes = tuple(_size(node, p) for p in "BMNK")
    precision = "tf32x3" if a.layout.dtype.name == "float32" else "ieee"
    choice = product_choice(sizes, a.layout.dtype, precision, b.layout.stride[-2] == 1)
    pointers = (_pointer(a, arguments), _pointer(b, arguments))
    strides = (*a.layout.stride, *b.layout.stride)
    if choice.config.template == "gemv":
        return _gemv(choice, sizes, pointers, strides)
    return _gemm(choice, sizes, pointers, strides, precision)


def product_choice(sizes: tuple[Expr, ...], dtype: DType, precision: str, b_columns: bool) -> Choice:
    """gemv only for rows that are known to be few, since it takes their number as a constant."""
    batches, m, n, k = (min(_upper(e), MANY) if not e.is_const else e.value() for e in sizes)
    few = sizes[1].is_const
    problem = Product(SHORT_NAMES[dtype.name], m if few else max(m, 16), n, k, batches, b_columns, precision)
    if few and m <= 4 and precision == "tf32x3":
        problem = Product(problem.dtype, m, n, k, batches, b_columns)  # ordinary units, in exact float32
    limit = gpu_for(SMALLEST_ARCH).block_shared_bytes
    return choose(committed(), problem, MEASURED_ARCH, ABLE, limit)


def _gemm(
    choice: Choice,
    sizes: tuple[Expr, ...],
    pointers: tuple[Pointer, ...],
    strides: tuple[Expr, ...],
    precision: str,
) -> Call:
    config = choice.config
    batches, m, n, k = sizes
    block_m, block_n, block_k = (config.get(f"BLOCK_{c}") for c in "MNK")
    constants = (
        ("BLOCK_M", block_m),
        ("BLOCK_N", block_n),
        ("BLOCK_K", block_k),
        ("EVEN_K", _divides(block_k, k)),
        ("PRECISION", precision),
    )
    grid = (_blocks(m, block_m) * _blocks(n, block_n), const(1), batches)
    values: tuple[TemplateValue, ...] = (*pointers, m, n, k, *strides)
    launch = TemplateLaunch(constants, grid, config.num_warps, config.num_stages, m, n, origin_of(choice))
    return Call("gemm", values, has_epilogue=True, launch=launch)


def _gemv(
    choice: Choice, sizes: tuple[Expr, ...], pointers: tuple[Pointer, ...], strides: tuple[Expr, ...]
) -> Call:
    config = choice.config
    batches, m, n, k = sizes
    block_n, block_k = config.get("BLOCK_N"), config.get("BLOCK_K")
    constants = (
        ("ROWS", m.value()),
        ("BLOCK_N", block_n),
        ("BLOCK_K", block_k),
        ("EVEN_K", _divides(block_k, k)),
    )
    values: tuple[TemplateValue, ...] = (*pointers, n, k, *strides)
    launch = TemplateLaunch(
        constants,
        (_blocks(n, block_n), const(1), batches),
        config.num_warps,
        config.num_stages,
        m,
        n,
        origin_of(choice),
    )
    return Call("gemv", values, has_epilogue=True, launch=launch)


def _attention(node: TemplateKernel, arguments: Arguments) -> Call:
    """Pointers, then sizes, then strides; a mask that is missing is a null pointer. The result is stored as it is."""
    q, k, v, *mask = node.operands
    batch, heads, queries, depth = q.layout.size
    kv_heads, keys = k.layout.size[1:3]
    causal = bool(node.param("causal"))
    choice = attention_choice((batch, heads, kv_heads, queries, keys, depth), q.layout.dtype, causal)
    config = choice.config
    packed = bool(config.get("PACKED"))
    group = heads // kv_heads
    rows, parallel = (queries * group, kv_heads) if packed else (queries, heads)
    constants = (
        ("GROUP", group.value()),
        ("D", depth.value()),
        ("DV", v.layout.size[3].value()),
        ("BLOCK_M", config.get("BLOCK_M")),
        ("BLOCK_N", config.get("BLOCK_N")),
        ("CAUSAL", causal),
        ("PACKED", packed),
        ("PRECISION", "tf32x3" if q.layout.dtype.name == "float32" else "ieee"),
    )
    values: list[TemplateValue] = [*(_pointer(x, arguments) for x in (q, k, v)), queries, keys]
    values += [stride for x in (q, k, v) for stride in x.layout.stride[:3]]
    values += [_pointer(mask[0], arguments) if mask else Pointer("", const(0))]
    values += mask[0].layout.stride if mask else [const(0)] * 4
    values += [Pointer(arguments.write(node.name), node.layout.offset), *node.layout.stride]
    values.append(float(node.param("scale")))
    grid = (_blocks(rows, config.get("BLOCK_M")), parallel, batch)
    launch = TemplateLaunch(
        constants, grid, config.num_warps, config.num_stages, queries, depth, origin_of(choice)
    )
    return Call("attention", tuple(values), has_epilogue=False, launch=launch)


def attention_choice(sizes: tuple[Expr, ...], dtype: DType, causal: bool) -> Choice:
    """sizes: batch, heads, heads of the keys, queries, keys, depth."""
    batch, heads, kv_heads, queries, keys, depth = (
        e.value() if e.is_const else min(_upper(e), MANY) for e in sizes
    )
    problem = Attention(SHORT_NAMES[dtype.name], batch, heads, kv_heads, queries, keys, depth, causal)
    return choose(committed(), problem, MEASURED_ARCH, ABLE, gpu_for(SMALLEST_ARCH).block_shared_bytes)


def origin_of(choice: Choice) -> str:
    """For the kernel's header: what was measured, or that nothing was."""
    if choice.measured_on:
        return f"set up as measured on {choice.measured_on}: {choice.us:.1f} us"
    return f"set up by the cost model, not measured: {choice.us:.1f} us predicted"


def tile_of(launch: TemplateLaunch) -> tuple[int, int]:
    """Rows and columns of the tile that an epilogue is given."""
    constants = dict(launch.constants)
    rows = int(constants["BLOCK_M"]) if "BLOCK_M" in constants else power_of_two(int(constants["ROWS"]))
    return rows, int(constants["BLOCK_N"])


def _divides(block: int, extent: Expr) -> bool:
    return extent.is_const and extent.value() % block == 0


def _upper(e: Expr) -> int:
    return MANY if e.hi is None else e.hi


def _blocks(extent: Expr, block: int) -> Expr:
    return (extent + (block - 1)) // block


def _pointer(ref: TensorRef, arguments: Arguments) -> Pointer:
    return Pointer(arguments.read(ref.buffer), ref.layout.offset)


def _size(node: TemplateKernel, name: str) -> Expr:
    value = node.param(name)
    if isinstance(value, bool) or not isinstance(value, (int, Expr)):
        raise InternalError(
            f"codegen: {node.name}: parameter {name} of {node.template} must be an integer, not {value!r}"
        )
    return as_expr(value)
