"""Writes what the compiler writes, for a "model" that is a number: its library adds the number to its argument.

Enters: the flags that aoti_cc_library passes to the compiler. Leaves: wrapper/, kernels/, header, weights, manifest.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

MODEL_CPP = """\
#include "tools/bazel/tests/rules/standin.h"
#include "kernels.h"
extern "C" const Kernels aoti_kernels_x86_64_v3;
extern "C" const Kernels aoti_kernels_x86_64_v4;
extern "C" const unsigned char aoti_weights[];
static int run(int isa, int x) {{
  const Kernels &kernels = isa == 4 ? aoti_kernels_x86_64_v4 : aoti_kernels_x86_64_v3;
  return kernels.add(x, aoti_weights[0]) + aoti_torch_standin();
}}
extern "C" {{ extern const StandinDesc aoti_model_desc; const StandinDesc aoti_model_desc = {{run}}; }}
extern "C" __attribute__((visibility("default"))) const StandinApi *{name}_api(void) {{ return standin_api(); }}
"""

WEIGHTS_CPP = """\
__asm__(".section .rodata\\n.hidden aoti_weights\\n.globl aoti_weights\\naoti_weights:\\n.incbin \\"" AOTI_WEIGHTS_FILE
        "\\"\\n.byte 0\\n.text\\n");
"""

KERNELS_H = """\
#pragma once
struct Kernels { int (*add)(int, int); };
"""

KERNEL_CPP = """\
#include "kernels.h"
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
static int add(int x, int y) { return x + y; }
extern "C" { extern const Kernels JOIN(aoti_kernels_, AOTI_ISA); const Kernels JOIN(aoti_kernels_, AOTI_ISA) = {add}; }
"""

HEADER = """\
#pragma once
#include "tools/bazel/tests/rules/standin.h"
#ifdef __cplusplus
extern "C"
#endif
const StandinApi *{name}_api(void);
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    for name in ("emit", "name", "shim", "isa"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("header-out", "weights-out", "manifest-out", "wrapper-dir", "kernels-dir"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--quiet", action="store_true")
    flags = parser.parse_args()
    flags.wrapper_dir.mkdir(exist_ok=True)
    flags.kernels_dir.mkdir(exist_ok=True)
    (flags.wrapper_dir / "model.cpp").write_text(MODEL_CPP.format(name=flags.name))
    (flags.wrapper_dir / "weights.cpp").write_text(WEIGHTS_CPP)
    (flags.wrapper_dir / "kernels.h").write_text(KERNELS_H)
    (flags.kernels_dir / "kernels.h").write_text(KERNELS_H)
    (flags.kernels_dir / "kernels_0.cpp").write_text(KERNEL_CPP)
    flags.header_out.write_text(HEADER.format(name=flags.name))
    flags.weights_out.write_bytes(bytes([int(flags.model.read_text())]))
    flags.manifest_out.write_text(
        json.dumps({"name": flags.name, "shim": flags.shim, "isa": flags.isa.split(",")})
    )


if __name__ == "__main__":
    main()
