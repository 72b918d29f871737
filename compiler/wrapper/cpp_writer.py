"""Prints a wrapper plan as C++: `wrapper/model.cpp`, and `wrapper/weights.cpp` where the weights go into the library.

Enters: a verified `wrapper.Plan` and the instruction sets whose kernels will be linked. Leaves: file names and texts. The code is
written with `aoti/model.h` (owning handles, error macros) and C headers only; it allocates nothing but the tensors it gives
to the caller and those whose size the run itself finds, and holds no path and no time.

    alloc buf0 ... arena 0             float *const buf0 = aoti_arena<float>(args, 0);  // float32 [64, 64] stride [64, 1]
    launch cpp_fused_sin_0(x, buf0)    // aten.sin.default [sin] at models/my_model.py:20 in forward
                                       kernels->cpp_fused_sin_0(ctx, x, buf0);
    launch .. grid [16, 1, 1]          AOTI_CUDA_CHECK(launchKernel(cuda, triton_poi_fused_sin_0, AotiCudaGrid{16, 1, 1}, x, buf0));
    alloc buf2 ... output              AOTI_TORCH_ERROR_CODE_CHECK(aoti_torch_empty_strided(2, ..., &buf2_handle));
                                       RAIIAtenTensorHandle buf2_owner(buf2_handle);
    return buf2                        args->outputs[0] = buf2_owner.release();
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from compiler.ir import random_symbols
from compiler.ir.expr import Expr, as_expr
from compiler.ir.loop import Layout
from compiler.ir.wrapper import (
    Alloc,
    Arg,
    CallArg,
    Check,
    Cond,
    ConstantSlot,
    Copy,
    ExternCall,
    Free,
    InputSlot,
    Launch,
    Line,
    Operand,
    Plan,
    ProxyCall,
    ReadSize,
    Return,
    Reuse,
    View,
    While,
)
from compiler.ir.wrapper_text import layout_text
from compiler.support import cpp_text
from compiler.support.cpp_text import string
from compiler.support.options import Context
from compiler.support.version import COMPILER_VERSION
from compiler.wrapper import cpp_data_sizes, cpp_externs, cpp_gpu, cpp_sizes, op_record
from compiler.wrapper.cpp_names import device_constant, dtype_constant, expression, identifier, number_list
from compiler.wrapper.cpp_rows import checked, fold, literal_tensor, op_call_text, origin_comments, scalar
from compiler.wrapper.cpp_sizes import symbol_rows
from compiler.wrapper.cpp_tables import isa_symbol, tables
from compiler.wrapper.op_record import OpRecords

_HEAD = """\
// {name}: one run of the model as straight-line code, and the tables that describe it to the runtime.
// Made by {version}; do not edit.
{includes}
"""

_CPU_INCLUDES = """\
#include "aoti/model.h"
#include "aoti/model_api.h"
#include "kernels.h"
"""

_GPU_INCLUDES = """\
#include "aoti/cuda_model.h"
#include "aoti/model_api.h"
"""

_WEIGHTS = """\
// {name}: the weights, {bytes} bytes, mapped with the library and shared by all processes that load it.
// Made by {version}; do not edit. AOTI_WEIGHTS_FILE is the path of {name}.weights.bin, given to the compiler as a string.
#if defined(__x86_64__)
// "l": a section for large data, so that weights of any size leave code and small data within reach of each other.
#define AOTI_WEIGHTS_SECTION ".section .lrodata.aoti_weights,\\"al\\",@progbits\\n"
#else
#define AOTI_WEIGHTS_SECTION ".section .rodata.aoti_weights,\\"a\\",%progbits\\n"
#endif

__asm__(AOTI_WEIGHTS_SECTION
        ".balign 4096\\n"
        ".hidden aoti_weights\\n"
        ".globl aoti_weights\\n"
        ".type aoti_weights, %object\\n"
        "aoti_weights:\\n"
        ".incbin \\"" AOTI_WEIGHTS_FILE "\\"\\n"
        ".size aoti_weights, . - aoti_weights\\n"
        ".previous\\n");
