"""Prints a KernelSpec as C++ that a person would write.

Enters: a spec. Leaves: the text of its functions: `<name>_range`, the loops over a part of the tasks with `__restrict__` pointers (legal:
a kernel's buffers do not overlap, and a buffer overwritten in place has one pointer), and the kernel itself.

Before/after: see `compiler.ir.kernel` for the spec;
    static void cpp_fused_sum_0_range(const float *__restrict__ in_ptr0, float *__restrict__ out_ptr0, int64_t begin, int64_t end) {
      for (int64_t i0 = begin; i0 < end; ++i0) {
        float acc0 = 0.0f;
        AOTI_VECTOR_LOOP
        for (int64_t r0 = 0; r0 < 64; ++r0) {
          const float tmp0 = in_ptr0[64 * i0 + r0];
          AOTI_REASSOCIATED(acc0 += tmp0)
        }
        out_ptr0[i0] = acc0;
      }
    }
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from compiler.codegen.cpp.index_text import index_text
from compiler.codegen.cpp.scalar_text import (
    accumulate_text,
    clamp_text,
    combine_text,
    from_memory,
    literal,
    memory_ctype,
    neutral_literal,
    scalar_text,
    to_memory,
    value_ctype,
)
from compiler.codegen.cpp.vectorizable import scalar_reason
from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr
from compiler.ir.kernel import (
    Accumulate,
    Accumulator,
    Argument,
    Compute,
    Define,
    KernelSpec,
    Local,
    Loop,
    Parallel,
    Pointer,
    Statement,
    Store,
    TemplateCall,
    TemplateValue,
)

WIDTH = 110
_PRAGMA = {"vector": "AOTI_VECTOR_LOOP", "unrolled": "AOTI_UNROLLED_LOOP"}


def argument_text(argument: Argument, restrict: bool = False) -> str:
    const = "const " if argument.direction == "in" else ""
    return f"{const}{memory_ctype(argument.dtype)} *{'__restrict__ ' if restrict else ''}{argument.name}"


def parameters(spec: KernelSpec, restrict: bool = False) -> list[str]:
    """The kernel's parameters, without those of the range function."""
    own = [argument_text(a, restrict) for a in spec.arguments]
    return ["AotiKernelContext *ctx", *own, *(f"int64_t {s}" for s in spec.sizes)]


