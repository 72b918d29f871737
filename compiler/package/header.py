"""Writes the header of a model: a C++ class whose names and types come from the model's signature, and the C entry point.

Enters: a `wrapper.Plan`. Leaves: the text of `NAME.h`, which needs only the headers of runtime/include and shim/include, C++17 (or C11
for the C part), no exceptions. Its first comment says what the model is: signature, shapes, bytes, an example.

Before/after (inputs x, y, output cos, all float32 [64, 64]):
    namespace my_model_aoti {
    class Result : public aoti::OutputTensors<1> {
     public:
      aoti::TensorView<const float, 64, 64> cos() const { return view<aoti::TensorView<const float, 64, 64>>(0); }
    };
    class Model : public aoti::ModelBase {
     public:
      explicit Model(const aoti::ModelOptions &options = aoti::ModelOptions()) : ModelBase(my_model_aoti_api(), options) {}
      Result run(aoti::TensorView<const float, 64, 64> x, aoti::TensorView<const float, 64, 64> y) const { ... }
    };
    }
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr
from compiler.ir.loop import Layout
from compiler.ir.size_float import SizeFloat
from compiler.ir.wrapper import OutputSlot, Plan, ReadSize
from compiler.support.cpp_text import comment, identifier
from compiler.support.version import COMPILER_VERSION

_HOST_TYPES = {"float16": "AotiFloat16", "bfloat16": "AotiBFloat16"}
_OF_MODEL = frozenset(
    (
        "api",
        "container",
        "run",
        "ok",
        "status",
        "set_num_threads",
        "options",
        "result",
        "inputs",
        "aoti",
        "Model",
    )
)
_OF_RESULT = frozenset(("ok", "status", "view", "aoti", "Result", "Model"))


def write(plan: Plan) -> str:
    """The header's text."""
    guard = "".join(c if c.isalnum() else "_" for c in plan.name.upper()) + "_H_"
    inputs = _unique([i.name for i in plan.inputs], _OF_MODEL)
    outputs = _unique([o.name for o in plan.outputs], _OF_RESULT)
    parts = [
        _summary(plan, inputs, outputs),
        f"#ifndef {guard}\n#define {guard}\n\n",
        '#include "aoti/model_api.h"\n\n',
        _c_part(plan.name),
        '#ifdef __cplusplus\n#include "aoti/typed_model.h"\n\n',
        f"namespace {plan.name} {{\n\n",
        _constants(plan),
        _result(plan, outputs),
        _model(plan, inputs),
        f"}}  // namespace {plan.name}\n#endif  // __cplusplus\n\n#endif  // {guard}\n",
    ]
    return "".join(parts)


def _unique(names: Sequence[str], reserved: frozenset[str]) -> list[str]:
    """C++ names for these, all different."""
    taken = set(reserved)
    out = []
    for name in names:
        out.append(identifier(name, taken))
        taken.add(out[-1])
    return out


def host_type(dtype: DType) -> str:
    """The element type in a host program."""
    return _HOST_TYPES.get(dtype.name, dtype.ctype)


def _shape(layout: Layout) -> str:
    return "[" + ", ".join(map(str, layout.size)) + "]"


def _numbers(values: Sequence[Expr]) -> str:
    return ", ".join(str(v) if v.is_const else "aoti::kDynamic" for v in values)


def view_type(layout: Layout, written: bool = False) -> str:
    """The view of a tensor with this layout: TensorView when it is row-major; of elements that may be `written`."""
    element = ("" if written else "const ") + host_type(layout.dtype)
    if layout.is_contiguous():
        return f"aoti::TensorView<{', '.join(filter(None, (element, _numbers(layout.size))))}>"
    return f"aoti::StridedView<{element}, aoti::Numbers<{_numbers(layout.size)}>, aoti::Numbers<{_numbers(layout.stride)}>>"


def _describe(layout: Layout) -> str:
    strides = "" if layout.is_contiguous() else " strides [" + ", ".join(map(str, layout.stride)) + "]"
    return f"{layout.dtype} {_shape(layout)}{strides}"


