"""KernelSpec: one kernel as structured loops over scalar values, before it is printed in a language.

Made by codegen from a `schedule.KernelGroup`; printed as C++ by `compiler.codegen.cpp`; its arguments and needs are read by the
wrapper plan.

Invariants (checked by `compiler.ir.kernel_verify`)
- A value has one definition (`Compute`, or an `Accumulator` after the loop that fills it) that dominates its uses.
- `body` is one `TemplateCall`, or one or several `Parallel` that run one after the other (both on a CPU), or one `Grid` or `UserCall`
  (on a GPU).
- Inside a `Grid` a value is a block: it varies along the axes that its operands and indices depend on. Only `reduce` and `scan` look
  across a block, along the reduced axis (a `Span` or a `Tile`).
- Every pointer that a statement names is an argument, a `Local` in scope, or the tile `acc` of a template; an `in` argument is never
  stored to.
- Two specs with equal `key()` are the same function: only their buffers, origins and names differ.

Before/after (row sum of [64, 64], then its text):
    kernel cpp_fused_sum_0(in in_ptr0: float32 arg0, out out_ptr0: float32 buf0)
      parallel i0 < 64 grain 256
        acc0: float32 = init sum
        vector r0 < 64
          tmp0: float32 = load in_ptr0[64*i0 + r0]
          acc0 sum= tmp0
        out_ptr0[i0] = acc0
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, IntLike, const, mul_all
from compiler.ir.loop import Layout
from compiler.support.origins import Origin

Attr = Union[str, Expr, int, float, bool]


@dataclass(frozen=True)
class Argument:
    """A buffer handed to the kernel as a typed pointer to its first element. direction: "in", "out", or "inout" (`buffer` is then the
    new buffer, which lies where its dying input was)."""

    name: str
    buffer: str
    dtype: DType
    direction: str
    layout: Layout


@dataclass(frozen=True)
class Compute:
    """`name = opcode(args)`: the opcodes of `loop.BodyOp`. A `load` has attrs (pointer, index) and args () or (mask, other); an
    `indirect` has attrs (symbol it defines, size, message of the error when it is out of range). `neutral`, `combine`, `reduce` and
    `scan` have attrs (kind,): the neutral element, one step, all lanes of the reduced axis into one, each lane with those before it."""

    name: str
    dtype: DType
    opcode: str
    args: tuple[str, ...] = ()
    attrs: tuple[Attr, ...] = ()


@dataclass(frozen=True)
class Store:
    """`target[index] = value`, converted to the pointer's element type."""

    target: str
    index: Expr
    value: str


@dataclass(frozen=True)
class Local:
    """An array of one thread, 64-byte aligned; on the stack, or at `scratch_offset_bytes` of the thread's scratch when that is >= 0."""

    name: str
    dtype: DType
    numel: int
    scratch_offset_bytes: int = -1


@dataclass(frozen=True)
class Accumulator:
    """A scalar that starts at the neutral element of `kind` (sum, prod, max, min, any, all)."""

    name: str
    dtype: DType
    kind: str


@dataclass(frozen=True)
class Accumulate:
    """`accumulator = kind(accumulator, value)`; sums and products may be reordered by the vectoriser. kind "set": the value itself."""

    accumulator: str
    kind: str
    value: str


@dataclass(frozen=True)
class Define:
    """An integer variable: `symbol = value`."""

    symbol: Expr
    value: Expr


@dataclass(frozen=True)
class Loop:
    """`for (symbol = begin; symbol < end; ++symbol)`. kind: "serial", "vector" (iterations are independent but for accumulators),
    "unrolled" (a few iterations inside a vectorised loop)."""

    symbol: Expr
    begin: Expr
    end: Expr
    kind: str
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Parallel:
    """`body` for each `symbol` in [0, extent), split over threads in chunks of at least `grain`. When `vector`, the chunk itself is the
    vectorised loop."""

    symbol: Expr
    extent: Expr
    grain: IntLike
    vector: bool
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class GridAxis:
    """The points [0, extent) of a launch, `block` of them (a power of two) to each program; `symbol` is the point."""

    symbol: Expr
    extent: Expr
    block: int


@dataclass(frozen=True)
class Grid:
    """A GPU launch: `body` once for each block of points, all at the same time and in any order. `kind`, the word in the kernel's name:
    poi (pointwise), per (reductions over a `Span`), red (reductions over a `Tile`). The last axis is contiguous in most accesses."""

    kind: str
    axes: tuple[GridAxis, ...]
    num_warps: int
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Span:
    """From here on `symbol` stands for all of [0, extent) at once, in `block` lanes (a power of two, at least extent)."""

    symbol: Expr
    extent: Expr
    block: int


@dataclass(frozen=True)
class Tile:
    """`body` for [0, extent) in blocks of `block` (a power of two), one after the other; `symbol` is the position. An accumulator
    from outside is a block too: its lanes are reduced after the loop, by `reduce`."""

    symbol: Expr
    extent: Expr
    block: int
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class AtomicAdd:
    """`target[index] += value`, safe against other programs that add to the same element."""

    target: str
    index: Expr
    value: str


@dataclass(frozen=True)
class Pointer:
    """A pointer argument of a template, moved by a number of elements; the null pointer when `name` is empty."""

    name: str
    offset: Expr


TemplateValue = Union[Pointer, Expr, int, float, bool, tuple[Expr, ...]]


