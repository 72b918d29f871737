"""Flags of the C++ of a model library. Plain literals: compiler/package/flags.py has the same ones for builds outside
Bazel, and a test reads both.

MODEL_COPTS     everything inside a library: runtime, shim, wrapper (no exceptions, no RTTI, no C++ library: it needs
                glibc only)
KERNEL_COPTS    with MODEL_COPTS: generated kernels and the kernel engine
ISA_COPTS       with both: one instruction set
MODEL_LINKOPTS  the library: its place in memory is a multiple of 2 MiB, for huge pages
"""

MODEL_COPTS = [
    "-fvisibility=hidden",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-threadsafe-statics",
    "-fno-asynchronous-unwind-tables",
    "-ffunction-sections",
    "-fdata-sections",
]

KERNEL_COPTS = [
    "-O3",
    "-ffp-contract=fast",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-Wno-unused",
]

MODEL_LINKOPTS = ["-Wl,-z,max-page-size=2097152"]

ISA_COPTS = {
    "x86-64-v3": ["-march=x86-64-v3", "-DAOTI_ISA=x86_64_v3"],
    "x86-64-v4": ["-march=x86-64-v4", "-mprefer-vector-width=512", "-DAOTI_ISA=x86_64_v4"],
    "aarch64-neon": ["-march=armv8-a", "-DAOTI_ISA=aarch64_neon"],
}

# Bazel's name of a processor -> the instruction sets that it can be asked to build for
ISAS_OF_CPU = {
    "k8": ["x86-64-v3", "x86-64-v4"],
    "aarch64": ["aarch64-neon"],
}

def isa_macro(isa):
    """`x86-64-v3` as generated code spells it: `x86_64_v3`."""
    return isa.replace("-", "_")

def kernel_copts(isa):
    """All flags of a kernel file built for `isa` (a key of ISA_COPTS)."""
    if isa not in ISA_COPTS:
        fail("unknown instruction set %r; expected one of %s" % (isa, ", ".join(ISA_COPTS)))
    return MODEL_COPTS + KERNEL_COPTS + ISA_COPTS[isa]