def _output_text(slot: OutputSlot) -> str:
    if slot.layout is not None:
        return _describe(slot.layout)
    return f"{'' if _is_sized(slot) else 'always '}{slot.literal}"


def _is_sized(slot: OutputSlot) -> bool:
    """Whether the output is a number made of sizes."""
    return isinstance(slot.literal, Expr | SizeFloat)


def _summary(plan: Plan, inputs: Sequence[str], outputs: Sequence[str]) -> str:
    width = max((len(n) for n in [*inputs, *outputs]), default=0)
    rows = [
        f"{plan.name}: a model compiled ahead of time by {COMPILER_VERSION}. Do not edit.",
        "",
        f"  ({', '.join(outputs)}) = {plan.name}({', '.join(inputs)})",
        "",
    ]
    for name, slot in zip(inputs, plan.inputs, strict=True):
        origin = f"   ({comment(slot.origin)})" if slot.origin else ""
        rows.append(
            f"  input   {name:<{width}}  {_describe(slot.layout)}{', changed in place' * slot.mutated}{origin}"
        )
    for name, out in zip(outputs, plan.outputs, strict=True):
        rows.append(f"  output  {name:<{width}}  {_output_text(out)}")
    for s in plan.symbols:
        most = "" if s.symbol.hi is None else f" <= {s.symbol.hi}"
        rows.append(f"  size    {s.symbol}: {s.symbol.lo or 0} <= {s.symbol}{most}")
    for read in (line for line in plan.lines if isinstance(line, ReadSize)):
        rows.append(f"  size    {read.symbol}: found in the data by {comment(str(read.origins[0]))}")
    for c in plan.constants:
        if c.mutated:
            rows.append(f"  state   {c.fqn}  {_describe(c.layout)}, kept from run to run by the container")
    rows += [
        "",
        f"  weights {plan.weights_bytes} bytes, mapped once for all instances and processes",
        f"  arena   {plan.arena_bytes} bytes for each instance{_slots_text(plan)}",
        "",
        "Sizes, strides and offsets are in elements. Thread-safe: a Model may be used by many threads at once; as many runs as it",
        "has instances are computed at the same time. Nothing throws: every failure is a status with a code and a message.",
        "",
        *_example(plan, inputs, outputs),
    ]
    return "".join(f"// {row}".rstrip() + "\n" for row in rows)


def _slots_text(plan: Plan) -> str:
    return f", and {len(plan.slots)} buffers as large as the sizes of a run need" if plan.slots else ""


def _example(plan: Plan, inputs: Sequence[str], outputs: Sequence[str]) -> list[str]:
    rows = [
        f"  {plan.name}::Model model;",
        "  if (!model.ok()) { puts(model.status().message()); return 1; }",
    ]
    arguments = []
    for name, slot in zip(inputs, plan.inputs, strict=True):
        ctype = host_type(slot.layout.dtype)
        if all(s.is_const for s in slot.layout.size):
            rows.append(
                f"  static {ctype} {name}[{slot.layout.storage_numel()}];  // or any vector, array or span"
            )
            arguments.append(name)
        else:
            sizes = ", ".join(str(s) for s in slot.layout.size)
            rows.append(f"  std::vector<{ctype}> {name}({' * '.join(_factor(s) for s in slot.layout.size)});")
            plain = slot.layout.is_contiguous() or all(s.is_const for s in slot.layout.stride)
            strides = "" if plain else f", {{{', '.join(map(str, slot.layout.stride))}}}"
            one = plain and sum(not s.is_const for s in slot.layout.size) == 1
            arguments.append(name if one else f"{{{name}.data(), {name}.size(), {{{sizes}}}{strides}}}")
    rows.append(f"  {plan.name}::Result result = model.run({', '.join(arguments)});")
    rows.append("  if (!result.ok()) { puts(result.status().message()); return 1; }")
    for name, out in zip(outputs, plan.outputs, strict=True):
        if out.layout is not None and all(s.is_const and s != 0 for s in out.layout.size):
            zeros = ", ".join("0" for _ in out.layout.size)
            rows.append(
                f"  {host_type(out.layout.dtype)} first = result.{name}()({zeros});  // lives as long as result"
            )
            break
    return rows


