"""A Triton kernel of the model's own: what one call of it needs, written as JSON into the call's first argument.

Made at export (`frontend/triton_kernels.py`), where the kernel's Python code is at hand; read by lowering, the scheduler and codegen.

Invariants
- The operator is functional: it returns a new tensor for each one that the kernel writes (`written`), with the contents of the tensor
  given for it where the kernel leaves them alone; of those in `undefined` nobody reads what was there before.
- Tensors have exactly the strides of the call's `strides`, for the kernel's arithmetic was done with them.
- `source` is all of the kernel that is not Triton's own: a module that defines `function`.
- The grid has three numbers for each configuration, in their order.

    add_kernel[grid](x, y, out, n, 2.5, BLOCK=256)
      parameters  x, y, out: tensor 0, 1, 2; n: size 0; scale: float 2.5; BLOCK: tuned
      configurations  BLOCK=256 with 4 warps; BLOCK=1024 with 8 warps
      written  2; undefined 2
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Union

SCHEMA = "triton_kernel(str kernel, Tensor[] tensors, SymInt[] strides, SymInt[] sizes, SymInt[] grids) -> Tensor[]"
FULL_SCHEMA = f"aoti::{SCHEMA}"
OP = "aoti.triton_kernel.default"

Constant = Union[int, float, bool, str, None]
# What a parameter is given: a tensor or a size of the call, a number of its own type, a number known when the kernel is compiled (an
# attribute of triton.language for "dtype"), or what the configuration says.
KINDS = ("tensor", "size", "int", "float", "bool", "constant", "dtype", "tuned")


@dataclass(frozen=True)
class Parameter:
    """`position`: which tensor or size. `value`: of the other kinds, but "tuned"."""

    name: str
    kind: str
    position: int = 0
    value: Constant = None


@dataclass(frozen=True)
class Configuration:
    """How the kernel may be compiled: values of its tuned parameters; 0 registers: as many as the compiler likes."""

    constants: tuple[tuple[str, Constant], ...]
    num_warps: int = 4
    num_stages: int = 3
    num_ctas: int = 1
    max_registers: int = 0

    def __str__(self) -> str:
        parts = [f"{name}={value!r}" for name, value in self.constants]
        parts += [f"num_warps={self.num_warps}", f"num_stages={self.num_stages}"]
        parts += [f"num_ctas={self.num_ctas}"] if self.num_ctas != 1 else []
        return ", ".join([*parts, *([f"maxnreg={self.max_registers}"] if self.max_registers else [])])


@dataclass(frozen=True)
class TritonKernel:
    function: str
    source: str
    parameters: tuple[Parameter, ...]
    configurations: tuple[Configuration, ...]
    written: tuple[int, ...]
    undefined: tuple[int, ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


@functools.cache
def from_json(text: str) -> TritonKernel:
    """The kernel of a call's first argument. Raises ValueError for what is none."""
    try:
        kernel = _read(json.loads(text))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"is no description of a Triton kernel ({type(error).__name__}: {error})") from error
    if not kernel.function.isidentifier() or not kernel.configurations:
        raise ValueError("is no description of a Triton kernel (no function or no configuration)")
    tensors = {p.position for p in kernel.parameters if p.kind == "tensor"}
    if not tensors.issuperset(kernel.written) or not set(kernel.written).issuperset(kernel.undefined):
        raise ValueError(f"{kernel.function} writes tensors that it is not given")
    return kernel


def _read(found: Mapping[str, Any]) -> TritonKernel:
    return TritonKernel(
        str(found["function"]),
        str(found["source"]),
        tuple(_parameter(p) for p in found["parameters"]),
        tuple(_configuration(c) for c in found["configurations"]),
        tuple(int(k) for k in found["written"]),
        tuple(int(k) for k in found["undefined"]),
    )


def _parameter(found: Mapping[str, Any]) -> Parameter:
    name, kind, value = str(found["name"]), str(found["kind"]), found["value"]
    if kind not in KINDS or not name.isidentifier() or not isinstance(value, (int, float, str, type(None))):
        raise ValueError(f"parameter {name!r} of kind {kind!r}")
    return Parameter(name, kind, int(found["position"]), value)


def _configuration(found: Mapping[str, Any]) -> Configuration:
    constants = tuple((str(name), value) for name, value in found["constants"])
    for name, value in constants:
        if not name.isidentifier() or not isinstance(value, (int, float, str, type(None))):
            raise ValueError(f"constant {name!r}")
    numbers = (int(found[k]) for k in ("num_warps", "num_stages", "num_ctas", "max_registers"))
    return Configuration(constants, *numbers)


def literal(value: Constant) -> str:
    """Python's, with the floats that it has no literal for."""
    plain = not isinstance(value, float) or abs(value) < float("inf")
    return repr(value) if plain else f"float({str(value)!r})"
