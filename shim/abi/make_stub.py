"""Write the C source of a stand-in for libtorch_cpu.so: every name of a symbol list, with nothing behind it.

Enters: the committed list (shim/abi/libtorch_*.txt). Leaves: one .c file, same names, same order, same bytes each time.
A library linked against the stand-in names libtorch_cpu.so as needed, and a function that the real one lacks is an error
at link time. The stand-in is never loaded: each function of it stops the program.

    aoti_torch_clone        ->    void aoti_torch_clone(void) { __builtin_trap(); }
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_names(path: Path) -> list[str]:
    """Names of the list, in its order. ValueError when a line is no C name, or the list is not sorted and unique."""
    names = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{path}: {name!r} is not the name of a C function")
    if names != sorted(set(names)):
        raise ValueError(f"{path}: expected sorted names without repetition")
    return names


def stub_source(names: list[str]) -> str:
    return "".join(f"void {name}(void) {{ __builtin_trap(); }}\n" for name in names)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description="Write the C source of a stand-in library from a list of symbols."
    )
    parser.add_argument("list", type=Path, help="symbol list: one name a line, sorted")
    parser.add_argument("output", type=Path, help="C file to write")
    arguments = parser.parse_args(argv)
    try:
        source = stub_source(read_names(arguments.list))
    except (OSError, ValueError) as error:
        print(f"make_stub: {error}", file=sys.stderr)
        return 1
    temporary = arguments.output.with_name(arguments.output.name + ".tmp")
    temporary.write_text(source)
    os.replace(temporary, arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
