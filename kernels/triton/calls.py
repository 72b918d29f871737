"""A problem and a config -> the call of a template: what is compiled, and what is launched.

Enters: kernels/tuning's `Problem` and `Config`. Leaves: a `Call` on dense operands with the plain or a long epilogue: what tests
compile and tools/tune measures. Codegen makes calls of its own, with the graph's strides and hooks; this is the model of how.

Before/after:
    call(Product("bf16", 256, 4096, 4096), Config("gemm", (("BLOCK_M", 128), ...), 8, 3), 132)
      -> Call(gemm, {"a": Pointer("bf16"), "M": 256, ..., "BLOCK_M": 128, "EVEN_K": True}, operands=("a", "b"), ...)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernels.triton.attention import attention
from kernels.triton.compile_kernel import Descriptor, Pointer, Value
from kernels.triton.convolution import convolution, depthwise
from kernels.triton.gemm import gemm, gemm_persistent
from kernels.triton.gemv import gemv
from kernels.triton.hooks import add_gelu_strided, store_heads, store_strided
from kernels.tuning.configs import Config, grid, is_convolution_of_taps, power_of_two, workspace
from kernels.tuning.problems import Attention, Convolution, Problem, Product

_FUNCTIONS = {f.__name__: f for f in (attention, convolution, depthwise, gemm, gemm_persistent, gemv)}


@dataclass(frozen=True)
class TensorMap:
    """A descriptor that the host makes for parameter `parameter`: sizes and strides in elements, outermost first."""

    parameter: str
    sizes: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """operands: what is passed at run time, in order, by the names of the template's parameters; "out" and "residual" are in the
    epilogue's tuple."""

    function: Any
    values: dict[str, Value]
    operands: tuple[str, ...]
    tensor_maps: tuple[TensorMap, ...]
    grid: tuple[int, int, int]
    workspace_floats: int
    semaphores: int
    num_warps: int
    num_stages: int


def call(problem: Problem, config: Config, multiprocessors: int) -> Call:
    """Raises KeyError for a template that does not exist."""
    function = _FUNCTIONS[config.template]
    floats, semaphores = workspace(problem, config, multiprocessors)
    if isinstance(problem, Product):
        values, maps = _product(problem, config)
    elif isinstance(problem, Attention):
        values, maps = _attention(problem, config)
    else:
        values, maps = _convolution(problem, config)
    known = {p.name for p in function.params}
    if "workspace" in known:
        split = floats > 0
        values |= {
            "workspace": Pointer("fp32") if split else None,
            "semaphores": Pointer("i32") if split else None,
        }
    values |= {name: bool(v) if name in _FLAGS else v for name, v in config.constants}
    values = {name: value for name, value in values.items() if name in known}
    return Call(
        function,
        values,
        tuple(name for p in function.params for name in _run_time_names(p.name, values.get(p.name))),
        maps,
        grid(problem, config, multiprocessors),
        floats,
        semaphores,
        config.num_warps,
        config.num_stages,
    )


def _run_time_names(parameter: str, value: Value) -> tuple[str, ...]:
    if isinstance(value, tuple):
        pointers = sum(isinstance(part, Pointer) for part in value)
        return ("out", "residual")[:pointers]
    return (parameter,) if isinstance(value, (Pointer, Descriptor)) else ()


_FLAGS = ("TMA", "PACKED", "PDL", "PREFETCH", "WARP_SPECIALIZE")


def _product(p: Product, config: Config) -> tuple[dict[str, Value], tuple[TensorMap, ...]]:
    b_strides = (1, p.k) if p.b_columns else (p.n, 1)
    step = config.get("BLOCK_K") * config.get("SPLIT_K", 1)
    values: dict[str, Value] = {
        "a": Pointer(p.dtype), "b": Pointer(p.dtype), "M": p.m, "N": p.n, "K": p.k, "batches": p.batches,
        "stride_ab": p.m * p.k, "stride_am": p.k, "stride_ak": 1,
        "stride_bb": p.k * p.n, "stride_bk": b_strides[0], "stride_bn": b_strides[1],
        "a_prologue": None, "a_args": (), "b_prologue": None, "b_args": (),
        **_product_epilogue(p),
        "ROWS": p.m, "EVEN_K": p.k % step == 0, "B_COLUMNS": p.b_columns, "PRECISION": p.precision,
    }  # fmt: skip
    if not config.get("TMA"):
        return values, ()
    a_block = (config.get("BLOCK_M"), config.get("BLOCK_K"))
    inner, outer, b_block = p.n, p.k, (config.get("BLOCK_K"), config.get("BLOCK_N"))
    if p.b_columns:
        inner, outer, b_block = p.k, p.n, b_block[::-1]
    values |= {"a": Descriptor(p.dtype, a_block), "b": Descriptor(p.dtype, b_block)}
    return values, (
        TensorMap("a", (p.batches * p.m, p.k), (p.k, 1)),
        TensorMap("b", (p.batches * outer, inner), (inner, 1)),
    )


