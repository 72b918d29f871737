"""How code that goes into model libraries is compiled: shim, runtime/cpu, runtime/model."""

# No exceptions, no RTTI, nothing exported by default, and what is not used can be dropped at link time. The result needs
# libc, libm, libpthread and libdl only; tests/abi checks that.
LEAN_COPTS = [
    "-fno-exceptions",
    "-fno-rtti",
    "-fvisibility=hidden",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wextra",
]