def _factor(size: Expr) -> str:
    return f"({size})" if size.kind == "sum" else str(size)


def _c_part(name: str) -> str:
    return (
        '#ifdef __cplusplus\nextern "C" {\n#endif\n'
        "// The functions of this model's library: containers, runs, constants, tensors (aoti/model_api.h). Never null.\n"
        f"const AotiModelApi *{name}_api(void);\n"
        '#ifdef __cplusplus\n}  // extern "C"\n#endif\n\n'
    )


def _constants(plan: Plan) -> str:
    return (
        f"inline constexpr int32_t kNumInputs = {len(plan.inputs)};\n"
        f"inline constexpr int32_t kNumOutputs = {len(plan.outputs)};\n"
        f"inline constexpr int64_t kArenaBytes = {plan.arena_bytes};    // for each instance\n"
        f"inline constexpr int64_t kWeightsBytes = {plan.weights_bytes};  // shared by all\n\n"
    )


def _result(plan: Plan, outputs: Sequence[str]) -> str:
    rows = [
        "// The outputs of one run, by name. Owns them: a view lives as long as its result. Movable. Outputs are there when ok().\n",
        "class Result : public aoti::OutputTensors<kNumOutputs> {\n public:\n",
    ]
    for n, (name, slot) in enumerate(zip(outputs, plan.outputs, strict=True)):
        if slot.layout is not None:
            rows.append(f"  // {_describe(slot.layout)}\n")
            rows.append(
                f"  {view_type(slot.layout)} {name}() const {{ return view<{view_type(slot.layout)}>({n}); }}\n"
            )
        elif slot.literal is None:
            rows.append(f"  // Output {n} ({name}) is None.\n")
        elif _is_sized(slot):
            ctype = "int64_t" if isinstance(slot.literal, Expr) else "double"
            rows.append(f"  // {slot.literal}, with the sizes of the run.\n")
            rows.append(f"  {ctype} {name}() const {{ return number<{ctype}>({n}); }}\n")
        else:
            rows.append(
                f"  // The model returns this number, whatever its inputs.\n  {_literal(name, slot)}\n"
            )
    return "".join(rows) + "};\n\n"


def _literal(name: str, slot: OutputSlot) -> str:
    value = slot.literal
    if isinstance(value, bool):
        return f"bool {name}() const {{ return {'true' if value else 'false'}; }}"
    if isinstance(value, int):
        return f"int64_t {name}() const {{ return {value}; }}"
    return f"double {name}() const {{ return {value!r}; }}"


def _use(plan: Plan) -> str:
    """What happens to the inputs."""
    written = [i.name for i in plan.inputs if i.mutated]
    return f"only read, except {', '.join(written)}, written in place" if written else "only read"


def _model(plan: Plan, inputs: Sequence[str]) -> str:
    parameters = ",\n             ".join(
        f"{view_type(i.layout, i.mutated)} {n}" for n, i in zip(inputs, plan.inputs, strict=True)
    )
    entries = "".join(
        f'        {{"{i.name}", {n}.data(), {n}.given(), {i.layout.dtype.code}, {len(i.layout.size)}, {n}.sizes(), {n}.strides()}},\n'
        for n, i in zip(inputs, plan.inputs, strict=True)
    )
    table = f"    const aoti::InputArgument inputs[] = {{\n{entries}    }};\n" if entries else ""
    return (
        "// The model with its weights and instances. Make one, keep it, use it from as many threads as you like.\n"
        "class Model : public aoti::ModelBase {\n public:\n"
        "  // Check ok() afterwards.\n"
        "  explicit Model(const aoti::ModelOptions &options = aoti::ModelOptions())\n"
        f"      : ModelBase({plan.name}_api(), options) {{}}\n\n"
        f"  // Computes the outputs. Inputs are {_use(plan)}, and only during the call. Waits while all instances are busy.\n"
        f"  Result run({parameters}) const {{\n{table}    Result result;\n"
        f"    ModelBase::run({'inputs' if entries else 'nullptr'}, kNumInputs, &result);\n    return result;\n  }}\n}};\n\n"
    )