class Writer:
    """The lines of one kernel."""

    def __init__(self, spec: KernelSpec) -> None:
        self.spec = spec
        self.lines: list[str] = []
        self.indent = 0
        self.dtype: dict[str, DType] = {
            a.name: a.dtype for a in spec.arguments
        }  # of pointers' elements and of values
        self.dtype["acc"] = dtypes.float32
        self.text: dict[str, str] = {}  # of constants, which are written where they are used

    def kernel(self) -> list[str]:
        loops = [s for s in self.spec.body if isinstance(s, Parallel)]
        if loops:
            self._parallel_kernel(loops)
        for call in self.spec.body:
            if isinstance(call, TemplateCall):
                self._template_kernel(call)
        return self.lines

    def line(self, text: str) -> None:
        """One line, broken after commas where it is too long."""
        prefix = "  " * self.indent
        while len(prefix) + len(text) > WIDTH and ", " in text:
            cut = text.rfind(", ", 0, WIDTH - len(prefix))
            cut = cut if cut >= 0 else text.index(", ")
            self.lines.append(prefix + text[: cut + 1])
            text, prefix = text[cut + 2 :], "  " * (self.indent + 2)
        self.lines.append(prefix + text)

    def _open(self, text: str) -> None:
        self.line(text + " {")
        self.indent += 1

    def _close(self, end: str = "}") -> None:
        self.indent -= 1
        self.line(end)

    # Functions.

    def _parallel_kernel(self, loops: Sequence[Parallel]) -> None:
        """One function for the range of each loop, one after the other in the kernel."""
        names = [f"{self.spec.function}_range{k if len(loops) > 1 else ''}" for k in range(len(loops))]
        extra = ["int64_t begin", "int64_t end", "[[maybe_unused]] int32_t thread"]
        head = [f"[[maybe_unused]] {p}" for p in parameters(self.spec, restrict=True)] + extra
        for name, p in zip(names, loops, strict=True):
            self._open(f"static void {name}({', '.join(head)})")
            self._loop(str(p.symbol), "begin", "end", "vector" if p.vector else "serial", p.body)
            self._close()
            self.line("")
        passed = [
            "ctx",
            *(a.name for a in self.spec.arguments),
            *map(str, self.spec.sizes),
            "begin",
            "end",
            "thread",
        ]
        self._open(f"void AOTI_KERNEL({self.spec.function})({', '.join(parameters(self.spec))})")
        for name, p in zip(names, loops, strict=True):
            self._open(
                f"parallel_for(ctx, {index_text(p.extent)}, {p.grain}, [=](int64_t begin, int64_t end, int32_t thread)"
            )
            self.line(f"{name}({', '.join(passed)});")
            self._close("});")
        self._close()

    def _template_kernel(self, call: TemplateCall) -> None:
        names = [a.name for a in self.spec.arguments] + [str(s) for s in self.spec.sizes]
        tile = call.column or call.row
        if tile:
            self._tile_function(call)
            self.line("")
        self._open(f"void AOTI_KERNEL({self.spec.function})({', '.join(parameters(self.spec))})")
        values = [self._template_value(k, v) for k, v in enumerate(call.arguments)]
        if not tile:
            self.line(f"{call.template}({', '.join(['ctx', *values])});")
        else:
            counts = "int64_t batch, int64_t m0, int64_t n0, int64_t m_count, int64_t n_count"
            self._open(f"auto tile = [=](const float *acc, int64_t ld, {counts})")
            self.line(
                f"{self.spec.function}_tile({', '.join(['ctx', *names])}, acc, ld, batch, m0, n0, m_count, n_count);"
            )
            self._close("};")
            self.line(f"{call.template}({', '.join(['ctx', *values])}, tile);")
        self._close()

    def _tile_function(self, call: TemplateCall) -> None:
        head = [f"[[maybe_unused]] {p}" for p in parameters(self.spec, restrict=True)]
        head += ["const float *__restrict__ acc", "int64_t ld", "[[maybe_unused]] int64_t batch"]
        head += ["[[maybe_unused]] int64_t m0", "int64_t n0", "int64_t m_count", "int64_t n_count"]
        self._open(f"static inline void {self.spec.function}_tile({', '.join(head)})")
        self._open("for (int64_t i = 0; i < m_count; ++i)")
        if _uses(call, call.m):
            self.line(f"const int64_t {call.m} = m0 + i;")
        self._statements(call.row)
        self._mark("AOTI_VECTORIZE", call.column)
        self._open("for (int64_t j = 0; j < n_count; ++j)")
        self.line(f"[[maybe_unused]] const int64_t {call.n} = n0 + j;")
        self._statements(call.column)
        self._close()
        self._close()
        self._close()

    def _template_value(self, position: int, value: TemplateValue) -> str:
        if isinstance(value, Pointer):
            offset = "" if value.offset == 0 else f" + {index_text(value.offset)}"
            return f"{value.name}{offset}" if value.name else "nullptr"
        if isinstance(value, tuple):
            items = ", ".join(index_text(v) for v in value)
            if len(value) > 4:
                self.line(f"const Conv2dShape shape{{{items}}};")
                return "shape"
            self.line(f"const int64_t strides{position}[] = {{{items}}};")
            return f"strides{position}"
        if isinstance(value, Expr):
            return index_text(value)
        return literal(value, dtypes.bool_ if isinstance(value, bool) else dtypes.float32)

    # Statements.

    def _statements(self, statements: Sequence[Statement]) -> None:
        for s in statements:
            if isinstance(s, Compute):
                self._compute(s)
            elif isinstance(s, Store):
                self.line(
                    f"{s.target}[{index_text(s.index)}] = {to_memory(self.dtype[s.target], self._value(s.value))};"
                )
            elif isinstance(s, Loop):
                self._loop(str(s.symbol), index_text(s.begin), index_text(s.end), s.kind, s.body)
            elif isinstance(s, Define):
                self.line(f"const int64_t {s.symbol} = {index_text(s.value)};")
            elif isinstance(s, Accumulator):
                self.dtype[s.name] = s.dtype
                self.line(f"{value_ctype(s.dtype)} {s.name} = {neutral_literal(s.kind, s.dtype)};")
            elif isinstance(s, Accumulate):
                self._accumulate(s)
            elif isinstance(s, Local):
                self._local(s)

    def _loop(self, variable: str, begin: str, end: str, kind: str, body: Sequence[Statement]) -> None:
        if kind != "serial":
            self._mark(_PRAGMA[kind], body)
        self._open(f"for (int64_t {variable} = {begin}; {variable} < {end}; ++{variable})")
        self._statements(body)
        self._close()

    def _mark(self, pragma: str, body: Sequence[Statement]) -> None:
        """The pragma of a loop, or a comment on why it stays scalar."""
        reason = scalar_reason(body, self.dtype)
        self.line(pragma if reason is None else f"// Scalar: {reason}.")

    def _value(self, name: str) -> str:
        return self.text.get(name, name)

    def _compute(self, s: Compute) -> None:
        self.dtype[s.name] = s.dtype
        if s.opcode == "constant":
            text = literal(s.attrs[0], s.dtype)
            self.text[s.name] = f"({text})" if text.startswith("-") else text
            return
        if s.opcode == "neutral":
            self.text[s.name] = neutral_literal(str(s.attrs[0]), s.dtype)
            return
        ctype = "int64_t" if s.opcode == "indirect" else value_ctype(s.dtype)
        self.line(f"const {ctype} {s.name} = {self._expression(s)};")

    def _expression(self, s: Compute) -> str:
        args = [self._value(a) for a in s.args]
        if s.opcode == "load":
            pointer, index = str(s.attrs[0]), s.attrs[1]
            assert isinstance(index, Expr)
            where = "i * ld + j" if pointer == "acc" else index_text(index)
            text = from_memory(self.dtype[pointer], f"{pointer}[{where}]")
            return f"{args[0]} ? {text} : {args[1]}" if args else text
        if s.opcode == "index":
            assert isinstance(s.attrs[0], Expr)
            return f"({value_ctype(s.dtype)})({index_text(s.attrs[0])})"
        if s.opcode == "indirect":
            size, message = s.attrs[1], str(s.attrs[2])
            assert isinstance(size, Expr)
            return f"checked_index(ctx, {args[0]}, {index_text(size)}, {json.dumps(message)})"
        if s.opcode == "combine":
            return combine_text(str(s.attrs[0]), s.dtype, args[0], args[1])
        if (
            s.opcode in ("maximum", "minimum")
            and s.args[1] in self.text
            and "nan" not in args[1]
            and s.dtype.is_float
        ):
            return clamp_text(s.opcode, args[0], args[1])
        operand = self.dtype[s.args[1] if s.opcode == "where" else s.args[0]]
        return scalar_text(s.opcode, s.dtype, operand, args)

    def _accumulate(self, s: Accumulate) -> None:
        dtype, value = self.dtype[s.accumulator], self._value(s.value)
        text = accumulate_text(s.kind, dtype, s.accumulator, value)
        if s.kind in ("sum", "prod") and dtype.is_float:
            self.line(f"AOTI_REASSOCIATED({s.accumulator} = {text})")
        else:
            self.line(f"{s.accumulator} = {text};")

    def _local(self, s: Local) -> None:
        self.dtype[s.name] = s.dtype
        ctype = memory_ctype(s.dtype)
        if s.scratch_offset_bytes < 0:
            self.line(f"alignas(64) {ctype} {s.name}[{s.numel}];")
        else:
            offset = f" + {s.scratch_offset_bytes}" if s.scratch_offset_bytes else ""
            self.line(f"{ctype} *{s.name} = ({ctype} *)((char *)aoti_scratch(ctx, thread){offset});")


def _uses(call: TemplateCall, symbol: Expr) -> bool:
    pending: list[Statement] = [*call.row, *call.column]
    for s in pending:
        found = [s.index] if isinstance(s, Store) else [s.value] if isinstance(s, Define) else []
        if isinstance(s, Compute):
            found = [a for a in s.attrs if isinstance(a, Expr)]
        if any(symbol in e.symbols() for e in found):
            return True
    return False