"""


def write(plan: Plan, ctx: Context) -> dict[str, str]:
    """The files of the wrapper tree by name."""
    isas = () if plan.on_gpu else ctx.options.isa
    includes = _GPU_INCLUDES if plan.on_gpu else _CPU_INCLUDES
    text = _HEAD.format(name=plan.name, version=COMPILER_VERSION, includes=includes)
    text += "".join(
        f'extern "C" const Kernels {isa_symbol(isa)}, {isa_symbol(isa)}_traced;\n' for isa in isas
    )
    text += cpp_gpu.kernel_numbers(plan)
    text += cpp_externs.declarations(plan)
    embedded = plan.weights_bytes > 0 and ctx.options.weights == "embedded"
    text += ('extern "C" const uint8_t aoti_weights[];\n' if embedded else "") + "\n"
    layout = cpp_sizes.arena_layout(plan)
    text += (layout + "\n" if layout else "") + _run_function(plan) + "\n" + tables(plan, isas, embedded)
    files = {"model.cpp": text}
    if embedded:
        files["weights.cpp"] = _WEIGHTS.format(
            name=plan.name, version=COMPILER_VERSION, bytes=plan.weights_bytes
        )
    return files


def line_rows(plan: Plan) -> list[tuple[str, Line]]:
    """The rows of all lines, each with the line that it is of: inside a branch or loop, the one there, indented."""
    writer = _Writer(plan)
    writer.slots()  # declares the names that lines use
    return [row for line in plan.lines for row in writer.rows(line)]


def _run_function(plan: Plan) -> str:
    writer = _Writer(plan)
    rows = writer.slots()
    for line in plan.lines:
        rows.append("")
        rows += [row for row, _ in writer.rows(line)]
    first = cpp_gpu.first_rows() if plan.on_gpu else _cpu_rows() if _launches(plan) else []
    rows = [*first, *writer.sizes(rows), *rows]
    body = "".join(f"  {row}\n" if row else "\n" for row in rows)
    return f"static int32_t run(AotiRunArgs *args) {{\n{body}}}\n"


def _cpu_rows() -> list[str]:
    return [
        "AotiKernelContext *const ctx = args->ctx;",
        "const Kernels *const kernels = static_cast<const Kernels *>(args->kernels);",
    ]


def _launches(plan: Plan) -> bool:
    return any(isinstance(line, Launch) for line in plan.all_lines())


def _used_names(plan: Plan) -> set[str]:
    """Buffers that any line reads or writes by name."""
    # Tensors of their own: a call gets the handle.
    owned = {a.name: a.layout for a in plan.all_lines() if isinstance(a, Alloc) and a.place != "arena"}
    used: set[str] = set()
    for line in plan.all_lines():
        match line:
            case Launch():
                for launch in (line, line.otherwise) if line.otherwise else (line,):
                    used.update(a.value for a in launch.args if isinstance(a.value, str))
                    used.update(m.buffer for m in launch.maps)
            case ExternCall(args=call_args):
                used.update(a.buffer for a in call_args if isinstance(a, Operand))
            case Copy(target, source):
                far = cpp_gpu.is_transfer(line)
                used.update(t.buffer for t in (target, source) if far or owned.get(t.buffer) != t.layout)
            case ProxyCall():
                used.update(t.buffer for t in line.tensors() if owned.get(t.buffer) != t.layout)
            case View(base=base):
                used.add(base)
            case ReadSize(source=source):
                used.add(source.buffer)
            case Reuse(old=old):
                used.add(old)
            case Cond(predicate=name) | While(predicate=name):
                used.add(name)
    return used


def _device(layout: Layout) -> str:
    """Type and index of a tensor's device, as arguments of the shim."""
    return f"{device_constant(layout)}, {'0' if layout.device == 'cpu' else 'cuda->device_index'}"


def _returned_names(plan: Plan) -> set[str]:
    """Names that are given to the caller, and what they are views of: these need tensor handles."""
    bases = {line.name: line.base for line in plan.lines if isinstance(line, View)}
    names = {v for line in plan.lines if isinstance(line, Return) for v in line.values if v is not None}
    pending = list(names)
    while pending:
        base = bases.get(pending.pop())
        if base is not None and base not in names:
            names.add(base)
            pending.append(base)
    return names