def _product_epilogue(p: Product) -> dict[str, Value]:
    strides = (p.m * p.n, p.n, 1)
    if not p.long_epilogue:
        return {"epilogue": store_strided, "epilogue_args": (Pointer(result_dtype(p)), *strides)}
    pointers = (Pointer(result_dtype(p)), Pointer(result_dtype(p)))
    return {"epilogue": add_gelu_strided, "epilogue_args": (*pointers, *strides)}


def result_dtype(p: Product) -> str:
    """8-bit operands are not written as 8 bits."""
    return "bf16" if p.dtype.startswith("fp8") else p.dtype


def _attention(p: Attention, config: Config) -> tuple[dict[str, Value], tuple[TensorMap, ...]]:
    """q, k, v and the result as [batches, positions, heads, depth], as projections leave them."""
    row, kv_row = p.heads * p.depth, p.kv_heads * p.depth
    values: dict[str, Value] = {
        "q": Pointer(p.dtype), "k": Pointer(p.dtype), "v": Pointer(p.dtype),
        "queries": p.queries, "keys": p.keys, "lengths": None, "shift": p.keys - p.queries,
        "stride_qb": p.queries * row, "stride_qh": p.depth, "stride_qm": row,
        "stride_kb": p.keys * kv_row, "stride_kh": p.depth, "stride_kn": kv_row,
        "stride_vb": p.keys * kv_row, "stride_vh": p.depth, "stride_vn": kv_row,
        "score": None, "score_args": (),
        "epilogue": store_heads, "epilogue_args": (Pointer(p.dtype), p.queries * row, p.depth, row, 1),
        "SCALE": p.depth**-0.5, "GROUP": p.heads // p.kv_heads, "D": p.depth, "DV": p.depth, "CAUSAL": p.causal,
        "PRECISION": "tf32x3" if p.dtype == "fp32" else "ieee",
    }  # fmt: skip
    if not config.get("TMA"):
        return values, ()
    block = Descriptor(p.dtype, (1, 1, config.get("BLOCK_N"), max(16, power_of_two(p.depth))))
    sizes = (p.batches, p.kv_heads, p.keys, p.depth)
    strides = (p.keys * kv_row, p.depth, kv_row, 1)
    return values | {"k": block, "v": block}, tuple(TensorMap(name, sizes, strides) for name in "kv")


def _convolution(p: Convolution, config: Config) -> tuple[dict[str, Value], tuple[TensorMap, ...]]:
    oh, ow = p.out_size
    channels = p.groups * p.c
    names = ("KH", "KW", "SH", "SW", "PH", "PW", "DH", "DW")
    geometry = dict(zip(names, (*p.kernel, *p.stride, *p.pad, *p.dilation), strict=True))
    taps = is_convolution_of_taps(p, config)
    values: dict[str, Value] = {
        "x": Pointer(p.dtype), "w": Pointer(p.dtype),
        "N": p.n, "H": p.h, "W": p.w, "C": p.c, "G": p.groups, "OH": oh, "OW": ow, "OC": p.oc,
        "stride_xn": p.h * p.w * channels, "stride_xh": p.w * channels, "stride_xw": channels,
        "stride_wo": 1, "stride_wk": p.groups * p.oc,
        "prologue": None, "prologue_args": (),
        "epilogue": store_strided, "epilogue_args": (Pointer(p.dtype), 0, p.groups * p.oc, 1),
        "TAPS": taps, "EVEN_C": not taps and p.c % max(1, config.get("BLOCK_K")) == 0, **geometry,
    }  # fmt: skip
    return values, ()
