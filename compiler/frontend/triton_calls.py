"""Describes one launch of a model's own Triton kernel: what each parameter is given, the configurations, what is written.

Enters: a launch as PyTorch traced it. Leaves: an `ir.triton_kernel.TritonKernel`, the nodes of its tensors and sizes, the grids.

Numbers get the types that Triton's own launcher gives them: a Python int is i32 where it fits, 1 is known when the kernel is compiled
(unless `do_not_specialize` says otherwise), a float is fp32. Every configuration must pass Triton's front end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.fx

from compiler.frontend.triton_source import dtype_name, module_of
from compiler.frontend.triton_writes import written
from compiler.ir.triton_kernel import Configuration, Constant, Parameter, TritonKernel

if TYPE_CHECKING:
    from compiler.frontend.triton_kernels import Launch

_TYPES = {
    torch.bool: "i1", torch.uint8: "u8", torch.int8: "i8", torch.int16: "i16", torch.int32: "i32", torch.int64: "i64",
    torch.float16: "fp16", torch.bfloat16: "bf16", torch.float32: "fp32", torch.float64: "fp64",
}  # fmt: skip
_INT32 = range(-(1 << 31), 1 << 31)


class Refused(Exception):
    """A launch that cannot be compiled; the message names the kernel and what to do."""


def describe(
    launch: Launch, undefined: frozenset[str]
) -> tuple[TritonKernel, list[torch.fx.Node], list[Any], list[Any]]:
    """Raises Refused or `triton_source.NotPortable`."""
    kernel, configurations = _unwrapped(launch.kernel)
    tensors: list[torch.fx.Node] = []
    sizes: list[Any] = []
    tuned = {name for name, _ in configurations[0].constants}
    parameters = []
    for p in kernel.params:
        if p.name in launch.given:
            parameters.append(_parameter(kernel, p, launch.given[p.name], tensors, sizes))
        elif p.name in tuned:
            parameters.append(Parameter(p.name, "tuned"))
        elif not p.has_default:
            raise Refused(f"the Triton kernel {_name(kernel)} is given no value for its parameter {p.name}")
    source, function = module_of(kernel)
    writes = sorted(
        {parameters[k].position for c in configurations for k in _written(kernel, parameters, tensors, c)}
    )
    if not writes:
        raise Refused(f"the Triton kernel {_name(kernel)} writes none of its tensors: a run would do nothing")
    _check_shared(kernel, tensors, writes)
    fresh = tuple(k for k in writes if _is_fresh(tensors[k], launch.node, undefined))
    described = TritonKernel(function, source, tuple(parameters), tuple(configurations), tuple(writes), fresh)
    return described, tensors, sizes, [n for grid in launch.grids for n in grid]


def _name(kernel: Any) -> str:
    return str(kernel.fn.__name__)


def _unwrapped(kernel: Any) -> tuple[Any, list[Configuration]]:
    """The jit function under `triton.autotune`, and the configurations."""
    from triton.runtime.autotuner import Autotuner
    from triton.runtime.jit import JITFunction

    configs: Sequence[Any] = ()
    if isinstance(kernel, Autotuner):
        kernel, configs = kernel.fn, kernel.configs
    if not isinstance(kernel, JITFunction):
        raise Refused(
            f"a Triton kernel of type {type(kernel).__name__} is not known: use triton.jit, with triton.autotune around it"
        )
    if kernel.is_gluon():
        raise Refused(f"the kernel {_name(kernel)} is written in Gluon: only triton.jit is supported")
    return kernel, [_configuration(kernel, c) for c in configs] or [Configuration(())]


def _configuration(kernel: Any, config: Any) -> Configuration:
    if config.pre_hook is not None:
        raise Refused(
            f"a configuration of the Triton kernel {_name(kernel)} has a pre_hook, Python code that a run has not"
        )
    constants = tuple((name, _constant(kernel, name, value)) for name, value in config.kwargs.items())
    return Configuration(constants, config.num_warps, config.num_stages, config.num_ctas, config.maxnreg or 0)


def _parameter(kernel: Any, p: Any, value: Any, tensors: list[torch.fx.Node], sizes: list[Any]) -> Parameter:
    """What the parameter is given; adds to the call's tensors or sizes."""
    if isinstance(value, torch.fx.Node):
        known = value.meta["val"]
        if isinstance(known, torch.Tensor):
            return Parameter(p.name, "tensor", _position(kernel, p, value, tensors))
        if not isinstance(known, torch.SymInt):
            raise Refused(
                f"parameter {p.name} of the Triton kernel {_name(kernel)} is a {type(known).__name__} computed in the run: make it a tensor"
            )
        sizes.append(value)
        return Parameter(p.name, "size", len(sizes) - 1)
    if type(value).__name__ == "dtype":
        return Parameter(p.name, "dtype", value=dtype_name(value))
    value = _constant(kernel, p.name, value)
    if (
        p.is_constexpr
        or value is None
        or isinstance(value, str)
        or (value == 1 and type(value) is int and not p.do_not_specialize)
    ):
        return Parameter(p.name, "constant", value=value)
    return Parameter(p.name, type(value).__name__, value=value)


