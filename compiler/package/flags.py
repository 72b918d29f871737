"""Flags of the C++ compiler and of the linker, in one place: what generated code, runtime and shim are built with.

Enters: a toolchain, an instruction set, a link flavour. Leaves: lists of flags. No flag depends on the machine that compiles, none
leaves a path or a time in the result. `tools/bazel` builds with the same flags; `flags_test.py` compares the two.
"""

from __future__ import annotations

from compiler.package.toolchain import Toolchain
from compiler.support.diagnostics import UserError

# No exceptions, no RTTI, no C++ library: a model library needs glibc only.
COMMON = (
    "-std=c++17", "-O2", "-g0", "-fPIC", "-fvisibility=hidden", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics",
    "-fno-asynchronous-unwind-tables", "-ffunction-sections", "-fdata-sections", "-fno-sanitize=all", "-pthread", "-Wall",
)  # fmt: skip

# Kernels are written for the vectoriser: products and sums may fuse, and libm need not set errno.
KERNEL = ("-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-Wno-unused")

# The library is placed at a multiple of 2 MiB, so that the processor's page tables can hold its weights as huge pages.
MODEL_LINK = ("-Wl,-z,max-page-size=2097152",)

LINK = (
    "-shared", "-pthread", "-static-libgcc", "-Wl,--gc-sections", "-Wl,--as-needed", "-Wl,--no-undefined", "-Wl,-z,relro", "-Wl,-z,now",
    "-Wl,-z,noexecstack", "-Wl,--build-id=none", "-s", *MODEL_LINK,
)  # fmt: skip

_MARCH = {
    "x86-64-v3": ("x86-64-v3",),
    "x86-64-v4": ("x86-64-v4", "-mprefer-vector-width=512"),
    "aarch64-neon": ("armv8-a",),
}


def known_isas() -> tuple[str, ...]:
    """The instruction sets that kernels can be built for."""
    return tuple(_MARCH)


def isa_macro(isa: str) -> str:
    """What generated code calls an instruction set: `x86_64_v3`."""
    return isa.replace("-", "_")


def kernel_flags(toolchain: Toolchain, isa: str) -> tuple[str, ...]:
    """All flags of a kernel file built for `isa`."""
    if isa not in _MARCH:
        raise UserError(f"unknown instruction set {isa!r}; known: {', '.join(_MARCH)}")
    march, *more = _MARCH[isa]
    spelled = march.replace("-", "_") if toolchain.is_zig else march
    return (*COMMON, *KERNEL, f"-march={spelled}", *more, f"-DAOTI_ISA={isa_macro(isa)}")
