"""A Triton kernel of the model's own: the launches of a call of it, and how they are printed.

Enters: a `triton` group: the call and its results. Leaves: its specs; the lines of the function that is compiled, which calls the user's;
the user's modules, as they were exported.

Invariants
- A result that does not take over the memory of what it was before is first a copy of that, in a launch of its own, unless the contents
  are undefined.
- Arguments have the types of Triton's own launcher: a number is a scalar of its type, not a constant, also where its value is known; an
  index is i32 where it is sure to fit.
- Which configuration: the first one, as the author wrote them down. `chosen` says so in the kernel's first lines.

    @triton.jit
    def triton_add_kernel_0(in_ptr0, in_ptr1, out_ptr0, s0, PDL: tl.constexpr = False):
        if PDL: ...
        user_add_kernel_1f0c2a9b(x=in_ptr0, y=in_ptr1, out=out_ptr0, n=(64 * s0).to(tl.int32), scale=tl.full((), 2.5, tl.float32),
                                 BLOCK=256)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from compiler.codegen.common.arguments import Arguments, size_symbols
from compiler.codegen.triton.index_text import index_text
from compiler.codegen.triton.single_kernel import copy_spec
from compiler.ir.expr import Expr, const
from compiler.ir.kernel import KernelSpec, Pointer, UserArgument, UserCall
from compiler.ir.schedule import KernelGroup, Schedule
from compiler.ir.triton_call import TritonCall, call_of
from compiler.ir.triton_kernel import Configuration, literal

_INT32 = range(-(1 << 31), 1 << 31)
_ZERO = const(0)


def user_specs(schedule: Schedule, group: KernelGroup) -> list[KernelSpec]:
    """The copies that are needed, then the kernel."""
    call = call_of(group.nodes)
    arguments = Arguments(schedule, group)
    chosen, configuration = 0, call.kernel.configurations[0]
    body = UserCall(
        call.kernel.function,
        call.kernel.source,
        tuple(_arguments(call, configuration, arguments)),
        call.grids[chosen],
        configuration.num_warps,
        configuration.num_stages,
        configuration.num_ctas,
        configuration.max_registers,
        _reason(call.kernel.configurations, chosen),
    )
    spec = KernelSpec(group.name, group.name, arguments.all(), size_symbols([body]), (body,), group.origins)
    return [*_copies(schedule, group, call), spec]


def _copies(schedule: Schedule, group: KernelGroup, call: TritonCall) -> Iterator[KernelSpec]:
    for node in group.nodes[1:]:
        base = call.base(node.name)
        if base is not None and node.name not in schedule.reuse:
            yield copy_spec(schedule, group, base, node)


def _reason(configurations: Sequence[Configuration], chosen: int) -> str:
    text = f"Configuration: {configurations[chosen]}"
    return text if len(configurations) == 1 else f"{text} (the first of {len(configurations)})"


def _arguments(
    call: TritonCall, configuration: Configuration, arguments: Arguments
) -> Iterator[UserArgument]:
    tuned = dict(configuration.constants)
    for p in call.kernel.parameters:
        if p.kind == "tensor":
            yield UserArgument(p.name, "pointer", _pointer(call, p.position, arguments))
        elif p.kind == "size":
            yield UserArgument(p.name, "size", call.sizes[p.position])
        elif p.kind == "tuned":
            yield UserArgument(p.name, "constant", tuned[p.name])
        else:
            yield UserArgument(p.name, p.kind, p.value)


def _pointer(call: TritonCall, position: int, arguments: Arguments) -> Pointer:
    """Where the kernel reads or writes: of a tensor that it writes, the new buffer."""
    result, given = call.result(position), call.tensors[position]
    if result is not None:
        return Pointer(arguments.write(result), _ZERO)
    assert given is not None
    return Pointer(arguments.read(given.buffer), given.layout.offset)


def user_lines(
    spec: KernelSpec, call: UserCall, parameters: Sequence[str], comments: Sequence[str]
) -> list[str]:
    """The function that is compiled."""
    values = [f"{a.name}={_text(a)}" for a in call.arguments]
    return [
        "@triton.jit",
        f"def {spec.function}({', '.join(parameters)}):",
        *(f"    # {c}" for c in comments),
        "    if PDL:",
        "        gdc_launch_dependents()",
        "        gdc_wait()",
        f"    {module_name(call)}(",
        *(f"        {value}," for value in values),
        "    )",
    ]


def module_name(call: UserCall) -> str:
    """Of the file of the user's code, and of the function in the generated one."""
    return f"user_{call.function}_{hashlib.sha256(call.source.encode()).hexdigest()[:8]}"


def modules(specs: Sequence[KernelSpec]) -> dict[str, str]:
    """File name -> text, for all that the specs call."""
    calls = (spec.user_call for spec in specs)
    return {f"{module_name(c)}.py": c.source for c in calls if c is not None}


def imports(specs: Sequence[KernelSpec]) -> list[str]:
    calls = (spec.user_call for spec in specs)
    lines = (f"from {module_name(c)} import {c.function} as {module_name(c)}" for c in calls if c is not None)
    return list(dict.fromkeys(lines))


def _text(a: UserArgument) -> str:
    value = a.value
    if isinstance(value, Pointer):
        return value.name if value.offset == 0 else f"{value.name} + ({index_text(value.offset)})"
    if isinstance(value, Expr):
        return _size(value)
    if a.kind == "int":
        return f"tl.full((), {value}, tl.{'int32' if int(value or 0) in _INT32 else 'int64'})"
    if a.kind in ("float", "bool"):
        return f"tl.full((), {literal(value)}, tl.{'float32' if a.kind == 'float' else 'int1'})"
    return f"tl.{value}" if a.kind == "dtype" else literal(value)


def _size(value: Expr) -> str:
    fits = value.lo is not None and value.lo in _INT32 and value.hi is not None and value.hi in _INT32
    if value.is_const:
        return f"tl.full((), {value.value()}, tl.{'int32' if fits else 'int64'})"
    return f"({index_text(value)}).to(tl.{'int32' if fits else 'int64'})"
