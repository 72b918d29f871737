"""A program of its own for every kernel: to reproduce what it does, to time it, to look at it under a profiler. `--reproducer=DIR`.

Enters: a compilation after codegen. Leaves: for each distinct kernel a folder with its C++ as in the model, a main program and `run.sh`:

    DIR/cpp_fused_softmax_0/kernels.h kernels_0.cpp kernels_table.cpp variants.cc main.cc run.sh
    $ CXX=clang++ DIR/cpp_fused_softmax_0/run.sh PATH_OF_CHECKOUT --threads 2
    cpp_fused_softmax_0: 11.9 us fastest, 12.1 us median of 2000; 32768 bytes moved, 2.7 GB/s; sum of outputs 64.0000

Floating-point inputs are seeded numbers from -1 to 1, integers are 0 (right for any index); sizes that are dynamic are the upper bounds of
their ranges, or 1024. The printed sum of the outputs changes when the kernel's result does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from compiler.codegen.cpp import files
from compiler.driver.jit_build import this_processor, variants_text
from compiler.driver.kernel_costs import size_value
from compiler.ir.kernel import Argument, KernelSpec
from compiler.package.flags import kernel_flags
from compiler.package.toolchain import Toolchain
from compiler.support.diagnostics import UserError

_MAIN = Path(__file__).with_name("reproducer_main.cc.txt")


def write(specs: Sequence[KernelSpec], folder: Path) -> list[Path]:
    """One folder for each function of `specs`; the folders. Raises UserError where they cannot be written."""
    made = []
    isa = this_processor()
    for spec in {s.function: s for s in specs}.values():
        target = folder / spec.function
        _write(target, {**files.write([spec], 1), **_program(spec, isa)})
        made.append(target)
    return made


def _program(spec: KernelSpec, isa: str) -> dict[str, str]:
    declared = [_declaration(a) for a in spec.arguments]
    call = [
        "context",
        *(f"buffer_{a.name}" for a in spec.arguments),
        *(str(size_value(s)) for s in spec.sizes),
    ]
    fields: Mapping[str, str] = {
        "@NAME@": spec.function,
        "@BUFFERS@": "\n".join(f"  {d}" for d in declared),
        "@FILL@": "\n".join(f"  fill(buffer_{a.name}, count_{a.name});" for a in spec.arguments),
        "@CALL@": f"kernels->{spec.function}({', '.join(call)})",
        "@MOVED@": " + ".join(f"count_{a.name} * sizeof *buffer_{a.name}" for a in spec.arguments) or "0",
        "@SUM@": "\n".join(
            f"  sum += total(buffer_{a.name}, count_{a.name});" for a in spec.arguments if a.direction != "in"
        ),
        "@SCRATCH@": str(spec.scratch_bytes_per_thread),
    }
    text = _MAIN.read_text()
    for mark, value in fields.items():
        text = text.replace(mark, value)
    return {"main.cc": text, "variants.cc": variants_text(isa), "run.sh": _script(isa)}


def _declaration(argument: Argument) -> str:
    size = [size_value(s) for s in argument.layout.size]
    stride = [size_value(s) for s in argument.layout.stride]
    count = (
        0
        if 0 in size
        else 1
        + size_value(argument.layout.offset)
        + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    )
    ctype = argument.dtype.ctype
    return (
        f"const int64_t count_{argument.name} = {count};  // {argument.dtype} {size} of {argument.buffer}\n"
        f"  {ctype} *const buffer_{argument.name} = allocate<{ctype}>(count_{argument.name});"
    )


def _script(isa: str) -> str:
    """Compiles with the flags of a model's kernels and runs."""
    flags, of_zig = (" ".join(kernel_flags(Toolchain(("c++",), "", zig), isa)) for zig in (False, True))
    return f"""#!/usr/bin/env bash
# ./run.sh PATH_OF_CHECKOUT [--threads N] [--runs N]      CXX: the compiler, any clang or gcc (default: clang++)
set -euo pipefail
here=$(cd "$(dirname "${{BASH_SOURCE[0]}}")" && pwd)
root=$(cd "${{1:?expected the folder of the AOTInductor checkout}}" && pwd)
shift
sources=("$here"/*.cpp "$here"/*.cc "$root"/runtime/jit/jit_host.cc "$root"/runtime/cpu/{{isa,thread_count,thread_pool}}.cc)
for source in "$root"/kernels/cpp/engine/*.cc; do [[ $source == *_test.cc ]] || sources+=("$source"); done
eval "cxx=(${{CXX:-clang++}})"  # a command with arguments, quoted as in a shell
flags="{flags}"
# zig's clang spells instruction sets its own way
if [[ $("${{cxx[@]}}" --version) == *zig* ]]; then flags="{of_zig}"; fi
"${{cxx[@]}}" $flags -I"$here" -I"$root"/shim/include -I"$root"/runtime/include -I"$root" \\
  "${{sources[@]}}" -o "$here"/reproducer -lm -lpthread
"$here"/reproducer "$@"
"""


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            partial = folder / f".{name}.partial"
            partial.write_text(text)
            partial.chmod(0o755 if name == "run.sh" else 0o644)
            os.replace(partial, folder / name)
    except OSError as error:
        raise UserError(f"cannot write the reproducer into {folder}: {error.strerror}") from None
