"""Prints a KernelSpec as C++ that a person would write.

Enters: a spec. Leaves: the text of its functions: `<name>_range`, the loops over a part of the tasks with `__restrict__` pointers (legal:
a kernel's buffers do not overlap, and a buffer overwritten in place has one pointer), and the kernel itself.

Before/after: see `compiler.ir.kernel` for the spec;
    static void cpp_fused_sum_0_range(const float *__restrict__ in_ptr0, float *__restrict__ out_ptr0, int64_t begin, int64_t end) {
      for (int64_t i0 = begin; i0 < end; ++i0) {
        LaneSum acc0 = 0.0f;
        AOTI_VECTOR_LOOP
        for (int64_t r0 = 0; r0 < 64; ++r0) {
          const float tmp0 = in_ptr0[64 * i0 + r0];
          AOTI_REASSOCIATED(acc0 += tmp0)
        }
        out_ptr0[i0] = (float)acc0;
      }
    }
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compiler.codegen.cpp.index_text import index_text
from compiler.codegen.cpp.scalar_text import literal, memory_ctype
from compiler.codegen.cpp.statement_writer import StatementWriter, names_used
from compiler.codegen.cpp.sum_types import long_enough
from compiler.ir import dtypes
from compiler.ir.expr import Expr, as_expr
from compiler.ir.kernel import Argument, KernelSpec, Parallel, Pointer, Statement, TemplateCall, TemplateValue


def argument_text(argument: Argument, restrict: bool = False) -> str:
    const = "const " if argument.direction == "in" else ""
    return f"{const}{memory_ctype(argument.dtype)} *{'__restrict__ ' if restrict else ''}{argument.name}"


def parameters(spec: KernelSpec) -> list[str]:
    """The kernel's parameters."""
    own = [argument_text(a) for a in spec.arguments]
    return ["AotiKernelContext *ctx", *own, *(f"int64_t {s}" for s in spec.sizes)]


def kernel_lines(spec: KernelSpec) -> list[str]:
    """The functions of one kernel."""
    return _KernelWriter(spec).kernel()


class _KernelWriter:
    def __init__(self, spec: KernelSpec) -> None:
        self.spec = spec
        pointers = {a.name: a.dtype for a in spec.arguments}
        self.out = StatementWriter({**pointers, "acc": dtypes.float32})
        self.strides = 0  # lists of strides declared so far

    def kernel(self) -> list[str]:
        loops = [s for s in self.spec.body if isinstance(s, Parallel)]
        if loops:
            self._parallel_kernel(loops)
        for call in self.spec.body:
            if isinstance(call, TemplateCall):
                self._template_kernel(call)
        return self.out.lines

    def _passed(self, statements: Iterable[Statement]) -> list[tuple[str, str]]:
        """(name, declaration) of what an inner function needs, in the kernel's order."""
        used = names_used(statements)
        found = [("ctx", "AotiKernelContext *ctx")]
        found += [(a.name, argument_text(a, restrict=True)) for a in self.spec.arguments]
        found += [(str(s), f"int64_t {s}") for s in self.spec.sizes]
        return [(name, text) for name, text in found if name in used]

    def _parallel_kernel(self, loops: Sequence[Parallel]) -> None:
        """One function for the range of each loop, one after the other in the kernel."""
        out, calls = self.out, []
        for k, p in enumerate(loops):
            name = f"{self.spec.function}_range{k if len(loops) > 1 else ''}"
            passed = [*self._passed(p.body), ("begin", "int64_t begin"), ("end", "int64_t end")]
            if "thread" in names_used(p.body):
                passed.append(("thread", "int32_t thread"))
            calls.append(f"{name}({', '.join(n for n, _ in passed)});")
            out.open(f"static void {name}({', '.join(text for _, text in passed)})")
            vector = p.vector and long_enough(p.extent)
            out.loop(str(p.symbol), "begin", "end", "vector" if vector else "serial", p.body)
            out.close()
            out.line("")
        out.open(f"void AOTI_KERNEL({self.spec.function})({', '.join(parameters(self.spec))})")
        for call, p in zip(calls, loops, strict=True):
            thread = "int32_t thread" if call.endswith("thread);") else "int32_t"
            head = f"[=](int64_t begin, int64_t end, {thread})"
            out.open(f"parallel_for(ctx, {index_text(p.extent)}, {index_text(as_expr(p.grain))}, {head}")
            out.line(call)
            out.close("});")
        out.close()

    def _template_kernel(self, call: TemplateCall) -> None:
        out = self.out
        statements = (*call.row, *call.column)
        passed = self._passed(statements)
        symbols = names_used(statements)
        tile = [("acc", "const float *__restrict__ acc"), ("ld", "int64_t ld"), ("batch", "int64_t batch")]
        tile += [(n, f"int64_t {n}") for n in ("m0", "n0", "m_count", "n_count")]
        unused = {"batch": str(call.batch), "m0": str(call.m), "n0": str(call.n)}
        tile = [(n, text) for n, text in tile if unused.get(n) is None or unused[n] in symbols]
        if statements:
            self._tile_function(call, [text for _, text in [*passed, *tile]], symbols)
            out.line("")
        out.open(f"void AOTI_KERNEL({self.spec.function})({', '.join(parameters(self.spec))})")
        values = ", ".join(["ctx", *(self._template_value(v) for v in call.arguments)])
        if not statements:
            out.line(f"{call.template}({values});")
        else:
            counts = ("batch", "m0", "n0", "m_count", "n_count")
            kept = {n for n, _ in tile}
            typed = ", ".join(f"int64_t {n}" if n in kept else "int64_t" for n in counts)
            out.open(f"{call.template}({values}, [=](const float *acc, int64_t ld, {typed})")
            out.line(f"{self.spec.function}_tile({', '.join(n for n, _ in [*passed, *tile])});")
            out.close("});")
        out.close()

    def _tile_function(self, call: TemplateCall, head: Sequence[str], symbols: set[str]) -> None:
        out = self.out
        out.open(f"static inline void {self.spec.function}_tile({', '.join(head)})")
        out.open("for (int64_t i = 0; i < m_count; ++i)")
        if str(call.m) in symbols:
            out.line(f"const int64_t {call.m} = m0 + i;")
        out.statements(call.row)
        first = f"const int64_t {call.n} = n0 + j;" if str(call.n) in symbols else ""
        out.marked_loop("AOTI_VECTORIZE", "for (int64_t j = 0; j < n_count; ++j)", call.column, first)
        out.close()
        out.close()

    def _template_value(self, value: TemplateValue) -> str:
        """An argument of the template; shapes and strides become variables in front of the call."""
        if isinstance(value, Pointer):
            offset = "" if value.offset == 0 else f" + {index_text(value.offset)}"
            return f"{value.name}{offset}" if value.name else "nullptr"
        if isinstance(value, tuple):
            items = ", ".join(index_text(v) for v in value)
            if len(value) > 4:
                self.out.line(f"const Conv2dShape shape{{{items}}};")
                return "shape"
            self.strides += 1
            self.out.line(f"const int64_t strides{self.strides}[] = {{{items}}};")
            return f"strides{self.strides}"
        if isinstance(value, Expr):
            return index_text(value)
        return literal(value, dtypes.bool_ if isinstance(value, bool) else dtypes.float32)
