"""The tables at the end of `wrapper/model.cpp`: what `aoti/model_desc.h` wants to know of inputs, outputs, constants and kernels.

Enters: a `wrapper.Plan` and the instruction sets. Leaves: C++ text with constant data only; the last table is `aoti_model_desc`,
through which the runtime finds everything, and `<name>_api()`, through which a linked program does.

    static const AotiDimDesc kInputDims0[] = {AOTI_STATIC_DIM(64), AOTI_STATIC_DIM(64)};
    static const AotiTensorDesc kInputs[] = {
        {"x", AOTI_DTYPE_FLOAT32, AOTI_DEVICE_CPU, 2, kInputDims0, nullptr, "models/my_model.py:20 in forward", 0, 0},
    };
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from compiler.ir import own_ops
from compiler.ir.expr import Expr
from compiler.ir.loop import Layout
from compiler.ir.wrapper import ConstantSlot, OutputSlot, Plan
from compiler.support.cpp_text import string
from compiler.support.version import COMPILER_VERSION
from compiler.wrapper import cpp_gpu, cpp_sizes
from compiler.wrapper.cpp_names import device_constant, dtype_constant, number_list
from compiler.wrapper.cpp_sizes import symbol_index
from compiler.wrapper.op_record import OpRecords
from compiler.wrapper.weights_tables import weights_tables

ISA_CONSTANTS = {
    "x86-64-v3": "AOTI_ISA_X86_64_V3",
    "x86-64-v4": "AOTI_ISA_X86_64_V4",
    "aarch64-neon": "AOTI_ISA_AARCH64_NEON",
}
# What Triton was told of every pointer, so that kernels load 16 bytes at a time; entry checks hold inputs against it.
GPU_ALIGNMENT_BYTES = 16
# The order in which a processor that can run several takes them.
ISA_BEST_FIRST = ("x86-64-v4", "x86-64-v3", "aarch64-neon")
_KINDS = {
    "unknown": "UNKNOWN",
    "parameter": "PARAMETER",
    "buffer": "BUFFER",
    "tensor": "TENSOR",
    "folded": "FOLDED",
}
_PACKINGS = {
    "": "PLAIN",
    "panel16": "PANEL16",
    "panel16_bf16": "PANEL16_BF16",
    "conv_panel16": "CONV_PANEL16",
    "conv_panel16_bf16": "CONV_PANEL16_BF16",
    "winograd_panel16": "WINOGRAD_PANEL16",
    "depthwise": "DEPTHWISE",
    "depthwise_bf16": "DEPTHWISE_BF16",
}


def isa_symbol(isa: str) -> str:
    """The symbol of the table of kernels built for `isa`: `aoti_kernels_x86_64_v3`."""
    return "aoti_kernels_" + isa.replace("-", "_")


def tables(plan: Plan, isa: Sequence[str], embedded: bool) -> str:
    """All tables and the two definitions with external linkage."""
    parts = [
        _inputs(plan),
        _outputs(plan),
        _constants(plan),
        weights_tables(plan),
        _variants(isa),
        cpp_sizes.tables(plan),
        _table("char *const", "kOps", [string(schema) for schema in plan.ops]),
        _own_kernels(plan),
        _op_record(plan),
        _cuda(plan),
        _model(plan, isa, embedded),
    ]
    return "\n".join(part for part in parts if part)


def _table(ctype: str, name: str, rows: Sequence[str]) -> str:
    return (
        f"static const {ctype} {name}[] = {{\n" + "".join(f"    {row},\n" for row in rows) + "};\n"
        if rows
        else ""
    )


def _array(ctype: str, name: str, values: str) -> str:
    return f"static const {ctype} {name}[] = {values};\n"


def _dim(size: Expr, symbols: dict[Expr, int]) -> str:
    if size.is_const:
        return f"AOTI_STATIC_DIM({size})"
    hi = "INT64_MAX" if size.hi is None else str(size.hi)
    step = size.terms()[0][1] if len(size.terms()) == 1 and not size.constant() else 1
    return f"{{{max(size.lo or 0, 0)}, {hi}, {max(step, 1)}, {symbols.get(size, -1)}, 0}}"


def _dims(name: str, layout: Layout, symbols: dict[Expr, int]) -> tuple[str, str, str]:
    """The text of the arrays of dims and strides, and their names (strides: nullptr when contiguous)."""
    text, dims, strides = "", "nullptr", "nullptr"
    if layout.size:
        dims = f"{name}Dims"
        text += _array("AotiDimDesc", dims, "{" + ", ".join(_dim(s, symbols) for s in layout.size) + "}")
    if not layout.is_contiguous():
        strides = f"{name}Strides"
        checked = [str(s) if s.is_const else "AOTI_ANY_STRIDE" for s in layout.stride]
        text += _array("int64_t", strides, "{" + ", ".join(checked) + "}")
    return text, dims, strides


def _inputs(plan: Plan) -> str:
    symbols = symbol_index(plan)
    text, rows = "", []
    for n, slot in enumerate(plan.inputs):
        arrays, dims, strides = _dims(f"kInput{n}", slot.layout, symbols)
        text += arrays
        origin = string(slot.origin) if slot.origin else "nullptr"
        dtype = dtype_constant(slot.layout.dtype)
        rows.append(
            f"{{{string(slot.name)}, {dtype}, {device_constant(slot.layout)}, {len(slot.layout.size)}, {dims}, {strides}, {origin}, "
            f"{0 if slot.layout.device == 'cpu' else GPU_ALIGNMENT_BYTES}, {int(slot.mutated)}}}"
        )
    return text + _table("AotiTensorDesc", "kInputs", rows)


def _outputs(plan: Plan) -> str:
    symbols = symbol_index(plan)
    text, rows = "", []
    for n, slot in enumerate(plan.outputs):
        if slot.layout is None:
            rows.append(
                f"{{{string(slot.name)}, {_literal_dtype(slot)}, AOTI_DEVICE_CPU, 0, nullptr, nullptr, nullptr, 0, 0}}"
            )
            continue
        arrays, dims, strides = _dims(f"kOutput{n}", slot.layout, symbols)
        text += arrays
        dtype = dtype_constant(slot.layout.dtype)
        rows.append(
            f"{{{string(slot.name)}, {dtype}, {device_constant(slot.layout)}, {len(slot.layout.size)}, {dims}, {strides}, nullptr, 0, 0}}"
        )
    return text + _table("AotiTensorDesc", "kOutputs", rows)


def _literal_dtype(slot: OutputSlot) -> str:
    if slot.literal is None:
        return "AOTI_OUTPUT_NONE"
    if isinstance(slot.literal, bool):
        return "AOTI_DTYPE_BOOL"
    return "AOTI_DTYPE_INT64" if isinstance(slot.literal, int | Expr) else "AOTI_DTYPE_FLOAT64"


def _constants(plan: Plan) -> str:
    text, rows = "", []
    for n, slot in enumerate(plan.constants):
        layout, sizes, strides = slot.layout, "nullptr", "nullptr"
        if layout.size:
            sizes = f"kConstant{n}Sizes"
            text += _array("int64_t", sizes, number_list(layout.size))
        if not layout.is_contiguous():
            strides = f"kConstant{n}Strides"
            text += _array("int64_t", strides, number_list(layout.stride))
        rows.append(
            f"{{{string(slot.name)}, {string(slot.fqn or slot.name)}, {dtype_constant(layout.dtype)}, {len(layout.size)}, {sizes}, "
            f"{strides}, {slot.offset_bytes}, {slot.size_bytes}, AOTI_CONSTANT_{_KINDS[slot.kind]}, {_packing(slot)}, "
            f"{device_constant(slot.layout)}, {int(slot.mutated)}}}"
        )
    return text + _table("AotiConstantDesc", "kConstants", rows)


def _packing(slot: ConstantSlot) -> str:
    return "AOTI_PACKING_" + _PACKINGS.get(slot.packing.partition(":")[0], "OTHER")


def _variants(isa: Sequence[str]) -> str:
    ordered = sorted(isa, key=ISA_BEST_FIRST.index)
    return _table(
        "AotiIsaVariant",
        "kIsa",
        [f"{{{ISA_CONSTANTS[i]}, {string(i)}, &{isa_symbol(i)}, &{isa_symbol(i)}_traced}}" for i in ordered],
    )


def _own_kernels(plan: Plan) -> str:
    """Registers the kernels of our own operators that the plan calls: the linker takes no others."""
    kernels = [(own_ops.kernel(schema), schema) for schema in plan.ops]
    return "".join(
        f'extern "C" AOTITorchError {name}(const AotiOpCall *call);\nAOTI_REGISTER_OP({name}, {string(schema)}, {name})\n'
        for name, schema in kernels
        if name
    )


def _op_record(plan: Plan) -> str:
    """The calls of operators, serialised."""
    data = OpRecords(plan).record()
    rows = [", ".join(f"0x{byte:02x}" for byte in data[at : at + 16]) for at in range(0, len(data), 16)]
    return _table("uint8_t", "kOpRecord", rows)


def _cuda(plan: Plan) -> str:
    """The table of a model that runs on a GPU. Its kernels are in `images.cpp`."""
    if not plan.on_gpu:
        return ""
    count = len(plan.gpu_kernels())
    kernels = "aoti_cuda_kernels" if count else "nullptr"
    reason = string(text) if (text := cpp_gpu.no_graph_reason(plan)) else "nullptr"
    return (
        f"static const AotiCudaModelDesc kCudaModel = {{sizeof(AotiCudaModelDesc), {count}, {kernels}, &aoti_cuda_runtime, "
        f"{plan.arena_bytes}, {'arena_bytes_for' if plan.slots else 'nullptr'}, {reason}, "
        f"{plan.workspace_bytes}, {plan.semaphores}, 0}};\n"
    )


def _call_info(plan: Plan) -> str:
    """With the results that are numbers of Python's."""
    numbers = [n for n, slot in enumerate(plan.outputs) if slot.layout is None and slot.literal is not None]
    return json.dumps({**json.loads(plan.call_info), "numbers": numbers}, sort_keys=True)


