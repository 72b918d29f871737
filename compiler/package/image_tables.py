"""Prints `wrapper/images.cpp`: the table of a model's GPU kernels (`aoti/cuda.h`), over the images that the assembler reads from a file.

Enters: a plan, its specs, the images. Leaves: C++ text with constant data only. AOTI_IMAGES_FILE is the path of NAME.images.bin, given to
the compiler as a string; it leaves no trace.

    static const AotiCudaImage triton_poi_fused_sin_0_images[] = {
        {90, AOTI_CUDA_CUBIN_EXACT, aoti_images + 0, 4928, 128, 0, 1, 0, 0, 0, 1, {}},
    };
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.ir.kernel import KernelSpec
from compiler.ir.wrapper import Plan
from compiler.package.gpu_images import Image, Images
from compiler.support.cpp_text import string
from compiler.support.version import COMPILER_VERSION

_KINDS = {"cubin": "AOTI_CUDA_CUBIN", "exact": "AOTI_CUDA_CUBIN_EXACT", "ptx": "AOTI_CUDA_PTX"}
# Triton ends every kernel's parameters with two pointers: global scratch and profile scratch.
SCRATCH_PARAMETERS = 2
_PARAMETER_BYTES = 8  # pointers and sizes
_MAX_ORIGINS = 4

_HEAD = """\
// {name}: machine code of the GPU kernels, {bytes} bytes for {archs}, and their table.
// Made by {version}; do not edit. AOTI_IMAGES_FILE is the path of {name}.images.bin, given to the compiler as a string.
#include "aoti/cuda.h"

__asm__(".section .rodata.aoti_images,\\"a\\",%progbits\\n"
        ".balign 64\\n"
        ".hidden aoti_images\\n"
        ".globl aoti_images\\n"
        ".type aoti_images, %object\\n"
        "aoti_images:\\n"
        ".incbin \\"" AOTI_IMAGES_FILE "\\"\\n"
        ".size aoti_images, . - aoti_images\\n"
        ".previous\\n");

extern "C" const uint8_t aoti_images[];
extern "C" const AotiCudaKernelDesc aoti_cuda_kernels[];
"""


def write(plan: Plan, specs: Sequence[KernelSpec], images: Images, archs: Sequence[str]) -> str:
    """The file's text; kernels in the order of their numbers."""
    by_function: Mapping[str, KernelSpec] = {s.function: s for s in reversed(specs)}
    out = [
        _HEAD.format(name=plan.name, bytes=len(images.data), archs=", ".join(archs), version=COMPILER_VERSION)
    ]
    rows = []
    for function in plan.gpu_kernels():
        spec = by_function[function]
        count = len(spec.arguments) + len(spec.sizes)
        out.append(_kernel(function, count, images.kernels[function]))
        origins = "; ".join(str(o) for o in spec.origins[:_MAX_ORIGINS])
        params = f"{function}_params" if count else "nullptr"
        rows.append(
            f"{{{string(function)}, {string(function)}, {string(origins)}, {params}, {count}, {SCRATCH_PARAMETERS}, "
            f"{function}_images, {len(images.kernels[function])}, 0}}"
        )
    body = "".join(f"    {row},\n" for row in rows)
    return "\n".join(out) + f'\nextern "C" const AotiCudaKernelDesc aoti_cuda_kernels[] = {{\n{body}}};\n'


def _kernel(function: str, params: int, images: Sequence[Image]) -> str:
    sizes = ", ".join([str(_PARAMETER_BYTES)] * params)
    text = f"static const int32_t {function}_params[] = {{{sizes}}};\n" if params else ""
    rows = "".join(f"    {_image(i)},\n" for i in images)
    return f"{text}static const AotiCudaImage {function}_images[] = {{\n{rows}}};\n"


def _image(i: Image) -> str:
    return (
        f"{{{i.sm}, {_KINDS[i.kind]}, aoti_images + {i.offset_bytes}, {i.size_bytes}, {i.threads}, {i.shared_bytes}, {i.cluster}, 0, "
        f"{i.scratch_bytes}, 0, 1, {{}}}}"
    )