def _constant(kernel: Any, name: str, value: Any) -> Constant:
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    raise Refused(
        f"parameter {name} of the Triton kernel {_name(kernel)} is a {type(value).__name__}: only tensors, numbers, strings and "
        "types can be given"
    )


def _position(kernel: Any, p: Any, node: torch.fx.Node, tensors: list[torch.fx.Node]) -> int:
    """One tensor under two parameters is one tensor."""
    value = node.meta["val"]
    if value.dtype not in _TYPES:
        raise Refused(
            f"parameter {p.name} of the Triton kernel {_name(kernel)} is a tensor of {value.dtype}, which is not supported"
        )
    for k, other in enumerate(tensors):
        if other is node or _same(other.meta["val"], value):
            return k
    tensors.append(node)
    return len(tensors) - 1


def _memory(value: torch.Tensor) -> int:
    return int(value.untyped_storage()._cdata)


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether they are one tensor's elements in one order."""
    shape = [(t.dtype, str((*t.size(), *t.stride(), t.storage_offset()))) for t in (a, b)]
    return _memory(a) == _memory(b) and shape[0] == shape[1]


def _check_shared(kernel: Any, tensors: Sequence[torch.fx.Node], writes: Sequence[int]) -> None:
    """A tensor that is written is given once: what another view of it would show while the kernel runs is not defined here."""
    memories = [_memory(t.meta["val"]) for t in tensors]
    for k in writes:
        if memories.count(memories[k]) > 1:
            raise Refused(
                f"the Triton kernel {_name(kernel)} is given two views of one tensor, and writes to it: "
                "give it the tensor once, with offsets"
            )


def _written(
    kernel: Any, parameters: Sequence[Parameter], tensors: Sequence[torch.fx.Node], c: Configuration
) -> frozenset[int]:
    """Positions among `parameters` of the tensors that the kernel writes in this configuration."""
    by_name, tuned = {p.name: p for p in parameters}, dict(c.constants)
    signature, constants = {}, {}  # type: dict[str, str], dict[tuple[int, ...], object]
    for k, p in enumerate(kernel.params):
        given = by_name.get(p.name)
        signature[p.name], value = _type(given, tensors, tuned) if given else ("constexpr", p.default)
        if signature[p.name] == "constexpr":
            constants[k,] = value
    try:
        found = written(kernel, signature, constants, c.num_warps)
    except Exception as error:  # whatever Triton's front end says
        raise Refused(
            f"the Triton kernel {_name(kernel)} does not compile with {c}: {str(error).strip()}"
        ) from error
    order = [p.name for p in kernel.params]
    return frozenset(
        k for k, p in enumerate(parameters) if p.kind == "tensor" and order.index(p.name) in found
    )


def _type(p: Parameter, tensors: Sequence[torch.fx.Node], tuned: dict[str, Constant]) -> tuple[str, object]:
    """Triton's type of what the parameter is given, and the value where it is a compile-time one."""
    if p.kind == "tensor":
        return "*" + _TYPES[tensors[p.position].meta["val"].dtype], None
    if p.kind == "tuned":
        return "constexpr", tuned[p.name]
    if p.kind == "dtype":
        import triton.language as tl

        return "constexpr", getattr(tl, str(p.value))
    if p.kind == "int":
        return "i32" if int(p.value or 0) in _INT32 else "i64", None
    return {"size": "i32", "float": "fp32", "bool": "i1"}.get(p.kind, "constexpr"), p.value


def _is_fresh(tensor: torch.fx.Node, launch: torch.fx.Node, undefined: frozenset[str]) -> bool:
    """Whether nothing was written to the tensor before this launch."""
    target = tensor.target
    if (
        not isinstance(target, torch._ops.OpOverload)
        or target._schema.name.removeprefix("aten::") not in undefined
    ):
        return False
    earlier = (user for user in tensor.users if user is not launch and user < launch)
    return all(not isinstance(user.meta.get("val"), torch.Tensor) for user in earlier)