class _Writer:
    """Turns lines into rows of C++; `ctypes` has the element type under which a buffer's pointer was declared."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.op_records = OpRecords(plan)
        self.used = _used_names(plan)
        self.returned = _returned_names(plan)
        self.ctypes: dict[str, str] = {}
        self.readonly: set[str] = set()
        self.owners: dict[str, Layout] = {}  # names that hold a tensor of their own, with its layout
        self.tensors = 0  # handles, arrays and values with names of the writer's own, so far

    def sizes(self, rows: Sequence[str]) -> list[str]:
        """The sizes that these rows use, and where the arena's slots lie."""
        words = set(re.findall(r"[A-Za-z_]\w*", "\n".join(row.partition("//")[0] for row in rows)))
        found = symbol_rows(self.plan, [s.symbol for s in self.plan.symbols if str(s.symbol) in words])
        random = [f"const int64_t {s} = args->{s};" for s in random_symbols.SYMBOLS if str(s) in words]
        if self.plan.slots:
            found += [f"int64_t slots[{len(self.plan.slots)}];", "arena_layout(symbols, slots);"]
        return (["const int64_t *const symbols = args->symbols;"] if found else []) + found + random

    def slots(self) -> list[str]:
        """Pointers of the inputs and constants that some line uses."""
        rows = []
        kinds: tuple[tuple[str, Sequence[InputSlot | ConstantSlot]], ...] = (
            ("input", self.plan.inputs),
            ("constant", self.plan.constants),
        )
        for kind, slots in kinds:
            for n, slot in enumerate(slots):
                if slot.name not in self.used:
                    continue
                ctype = slot.layout.dtype.ctype
                self.ctypes[slot.name] = ctype
                const = "" if slot.mutated else "const "
                if const:
                    self.readonly.add(slot.name)
                accessor = "aoti_constant" if const else "aoti_state"
                get = (
                    f"aoti_data<{const}{ctype}>(args->inputs[{n}])"
                    if kind == "input"
                    else f"{accessor}<{ctype}>(args, {n})"
                )
                rows.append(
                    f"{const}{ctype} *const {identifier(slot.name)} = {get};  // {layout_text(slot.layout)}"
                )
        return rows

    def rows(self, line: Line) -> list[tuple[str, Line]]:
        """The rows of one line of the plan, each with the line that it is of."""
        match line:
            case Cond(predicate, then, otherwise, origins):
                fetched, value = self._read(predicate, "bool")
                head = [*origin_comments(origins), *fetched, f"if ({value}) {{"]
                first, second = self._block(then), self._block(otherwise)
                return [*((row, line) for row in head), *first, ("} else {", line), *second, ("}", line)]
            case While(predicate, test, body, origins):
                fetched, value = self._read(predicate, "bool")
                leave = [f"  {row}" for row in (*fetched, f"if (!{value}) break;")]
                head = [*origin_comments(origins), "for (;;) {"]
                first, second = self._block(test), self._block(body)
                return [
                    *((row, line) for row in head),
                    *first,
                    *((row, line) for row in leave),
                    *second,
                    ("}", line),
                ]
        return [(row, line) for row in self._plain_rows(line)]

    def _plain_rows(self, line: Line) -> list[str]:
        """Of a line that has no others in it."""
        match line:
            case Alloc(name, layout, "arena", offset, slot):
                self._declare(name, layout)
                ctype = layout.dtype.ctype
                where = f"slots[{slot}]" if slot >= 0 else str(offset)
                place = (
                    f"aoti_arena<{ctype}>(args, {where})"
                    if layout.device == "cpu"
                    else f"aoti_cuda_arena<{ctype}>(cuda, {where})"
                )
                return [f"{ctype} *const {identifier(name)} = {place};  // {layout_text(layout)}"]
            case Alloc(name, layout):
                return self._alloc_output(name, layout)
            case Reuse(name, layout, old):
                return self._reuse(name, layout, old)
            case View(name, layout, base):
                return self._view(name, layout, base)
            case Free(name):
                return [f"{name}_owner.reset();"]
            case ReadSize(symbol, source, origins):
                rows, value = self._read(source.buffer, "int64_t", source.layout.offset)
                rows += cpp_data_sizes.read(symbol, value, origins)
                return origin_comments(origins) + rows
            case Check(guard):
                return cpp_data_sizes.check(self.plan, guard)
            case Launch(grid=(_, _, _)):
                return origin_comments(line.origins) + cpp_gpu.launch_rows(line, self._pointer, self._dims)
            case Launch(kernel, args, origins, can_fail):
                call = f"kernels->{kernel}(" + ", ".join(["ctx", *map(self._arg, args)]) + ");"
                check = [f'AOTI_KERNEL_CHECK(ctx, "{kernel}");'] if can_fail else []
                return origin_comments(origins) + fold(call) + check
            case ExternCall():
                return origin_comments(line.origins) + self._extern(line)
            case Copy():
                return origin_comments(line.origins) + self._copy(line)
            case ProxyCall():
                return origin_comments(line.origins) + self._proxy(line)
            case Return(values):
                return self._return(values)
        raise AssertionError(line)

    def _block(self, lines: Sequence[Line]) -> list[tuple[str, Line]]:
        return [(f"  {row}", inner) for line in lines for row, inner in self.rows(line)]

    def _declare(self, name: str, layout: Layout) -> None:
        self.ctypes[name] = layout.dtype.ctype

    def _alloc_output(self, name: str, layout: Layout) -> list[str]:
        rows = cpp_data_sizes.addressable(self.plan, name, layout)
        sizes, strides, dims = self._dims(name, layout)
        rows += [*dims, f"AtenTensorHandle {name}_handle = nullptr;"]
        rows += checked(
            f"aoti_torch_empty_strided({len(layout.size)}, {sizes}, {strides}, {dtype_constant(layout.dtype)}, "
            f"{_device(layout)}, &{name}_handle)"
        )
        return rows + self._own(name, layout)

    def _own(self, name: str, layout: Layout) -> list[str]:
        """Takes over `<name>_handle`, and gets its pointer where a later line wants it."""
        self.owners[name] = layout
        rows = [f"RAIIAtenTensorHandle {name}_owner({name}_handle);"]
        if name in self.used:
            self._declare(name, layout)
            ctype = layout.dtype.ctype
            rows.append(
                f"{ctype} *const {identifier(name)} = aoti_data<{ctype}>({name}_owner);  // {layout_text(layout)}"
            )
        return rows

    def _dims(self, name: str, layout: Layout) -> tuple[str, str, list[str]]:
        """Arrays of sizes and strides: their C++ names and the rows that define them."""
        if not layout.size:
            return "nullptr", "nullptr", []
        rows = []
        for what, values in (("sizes", layout.size), ("strides", layout.stride)):
            fixed = "static const" if all(v.is_const for v in values) else "const"
            rows.append(f"{fixed} int64_t {name}_{what}[] = {number_list(values)};")
        return f"{name}_sizes", f"{name}_strides", rows

    def _reuse(self, name: str, layout: Layout, old: str) -> list[str]:
        rows = []
        if old in self.owners:
            self.owners[name] = self.owners.pop(old)
            rows.append(
                f"RAIIAtenTensorHandle {name}_owner(static_cast<RAIIAtenTensorHandle &&>({old}_owner));  // reuse"
            )
        pointer = self._pointer(old, layout.dtype.ctype)
        self._declare(name, layout)
        note = f"// reuse; {layout_text(layout)}"
        return [*rows, f"{layout.dtype.ctype} *const {identifier(name)} = {pointer};  {note}"]

    def _view(self, name: str, layout: Layout, base: str) -> list[str]:
        rows: list[str] = []
        if base in self.owners and name in self.returned:
            sizes, strides, rows = self._dims(name, layout)
            rows.append(f"AtenTensorHandle {name}_handle = nullptr;")
            rows += checked(
                f"aoti_torch__reinterpret_tensor({base}_owner, {len(layout.size)}, {sizes}, {strides}, "
                f"{expression(layout.offset)}, &{name}_handle)"
            )
            rows.append(f"RAIIAtenTensorHandle {name}_owner({name}_handle);  // view of {base}")
            self.owners[name] = layout
        if name in self.used:
            const = "const " if base in self.readonly else ""
            if const:
                self.readonly.add(name)
            pointer = self._pointer(base, layout.dtype.ctype)
            self._declare(name, layout)
            note = f"// view; {layout_text(layout)}"
            rows.append(f"{const}{layout.dtype.ctype} *const {identifier(name)} = {pointer};  {note}")
        return rows

    def _pointer(self, name: str, ctype: str) -> str:
        """The pointer of a buffer as `ctype *`."""
        if self.ctypes[name] == ctype:
            return identifier(name)
        const = "const " if name in self.readonly else ""
        return f"reinterpret_cast<{const}{ctype} *>({identifier(name)})"

    def _read(self, name: str, ctype: str, offset: Expr | None = None) -> tuple[list[str], str]:
        """One element of a buffer (the first one) on the host: the rows that fetch it, and its text."""
        pointer, place = self._pointer(name, ctype), expression(offset) if offset is not None else ""
        if not self.plan.on_gpu:
            return [], f"{pointer}[{place}]" if place else f"*{pointer}"
        value = f"read{self.tensors}"
        self.tensors += 1
        return cpp_gpu.read_rows(value, ctype, f"{pointer} + {place}" if place else pointer), value

    def _arg(self, arg: Arg) -> str:
        return self._pointer(arg.value, arg.ctype) if isinstance(arg.value, str) else expression(arg.value)

    def _tensor(self, operand: Operand, rows: list[str]) -> str:
        """A handle for an operand: the buffer's own where it fits, else a new one over its memory."""
        name, layout = operand.buffer, operand.layout
        if self.owners.get(name) == layout:
            return f"{name}_owner"
        label = f"tensor{self.tensors}"
        self.tensors += 1
        sizes, strides, defined = self._dims(label, layout)
        rows += defined
        rows.append(f"AtenTensorHandle {label}_handle = nullptr;")
        pointer = identifier(name)
        data = f"const_cast<{self.ctypes[name]} *>({pointer})" if name in self.readonly else pointer
        rows += checked(
            f"aoti_torch_create_tensor_from_blob({data}, {len(layout.size)}, {sizes}, {strides}, {expression(layout.offset)}, "
            f"{dtype_constant(layout.dtype)}, {_device(layout)}, &{label}_handle)"
        )
        rows.append(f"RAIIAtenTensorHandle {label}_owner({label}_handle);")
        return f"{label}_owner"

    def _call_arg(self, arg: CallArg, rows: list[str]) -> str:
        if isinstance(arg, Operand):
            return self._tensor(arg, rows)
        if isinstance(arg, tuple):
            if not arg:
                return "nullptr, 0"
            label = f"array{self.tensors}"
            self.tensors += 1
            fixed = "" if any(isinstance(a, Expr) for a in arg) else "static "
            rows.append(f"{fixed}const int64_t {label}[] = {number_list(map(as_expr, arg))};")
            return f"{label}, {len(arg)}"
        if isinstance(arg, Expr):
            return expression(arg)
        return string(arg) if isinstance(arg, str) else scalar(arg)

    def _extern(self, line: ExternCall) -> list[str]:
        rows: list[str] = []
        args = [self._call_arg(a, rows) for a in line.args]
        if line.layout is not None:
            rows.append(f"AtenTensorHandle {line.result}_handle = nullptr;")
            rows += checked(f"{line.function}({', '.join([*args, f'&{line.result}_handle'])})")
            sizes, strides, defined = self._dims(line.result, line.layout)
            promised = f"{len(line.layout.size)}, {sizes}, {strides}, {dtype_constant(line.layout.dtype)}"
            rows += [
                *defined,
                *fold(f'AOTI_RESULT_CHECK("{line.function}", &{line.result}_handle, {promised});'),
            ]
            return rows + self._own(line.result, line.layout)
        out = f"{line.result}_owner"
        if line.result not in self.owners:
            layouts = {a.name: a.layout for a in self.plan.all_lines() if isinstance(a, Alloc | Reuse)}
            out = self._tensor(Operand(line.result, layouts[line.result]), rows)
        return rows + checked(f"{line.function}({', '.join([out, *args])})")

    def _copy(self, line: Copy) -> list[str]:
        if cpp_gpu.is_transfer(line):
            ctype = line.target.layout.dtype.ctype
            places = (self._pointer(t.buffer, ctype) for t in (line.target, line.source))
            return cpp_gpu.transfer_rows(line, *places)
        rows: list[str] = []
        target, source = (self._tensor(t, rows) for t in (line.target, line.source))
        return rows + checked(f"aoti_torch_copy_({target}, {source}, 0)")

    def _proxy(self, line: ProxyCall) -> list[str]:
        """What fills the holes of the call's record: tensors, sizes, outputs."""
        rows: list[str] = []
        given = [self._tensor(t, rows) for t in op_record.tensors(line)]
        outputs = [self._tensor(t, rows) for t in line.outputs]
        tensors = self._op_array("AtenTensorHandle", "tensors", given, rows)
        sizes = self._op_array("int64_t", "sizes", [expression(e) for e in op_record.sizes(line)], rows)
        written = self._op_array("AtenTensorHandle", "outputs", outputs, rows)
        call = f"AOTI_OP_CHECK(args, {self.op_records.number(line)}, {tensors}, {sizes}, {written});"
        rows += fold(call)
        rows[-1] += f"  // {cpp_text.comment(op_call_text(line, self.plan.ops[line.op]))}"
        return rows

    def _op_array(self, ctype: str, label: str, items: Sequence[str], rows: list[str]) -> str:
        """The name of an array of these, and how many they are, as two arguments."""
        if not items:
            return "nullptr, 0"
        name = f"{label}{self.tensors}"
        self.tensors += 1
        rows += fold(f"{'' if label == 'outputs' else 'const '}{ctype} {name}[] = {{{', '.join(items)}}};")
        return f"{name}, {len(items)}"

    def _return(self, values: Sequence[str | None]) -> list[str]:
        rows, give = [], []
        for n, (value, slot) in enumerate(zip(values, self.plan.outputs, strict=True)):
            if value is None:
                rows += literal_tensor(n, slot.literal)
                value = f"literal{n}"
            give.append(f"args->outputs[{n}] = {value}_owner.release();  // {slot.name}")
        return [*rows, *give, "return AOTI_RUNTIME_SUCCESS;"]