def _model(plan: Plan, isa: Sequence[str], embedded: bool) -> str:
    in_file = plan.weights_bytes > 0 and not embedded

    def table(name: str, items: Sequence[object]) -> str:
        return name if items else "nullptr"

    fields = [
        ("struct_size", "sizeof(AotiModelDesc)"),
        ("abi_version", "AOTI_MODEL_ABI_VERSION"),
        ("name", string(plan.name)),
        ("compiler_version", string(COMPILER_VERSION)),
        ("in_spec", string(plan.in_spec)),
        ("out_spec", string(plan.out_spec)),
        ("num_inputs", str(len(plan.inputs))),
        ("num_outputs", str(len(plan.outputs))),
        ("num_constants", str(len(plan.constants))),
        ("num_symbols", str(len(symbol_index(plan)))),
        ("num_isa", str(len(isa))),
        ("reserved", "0"),
        ("inputs", table("kInputs", plan.inputs)),
        ("outputs", table("kOutputs", plan.outputs)),
        ("constants", table("kConstants", plan.constants)),
        ("isa", table("kIsa", isa)),
        ("arena_bytes", "0" if plan.on_gpu else str(plan.arena_bytes)),
        ("arena_bytes_for", "arena_bytes_for" if plan.slots and not plan.on_gpu else "nullptr"),
        ("scratch_bytes_per_thread", str(plan.scratch_bytes_per_thread)),
        ("weights", "aoti_weights" if embedded else "nullptr"),
        ("weights_file", string(f"{plan.name}.weights.bin") if in_file else "nullptr"),
        ("weights_bytes", str(plan.weights_bytes)),
        ("run", "run"),
        ("cuda", "&kCudaModel" if plan.on_gpu else "nullptr"),
        *cpp_sizes.fields(plan),
        ("num_originals", str(len(plan.originals))),
        ("reserved2", "0"),
        ("originals", table("kOriginals", plan.originals)),
        ("recipes", table("kRecipes", plan.constants)),
        ("num_ops", str(len(plan.ops))),
        ("ops_reserved", "0"),
        ("ops", table("kOps", plan.ops)),
        ("op_record", table("kOpRecord", plan.ops)),
        ("op_record_bytes", str(len(OpRecords(plan).record()))),
        ("call_info", string(_call_info(plan)) if plan.call_info else "nullptr"),
    ]
    rows = "".join(f"    /* {name} */ {value},\n" for name, value in fields)
    return (
        'extern "C" {\n'
        "extern const AotiModelDesc aoti_model_desc;\n"
        f"const AotiModelDesc aoti_model_desc = {{\n{rows}}};\n\n"
        f"AOTI_MODEL_EXPORT const AotiModelApi *{plan.name}_api(void) {{ return aoti_model_api_of_this_library(); }}\n"
        '}  // extern "C"\n'
    )
