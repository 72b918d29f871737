"""What the wrapper of a model on a GPU has of its own: kernels by number, the stream guard, launches.

Enters: a plan, or a launch of it with what the writer knows of its buffers. Leaves: rows of C++ against `aoti/cuda_model.h`.

    launch triton_tem_fused_mm_0(in x, out buf0) grid [16, 1, 1] maps (x: float32 [64, 64] stride [64, 1]) workspace
      {
        static const int64_t map0_sizes[] = {64, 64};
        static const int64_t map0_strides[] = {64, 1};
        AotiCudaTensorMap map0;
        AOTI_CUDA_CHECK(aoti_cuda_tensor_map(cuda, triton_tem_fused_mm_0, 0, x, map0_sizes, map0_strides, &map0));
        AOTI_CUDA_CHECK(launchKernel(cuda, triton_tem_fused_mm_0, AotiCudaGrid{16, 1, 1}, x, buf0, map0, int32_t{64},
            int32_t{64}, int64_t{64}, int64_t{1}, cuda->workspace, cuda->semaphores));
      }
"""

from __future__ import annotations

from collections.abc import Callable

from compiler.ir.loop import Layout
from compiler.ir.wrapper import Cond, Copy, Launch, Plan, ReadSize, While
from compiler.wrapper.cpp_names import expression
from compiler.wrapper.cpp_rows import checked, fold

# The pointer of a buffer as `ctype *`.
PointerText = Callable[[str, str], str]
# Names of arrays with a layout's sizes and strides, and the rows that define them.
DimsRows = Callable[[str, Layout], tuple[str, str, list[str]]]


def kernel_numbers(plan: Plan) -> str:
    """The GPU's kernels by number, and the table of their machine code."""
    kernels = plan.gpu_kernels()
    if not kernels:
        return ""
    numbers = "".join(f"  {name},\n" for name in kernels)
    return f'extern "C" const AotiCudaKernelDesc aoti_cuda_kernels[];\n\nenum : int32_t {{\n{numbers}}};\n\n'


def first_rows() -> list[str]:
    """The run's first rows."""
    return [
        "AotiCudaRun *const cuda = args->cuda;",
        "AOTICudaStreamGuard stream_guard(cuda->stream, cuda->device_index);",
        *checked("stream_guard.status()"),
    ]


def read_rows(name: str, ctype: str, address: str) -> list[str]:
    """One element of the device's memory as a variable of the host: the run waits for all that it has queued."""
    return [
        f"{ctype} {name} = {{}};",
        f"AOTI_CUDA_CHECK(aoti_cuda_copy(cuda, &{name}, {address}, sizeof {name}, AOTI_CUDA_DEVICE_TO_HOST));",
    ]


def is_transfer(line: Copy) -> bool:
    """Whether what is copied goes to another device."""
    return line.target.layout.device != line.source.layout.device


def transfer_rows(line: Copy, target: str, source: str) -> list[str]:
    """The memory of a tensor on one device copied to the other one, where it lies as it did (`plan._Planner`)."""
    given, kept = line.source.layout, line.target.layout
    direction = "HOST_TO_DEVICE" if given.device == "cpu" else "DEVICE_TO_HOST"
    place = source if given.offset == 0 else f"{source} + {expression(given.offset)}"
    size = expression(kept.storage_numel() * kept.dtype.size_bytes)
    return fold(f"AOTI_CUDA_CHECK(aoti_cuda_copy(cuda, {target}, {place}, {size}, AOTI_CUDA_{direction}));")


def no_graph_reason(plan: Plan) -> str:
    """Why a run cannot be kept as a CUDA graph, "" where it can."""
    if plan.extern_functions():
        return f"calls {', '.join(plan.extern_functions())}, which a graph may not hold"
    for line in plan.all_lines():
        if isinstance(line, Copy) and is_transfer(line):
            name = line.source.buffer if line.source.layout.device == "cpu" else line.target.buffer
            return f"{name} is copied between host and device"
        if isinstance(line, ReadSize):
            return f"the host reads a number that the model computes ({line.origins[0]})"
        if isinstance(line, (Cond, While)):
            return f"the host reads the condition of a branch or loop ({line.origins[0]})"
    return ""


def launch_rows(line: Launch, pointer: PointerText, dims: DimsRows) -> list[str]:
    """The launch, or the other one where the GPU has no machine code of its kernel."""
    if line.otherwise is None:
        rows = _launch(line, pointer, dims)
        return ["{", *(f"  {row}" for row in rows), "}"] if line.maps else rows
    return [
        f"if (aoti_cuda_has_kernel(cuda, {line.kernel})) {{",
        *(f"  {row}" for row in _launch(line, pointer, dims)),
        "} else {",
        *(f"  {row}" for row in _launch(line.otherwise, pointer, dims)),
        "}",
    ]


def _launch(line: Launch, pointer: PointerText, dims: DimsRows) -> list[str]:
    """The tensor maps that it is given, then the call."""
    assert line.grid is not None
    rows: list[str] = []
    values = ["cuda", line.kernel, f"AotiCudaGrid{{{', '.join(map(expression, line.grid))}}}"]
    values += [
        pointer(a.value, a.ctype) if isinstance(a.value, str) else expression(a.value) for a in line.args
    ]
    for n, operand in enumerate(line.maps):
        layout, name = operand.layout, f"map{n}"
        at = pointer(operand.buffer, layout.dtype.ctype)
        at += "" if layout.offset == 0 else f" + {expression(layout.offset)}"
        sizes, strides, defined = dims(name, layout)
        rows += [*defined, f"AotiCudaTensorMap {name};"]
        rows += fold(
            f"AOTI_CUDA_CHECK(aoti_cuda_tensor_map(cuda, {line.kernel}, {n}, {at}, {sizes}, {strides}, &{name}));"
        )
        values += [name, *(f"int32_t{{{expression(e)}}}" for e in layout.size)]
        values += [f"int64_t{{{expression(e)}}}" for e in layout.stride]
    values += ["cuda->workspace", "cuda->semaphores"] if line.workspace else []
    return [*rows, *fold(f"AOTI_CUDA_CHECK(launchKernel({', '.join(values)}));")]
