"""A jit function and a description of its arguments -> machine code for one architecture, on any machine.

Enters: a `triton.jit` function, one value for each of its parameters, launch options. Leaves: a `Cubin` with what a launch needs.
No GPU and no driver is touched. A generated kernel and a template called on its own are compiled in the same way.

Values
    Pointer("bf16")              a run-time pointer; 16-byte aligned unless it says otherwise
    Scalar("i32", divisible=16)  a run-time integer or float, with the divisor that its user has checked
    Descriptor("bf16", (128, 64))  a tensor map made by the host for blocks of that shape
    (v, w, ...)                  a tuple of values: its parts become parameters of their own
    anything else                a compile-time constant: int, float, bool, None, a dtype, a jit function

Parameters of the machine code, in order: one for each run-time value (a descriptor: the 128-byte tensor map, then its sizes as i32 and its
strides as i64), then two pointers of Triton's own: global scratch and profile scratch (null where their sizes are 0).

    cubin = compile_kernel(gemv, {"a": Pointer("bf16"), "N": 4096, ...}, arch=90, num_warps=4)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

_DIVISIBLE = [["tt.divisibility", 16]]


@dataclass(frozen=True)
class Pointer:
    """dtype: Triton's name of the element type (fp32, fp16, bf16, fp8e4nv, fp8e5, i8, i32, i64, u8, i1)."""

    dtype: str
    aligned: bool = True


@dataclass(frozen=True)
class Scalar:
    """dtype: i32, i64 or fp32. divisible: only 16 and its multiples are of use to the compiler."""

    dtype: str
    divisible: int = 1


@dataclass(frozen=True)
class Descriptor:
    dtype: str
    block: tuple[int, ...]


Value = Union[Pointer, Scalar, Descriptor, Sequence["Value"], Any]


@dataclass(frozen=True)
class Cubin:
    """image: an ELF file. tensor_maps: for each descriptor, in order, the swizzle, element and block that its tensor map must have.
    assembly: PTX, for architectures that come later."""

    name: str
    arch: int
    image: bytes
    assembly: str
    num_warps: int
    num_ctas: int
    shared_bytes: int
    global_scratch_bytes: int
    tensor_maps: tuple[Mapping[str, Any], ...]


def compile_kernel(
    function: Any,
    values: Mapping[str, Value],
    arch: int,
    num_warps: int = 4,
    num_stages: int = 3,
    **options: Any,
) -> Cubin:
    """Raises ValueError when `values` are not the function's parameters, and Triton's own errors when it cannot compile them."""
    named = _all_parameters(function, values)
    signature = {name: _type(value) for name, value in named.items()}
    constants: dict[tuple[int, ...], Any] = {}
    attributes: dict[tuple[int, ...], Any] = {}
    for position, value in enumerate(named.values()):
        _collect((position,), value, constants, attributes)
    source = ASTSource(function, signature, constants, attributes)
    compiled = triton.compile(
        source,
        target=GPUTarget("cuda", arch, 32),
        options={"num_warps": num_warps, "num_stages": num_stages, **options},
    )
    meta = compiled.metadata
    return Cubin(
        name=meta.name,
        arch=arch,
        image=compiled.asm["cubin"],
        assembly=compiled.asm["ptx"],
        num_warps=meta.num_warps,
        num_ctas=meta.num_ctas,
        shared_bytes=meta.shared,
        global_scratch_bytes=meta.global_scratch_size,
        tensor_maps=tuple(meta.tensordesc_meta or ()),
    )


def _all_parameters(function: Any, values: Mapping[str, Value]) -> dict[str, Value]:
    """The values in the order of the parameters, defaults filled in."""
    unknown = sorted(set(values) - {p.name for p in function.params})
    missing = [p.name for p in function.params if p.name not in values and not p.has_default]
    if unknown or missing:
        raise ValueError(
            f"{function.__name__}: {'unknown parameters ' + ', '.join(unknown) if unknown else ''}"
            f"{' and ' if unknown and missing else ''}{'no value for ' + ', '.join(missing) if missing else ''}; "
            f"its parameters are {', '.join(p.name for p in function.params)}"
        )
    return {p.name: values.get(p.name, p.default) for p in function.params}


def _type(value: Value) -> Any:
    if isinstance(value, Pointer):
        return "*" + value.dtype
    if isinstance(value, Scalar):
        return value.dtype
    if isinstance(value, Descriptor):
        return f"tensordesc<{value.dtype}{list(value.block)}>"
    if isinstance(value, tuple):
        return tuple(_type(v) for v in value)
    return "constexpr"


def _collect(
    path: tuple[int, ...], value: Value, constants: dict[Any, Any], attributes: dict[Any, Any]
) -> None:
    if isinstance(value, tuple):
        for position, part in enumerate(value):
            _collect((*path, position), part, constants, attributes)
    elif isinstance(value, Pointer):
        if value.aligned:
            attributes[path] = _DIVISIBLE
    elif isinstance(value, Scalar):
        if value.divisible % 16 == 0:
            attributes[path] = _DIVISIBLE
    elif not isinstance(value, Descriptor):
        constants[path] = value
