"""Writes the kernels of all example families, and of some random programs, as one kernels tree: what `kernels_test` compiles and runs.

python -m compiler.codegen.cpp.family_kernels kernels.h kernels_0.cpp kernels_table.cpp     (the files to write)
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from compiler.codegen.cpp import emit
from compiler.ir.kernel import KernelSpec
from compiler.ir.kernel_verify import verify
from compiler.ir.loop import Program
from compiler.ir.schedule import Schedule
from compiler.scheduler import pipeline
from compiler.scheduler.example_families import FAMILIES
from compiler.scheduler.random_programs import random_program
from compiler.support.options import CompileOptions, Context

RANDOM_PROGRAMS = 40
CONTEXT = Context(CompileOptions("families", kernels_per_file=10000))


def programs() -> dict[str, Program]:
    """By name; the same at every call."""
    found = {name: make() for name, make in FAMILIES.items()}
    found.update((f"random{seed}", random_program(seed)) for seed in range(RANDOM_PROGRAMS))
    return found


def compiled_programs() -> dict[str, tuple[Schedule, list[KernelSpec]]]:
    """Schedules and verified specs; the functions' names tell their programs apart."""
    found: dict[str, tuple[Schedule, list[KernelSpec]]] = {}
    for name, program in programs().items():
        schedule = pipeline.run(program, CONTEXT)
        specs = [replace(s, function=f"{s.function}_of_{name}") for s in emit.run(schedule, CONTEXT)]
        for s in specs:
            verify(s)
        found[name] = schedule, specs
    return found


def main(paths: list[str]) -> int:
    specs = [s for _, own in compiled_programs().values() for s in own]
    texts = emit.write(specs, CONTEXT)
    wanted = {Path(p).name: Path(p) for p in paths}
    if set(wanted) != set(texts):
        print(
            f"family_kernels: expected the paths of {', '.join(texts)}, got {', '.join(paths)}",
            file=sys.stderr,
        )
        return 2
    for name, path in wanted.items():
        temporary = path.with_name(path.name + ".tmp")
        temporary.write_text(texts[name])
        temporary.rename(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