@dataclass(frozen=True)
class TensorMap:
    """A tensor map (TMA descriptor), made by the host for each launch: the memory at `pointer` as `sizes` with `strides` in elements,
    outermost first, the last one 1; fetched in blocks of `block`. `name`: the kernel's parameter, and the template's argument."""

    name: str
    pointer: Pointer
    dtype: DType
    sizes: tuple[Expr, ...]
    strides: tuple[Expr, ...]
    block: tuple[int, ...]


@dataclass(frozen=True)
class TemplateLaunch:
    """How a GPU runs a template: its compile-time arguments, the grid (x, y, z), and the rows and columns of the result, of which a
    tile at the edge has fewer than its block.

    workspace_floats, semaphores: what a template that cuts its work in parts is given beside its arguments; 0 where it is in one part."""

    constants: tuple[tuple[str, Union[int, bool, str]], ...]
    grid: tuple[Expr, Expr, Expr]
    num_warps: int
    num_stages: int
    rows: Expr
    columns: Expr
    chosen: str = ""  # for people: where these numbers come from
    maps: tuple[TensorMap, ...] = ()
    workspace_floats: int = 0
    semaphores: int = 0

    def constant(self, name: str) -> Union[int, bool, str]:
        return dict(self.constants)[name]


@dataclass(frozen=True)
class TemplateCall:
    """A call of `template` of kernels/cpp (of kernels/triton, with `launch`) with `arguments` in the order of its parameters (a tuple: a
    shape or a list of strides). The rest says what happens to a finished tile `acc`: `row` once for each of its rows `m` of `batch`,
    `column` for each column `n` of the row, vectorised. Both are empty for a template that writes its output itself."""

    template: str
    arguments: tuple[TemplateValue, ...]
    batch: Expr
    m: Expr
    n: Expr
    row: tuple[Statement, ...]
    column: tuple[Statement, ...]
    launch: TemplateLaunch | None = None


@dataclass(frozen=True)
class UserArgument:
    """What a parameter of a model's own Triton kernel is given. kind: "pointer", "size" (computed from sizes of the run), "int", "float",
    "bool" (numbers of these types), "constant" (a compile-time value), "dtype" (a name of triton.language)."""

    name: str
    kind: str
    value: Union[Pointer, Expr, int, float, bool, str, None]


@dataclass(frozen=True)
class UserCall:
    """A launch on a GPU of a Triton kernel of the model's own: `function` of the module `source`, in one of its configurations."""

    function: str
    source: str
    arguments: tuple[UserArgument, ...]
    grid: tuple[Expr, Expr, Expr]
    num_warps: int
    num_stages: int
    num_ctas: int = 1
    max_registers: int = 0  # 0: as many as the compiler likes
    chosen: str = ""  # for people: which configuration, and why


Statement = Union[
    Compute,
    Store,
    AtomicAdd,
    Local,
    Accumulator,
    Accumulate,
    Define,
    Loop,
    Parallel,
    Grid,
    Span,
    Tile,
    TemplateCall,
    UserCall,
]


@dataclass(frozen=True)
class KernelSpec:
    """One launch. `function` is the emitted C function: specs with equal `key()` share one."""

    name: str  # of the group
    function: str
    arguments: tuple[Argument, ...]
    sizes: tuple[Expr, ...]  # size symbols, passed as int64_t after the pointers, named as printed
    body: tuple[Statement, ...]
    origins: tuple[Origin, ...]
    can_fail: bool = False  # may set ctx->error
    scratch_bytes_per_thread: int = 0
    # The GPU architectures that it is compiled for; () for all that are asked for. A spec with some is followed by one of the same group
    # for the others, which is launched where this one cannot run.
    archs: tuple[str, ...] = ()

    @property
    def template_launch(self) -> TemplateLaunch | None:
        """How a GPU runs the template that this kernel calls; None of any other kernel."""
        first = self.body[0] if self.body else None
        return first.launch if isinstance(first, TemplateCall) else None

    @property
    def grid(self) -> tuple[Expr, Expr, Expr] | None:
        """How many programs a launch on a GPU has along x, y, z; None of a CPU's kernel."""
        first = self.body[0] if self.body else None
        if isinstance(first, TemplateCall):
            return first.launch.grid if first.launch else None
        if isinstance(first, UserCall):
            return first.grid
        if not isinstance(first, Grid):
            return None
        programs = mul_all((a.extent + (a.block - 1)) // a.block for a in first.axes)
        return programs, const(1), const(1)

    @property
    def num_warps(self) -> int:
        """Warps of a program on a GPU."""
        (first,) = self.body
        if isinstance(first, TemplateCall):
            return first.launch.num_warps if first.launch else 0
        return first.num_warps if isinstance(first, (Grid, UserCall)) else 0

    @property
    def user_call(self) -> UserCall | None:
        """The launch of a kernel of the model's own; None of any other kernel."""
        first = self.body[0] if self.body else None
        return first if isinstance(first, UserCall) else None

    def key(self) -> tuple[object, ...]:
        """What the code depends on."""
        arguments = tuple((a.name, a.dtype, a.direction) for a in self.arguments)
        return arguments, self.sizes, self.body, self.scratch_bytes_per_thread, self.archs


def neutral(kind: str) -> str:
    """The name of the neutral element: "zero", "one", "lowest", "highest", "false", "true"."""
    return {"sum": "zero", "prod": "one", "max": "lowest", "min": "highest", "any": "false", "all": "true"}[
        kind
    ]
