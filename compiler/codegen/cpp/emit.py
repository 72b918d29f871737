"""C++ code generation: Schedule -> KernelSpecs -> the files of the kernels tree.

Enters: a verified schedule. Leaves: one KernelSpec for each launched group, in order; then the files, which compile once for each
instruction set with -DAOTI_ISA=... and include C headers and kernels/cpp only.
Invariants: every spec verifies; specs with equal `key()` name the same function, which is written once; file names and contents depend
on the specs alone.

    kernels/kernels.h           struct Kernels: a pointer to each kernel
    kernels/kernels_<i>.cpp     `kernels_per_file` kernels each
    kernels/kernels_table.cpp   the struct of this instruction set, aoti_kernels_<isa>
"""

from __future__ import annotations

from dataclasses import replace

from compiler.codegen.common.loop_kernel import LoopKernel
from compiler.codegen.common.single_kernel import single_spec
from compiler.codegen.common.template_kernel import TemplateGroup
from compiler.codegen.cpp import files
from compiler.ir.kernel import KernelSpec
from compiler.ir.kernel_verify import verify
from compiler.ir.schedule import SINGLE, Schedule
from compiler.support.options import Context


def run(schedule: Schedule, ctx: Context) -> list[KernelSpec]:
    """A spec for each launched group, in the order of `schedule.launched()`."""
    specs: list[KernelSpec] = []
    functions: dict[tuple[object, ...], str] = {}
    for owner, group in schedule.launched():
        if group.kind == "loops" and group.members[0].role == SINGLE:
            spec = single_spec(owner, group, ctx.options.parallel_grain_bytes)
        elif group.kind == "loops":
            spec = LoopKernel(owner, group, ctx.options.parallel_grain_bytes).spec()
        else:
            spec = TemplateGroup(owner, group).spec()
        if spec.key() not in functions:
            verify(spec)
        specs.append(replace(spec, function=functions.setdefault(spec.key(), spec.name)))
    return specs


def write(specs: list[KernelSpec], ctx: Context) -> dict[str, str]:
    """File name -> text."""
    return files.write(specs, ctx.options.kernels_per_file)
