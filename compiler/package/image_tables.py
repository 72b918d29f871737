"""Prints `wrapper/images.cpp`: the table of a model's GPU kernels (`aoti/cuda.h`), over the images that the assembler reads from a file.

Enters: a plan, its specs, the images. Leaves: C++ text with constant data only. AOTI_IMAGES_FILE is the path of NAME.images.bin, given to
the compiler as a string; it leaves no trace.

    static const AotiCudaImage triton_poi_fused_sin_0_images[] = {
        {90, AOTI_CUDA_CUBIN_EXACT, aoti_images + 0, 4928, 128, 0, 1, AOTI_CUDA_DEPENDENT_LAUNCH, 0, 0, 1, {}, nullptr, 0},
    };
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compiler.ir.kernel import KernelSpec
from compiler.ir.wrapper import Launch, Plan
from compiler.package.gpu_images import Image, Images
from compiler.support.cpp_text import string
from compiler.support.version import COMPILER_VERSION

_KINDS = {"cubin": "AOTI_CUDA_CUBIN", "exact": "AOTI_CUDA_CUBIN_EXACT", "ptx": "AOTI_CUDA_PTX"}
# Triton ends every kernel's parameters with two pointers: global scratch and profile scratch.
SCRATCH_PARAMETERS = 2
_PARAMETER_BYTES = 8  # pointers and sizes
_MAP_BYTES = 128  # CUtensorMap
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
    alternatives = {
        launch.otherwise.kernel
        for launch in plan.all_lines()
        if isinstance(launch, Launch) and launch.otherwise
    }
    out = [
        _HEAD.format(name=plan.name, bytes=len(images.data), archs=", ".join(archs), version=COMPILER_VERSION)
    ]
    rows = []
    for function in plan.gpu_kernels():
        spec = by_function[function]
        sizes = _parameter_bytes(spec)
        out.append(_kernel(function, sizes, images.kernels[function]))
        origins = "; ".join(str(o) for o in spec.origins[:_MAX_ORIGINS])
        params = f"{function}_params" if sizes else "nullptr"
        flags = (
            "AOTI_CUDA_ALTERNATIVE"
            if function in alternatives
            else "AOTI_CUDA_OPTIONAL"
            if spec.archs
            else "0"
        )
        rows.append(
            f"{{{string(function)}, {string(function)}, {string(origins)}, {params}, {len(sizes)}, {SCRATCH_PARAMETERS}, "
            f"{function}_images, {len(images.kernels[function])}, {flags}}}"
        )
    body = "".join(f"    {row},\n" for row in rows)
    return "\n".join(out) + f'\nextern "C" const AotiCudaKernelDesc aoti_cuda_kernels[] = {{\n{body}}};\n'


def _parameter_bytes(spec: KernelSpec) -> list[int]:
    """Pointers and sizes; each tensor map with its sizes (int32_t) and strides (int64_t); the workspace's two pointers."""
    found = [_PARAMETER_BYTES] * (len(spec.arguments) + len(spec.sizes))
    if launch := spec.template_launch:
        for m in launch.maps:
            found += [_MAP_BYTES, *[4] * len(m.block), *[8] * len(m.block)]
        found += [_PARAMETER_BYTES] * 2 if launch.semaphores else []
    return found


def _kernel(function: str, params: Sequence[int], images: Sequence[Image]) -> str:
    sizes = ", ".join(map(str, params))
    text = f"static const int32_t {function}_params[] = {{{sizes}}};\n" if params else ""
    rows = ""
    for n, image in enumerate(images):
        maps = f"{function}_maps{n}" if image.maps else "nullptr"
        if image.maps:
            text += f"static const AotiCudaTensorMapDesc {maps}[] = {{{', '.join(map(_map, image.maps))}}};\n"
        rows += f"    {_image(image, maps)},\n"
    return f"{text}static const AotiCudaImage {function}_images[] = {{\n{rows}}};\n"


def _map(m: Mapping[str, Any]) -> str:
    block = ", ".join(map(str, m["block"]))
    return f"{{{m['data_type']}, {m['element_bytes']}, {m['swizzle']}, {len(m['block'])}, {{{block}}}}}"


def _image(i: Image, maps: str) -> str:
    flags = "AOTI_CUDA_DEPENDENT_LAUNCH" if i.dependent else "0"
    return (
        f"{{{i.sm}, {_KINDS[i.kind]}, aoti_images + {i.offset_bytes}, {i.size_bytes}, {i.threads}, {i.shared_bytes}, {i.cluster}, {flags}, "
        f"{i.scratch_bytes}, 0, 1, {{}}, {maps}, {len(i.maps)}}}"
    )
