"""From an exported program to something that runs in this process: the stages, the library of kernels, the printed plan.

Enters: an `ExportedProgram`. Leaves: `Built`: the plan, its Python function and the runtime for it.
"""

from __future__ import annotations

import itertools
import linecache
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from compiler.driver import jit_ops
from compiler.driver.jit_runtime import JitRuntime, KernelLibrary
from compiler.driver.pipeline import Compilation, run_stages
from compiler.frontend import load
from compiler.ir.wrapper import ConstantSlot, Plan
from compiler.package import toolchain, weights
from compiler.package.flags import isa_macro
from compiler.package.library import JIT_RUNTIME, LibraryBuilder
from compiler.package.object_cache import ObjectCache, default_folder
from compiler.support.cpp_text import string
from compiler.support.diagnostics import InternalError, UserError
from compiler.support.dump import Dumper
from compiler.support.options import CompileOptions, Context, no_dump
from compiler.wrapper import python_writer

_ROOT = Path(__file__).absolute().parents[2]
_V4_FLAGS = frozenset(("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"))
_ISA_NUMBERS = {
    "x86-64-v3": "AOTI_ISA_X86_64_V3",
    "x86-64-v4": "AOTI_ISA_X86_64_V4",
    "aarch64-neon": "AOTI_ISA_AARCH64_NEON",
}
_numbers = itertools.count()


@dataclass(frozen=True)
class JitOptions:
    """threads: of a run, 0 for torch.get_num_threads(). cxx: the C++ compiler, "" for $CXX or that of the PATH. dump: a folder for the
    text of every stage, or None. cache: a folder of compiled objects, None for the usual one. fuse_limit, winograd: as of
    `CompileOptions`."""

    threads: int = 0
    cxx: str = ""
    dump: Path | None = None
    cache: Path | None = None
    fuse_limit: int = -1
    winograd: bool = True


@dataclass(frozen=True)
class Built:
    """`run(runtime, inputs)` is the printed plan."""

    run: Callable[[JitRuntime, tuple[Any, ...]], tuple[Any, ...]]
    runtime: JitRuntime
    plan: Plan
    python_text: str
    compilation: Compilation


def build(
    program: torch.export.ExportedProgram,
    jit: JitOptions,
    scratch: Path,
    state: Mapping[str, torch.Tensor] | None = None,
) -> Built:
    """Compiles `program` for this processor. `scratch` is an empty folder that may go when this returns. `state`: by name, tensors to use
    in place where the program changes the buffer of that name; it gets a copy of one that is not there. Raises UserError where a tensor
    of `state` does not lie as the program's buffer does."""
    isa = this_processor()
    options = CompileOptions(
        f"jit_{next(_numbers)}", shim="torch", isa=(isa,), fuse_limit=jit.fuse_limit, winograd=jit.winograd
    )
    dump = Dumper(jit.dump) if jit.dump else no_dump
    c = Compilation(Context(options, dump=dump), dumping=jit.dump is not None)
    c.graph = load.from_program(program, c.ctx)
    builder = LibraryBuilder(
        _ROOT,
        ObjectCache(jit.cache or default_folder(), toolchain.find(jit.cxx)),
        options.shim,
        (isa,),
        os.cpu_count() or 1,
    )
    try:
        builder.start_support(JIT_RUNTIME)
        run_stages(c, "fx_passes", "wrapper", lambda *_: None)
        files = {**c.kernel_files, "jit_variants.cc": variants_text(isa)}
        for name, text in files.items():
            (scratch / name).write_text(text)
        builder.start_kernels(scratch)
        builder.start_sources(scratch / "jit_variants.cc")
        plan = _plan(c)
        ops = {schema: jit_ops.find(schema) for schema in plan.ops}
        constants = _constants(c, plan, scratch / "weights.bin", state or {})
        library = scratch / f"lib{options.name}.so"
        builder.link_kernels(library)
    finally:
        builder.close()
    kernels = KernelLibrary(library, c.specs, jit.threads or torch.get_num_threads())
    text = python_writer.write(plan)
    return Built(
        _function(text, options.name), JitRuntime(kernels, plan.arena_bytes, constants, ops), plan, text, c
    )


def this_processor() -> str:
    """The best instruction set with kernels that this processor is likely to have; loading checks it for certain."""
    if os.uname().machine == "aarch64":
        return "aarch64-neon"
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        words = set()
    return "x86-64-v4" if words >= _V4_FLAGS else "x86-64-v3"


def _plan(c: Compilation) -> Plan:
    if c.plan is None:
        raise InternalError("the wrapper stage left no plan")
    return c.plan


def _constants(
    c: Compilation, plan: Plan, file: Path, state: Mapping[str, torch.Tensor]
) -> list[torch.Tensor]:
    """The constants as kernels want them, packed, over one mapping of a file that may be deleted; state where it lies."""
    if c.weights is None or c.program is None:
        raise InternalError("the wrapper stage laid out no weights")
    weights.write(c.weights, c.program, file)
    size = file.stat().st_size
    memory = torch.from_file(str(file), shared=True, size=size, dtype=torch.uint8) if size else torch.empty(0)
    made = []
    for slot in plan.constants:
        if slot.mutated and slot.fqn in state:
            made.append(_in_place(slot, state[slot.fqn]))
            continue
        stored = memory[slot.offset_bytes : slot.offset_bytes + slot.size_bytes]
        made.append(stored.view(getattr(torch, slot.layout.dtype.name)) if stored.numel() else stored)
    return made


def _in_place(slot: ConstantSlot, tensor: torch.Tensor) -> torch.Tensor:
    stride = tuple(s.value() for s in slot.layout.stride)
    if tensor.stride() != stride:
        raise UserError(
            f"a buffer that the model changes has strides {tensor.stride()}, expected {stride}: make it contiguous"
        )
    return tensor.detach()


def variants_text(isa: str) -> str:
    """The table that runtime/jit/jit_host.h asks for."""
    table = f"aoti_kernels_{isa_macro(isa)}"
    return (
        '#include "kernels.h"\n#include "runtime/jit/jit_host.h"\n\n'
        f'extern "C" const Kernels {table};\n'
        f'extern "C" const AotiIsaVariant aoti_jit_variants[] = {{{{{_ISA_NUMBERS[isa]}, {string(isa)}, &{table}}}, '
        "{0, nullptr, nullptr}};\n"
    )


def _function(text: str, name: str) -> Callable[..., tuple[Any, ...]]:
    """The `run` of a printed plan. Its text is known to tracebacks and debuggers."""
    file = f"<aoti {name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    scope: dict[str, Any] = {"inf": math.inf, "nan": math.nan}  # as numbers print themselves
    exec(compile(text, file, "exec"), scope)
    run: Callable[..., tuple[Any, ...]] = scope["run"]
    return run
