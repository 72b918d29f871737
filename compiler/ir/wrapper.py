"""Wrapper IR: the straight-line plan of one run of a model, printed as C++ (AOT) and Python (JIT), line for line.

Enters: nothing; this module is the data. `wrapper/plan.py` makes a `Plan`, the writers print it, `ir/wrapper_text.py` prints and
parses it as text, `ir/wrapper_verify.py` checks it.

Invariants (checked by `ir/wrapper_verify.py`)
- A name is defined once: by a slot (input, constant) or by a line (`Alloc`, `Reuse`, `View`, a fresh result of an `ExternCall`).
- A line uses only names defined before it and still alive. An `Alloc` in the arena ends the life of every buffer whose bytes or slot it
  takes; a `Reuse` ends the life of the buffer that it takes over, which may be a mutated slot.
- Launches and calls write only memory that the plan allocated, or a mutated slot that a `Reuse` took over.
- A size that is read from data (`ReadSize`) is used only after its line. Memory of its own that a buffer gets ("own") lasts until the
  `Free` of it, or to the end of its block.
- The last line is the only `Return`; it gives every output slot exactly one value: a name whose memory is the caller's afterwards
  (an "output" `Alloc`, a fresh result, a `View` of one of these) or a literal, and a handle is given away once.

Before/after (`cos(mm(sin(x), y))` after scheduling -> as text):
    alloc buf0: float32 [64, 64] stride [64, 1] arena 0
    launch cpp_fused_sin_0(in x: float, out buf0: float)  # aten.sin.default [sin] at models/my_model.py:20 in forward
    alloc buf2: float32 [64, 64] stride [64, 1] output
    launch cpp_gemm_cos_1(in buf0: float, in y: float, out buf2: float)  # aten.mm.default [mm]; aten.cos.default [cos]
    return buf2
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Union

from compiler.ir import random_symbols
from compiler.ir.expr import Expr, IntLike, as_expr
from compiler.ir.guard import Guard
from compiler.ir.loop import Layout
from compiler.ir.recipe import Fixed, Original, Recipe
from compiler.ir.size_float import SizeFloat
from compiler.support.origins import Origin

Literal = Union[int, float, bool, Expr, SizeFloat, None]


@dataclass(frozen=True)
class InputSlot:
    """A user input. `origin` is the source line that fixed its shape, "" where unknown. `mutated`: a line writes to its memory."""

    name: str
    layout: Layout
    origin: str = ""
    mutated: bool = False


@dataclass(frozen=True)
class ConstantSlot:
    """A constant in the weights file. `layout` is what kernels see, `original` what the model holds (they differ when packed).

    kind: "parameter", "buffer", "tensor" (a tensor constant), "folded" (computed by the compiler) or "unknown".
    packing: "" or the packing of `loop.Constant`. Several constants may share bytes (tied weights, duplicates).
    mutated: the model's state. Its bytes in the file are the first value; the runtime gives it memory that lines write to.
    """

    name: str
    layout: Layout
    original: Layout
    offset_bytes: int
    size_bytes: int
    fqn: str = ""
    kind: str = "unknown"
    packing: str = ""
    mutated: bool = False
    recipe: Recipe | Fixed | None = None


@dataclass(frozen=True)
class OutputSlot:
    """An output by name: a tensor with this layout, or (layout None) the number that every run gives, which sizes may be in."""

    name: str
    layout: Layout | None
    literal: Literal = None


@dataclass(frozen=True)
class SizeSymbol:
    """A size that is known at run time only: `inputs[input_index].size(dim)` is `scale * symbol + rest`; `rest` is made of symbols that
    come before this one."""

    symbol: Expr
    input_index: int
    dim: int
    scale: int = 1
    rest: Expr = field(default_factory=lambda: as_expr(0))

    @property
    def is_bare(self) -> bool:
        """Whether the dimension's size is the symbol itself."""
        return self.scale == 1 and self.rest == 0


@dataclass(frozen=True)
class Alloc:
    """`name` gets memory: in the arena at `offset_bytes`, or at the start of `slot` where that is >= 0, or a tensor of its own: to be given
    to the caller (`place` "output"), or for the time until it is freed ("own")."""

    name: str
    layout: Layout
    place: str  # "arena", "output" or "own"
    offset_bytes: int = 0
    slot: int = -1


@dataclass(frozen=True)
class Reuse:
    """`name` takes over the memory of `old`, which must not be used any more."""

    name: str
    layout: Layout
    old: str


@dataclass(frozen=True)
class View:
    """`name` is the memory of `base` under another layout. Offsets count from the start of the memory, however many views deep."""

    name: str
    layout: Layout
    base: str


@dataclass(frozen=True)
class Free:
    """Ends the life of a buffer with memory of its own, and of `views` of it."""

    name: str
    views: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadSize:
    """`symbol` is the integer in the one element of `source`, from here to the end of the block. The run ends with an error where it is
    outside the symbol's range."""

    symbol: Expr
    source: Operand
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class Check:
    """The run ends with an error unless `guard` holds of the sizes read so far."""

    guard: Guard


@dataclass(frozen=True)
class Arg:
    """An argument of a launch: a buffer with the element type that the kernel declares, or a size expression ("size")."""

    value: Union[str, Expr]
    ctype: str
    mode: str  # "in", "out", "inout", "size"


@dataclass(frozen=True)
class Operand:
    """A tensor argument of a C call: the memory of `buffer` seen through `layout` (offset from the start of the memory)."""

    buffer: str
    layout: Layout


@dataclass(frozen=True)
class Launch:
    """One call of an own kernel. `can_fail`: it may report bad data through the kernel context. Of a GPU's kernel: `grid`, how many
    programs are launched along x, y, z (none where one is 0); `maps`, what it reads through tensor maps, which follow its arguments;
    `workspace`: the instance's workspace and semaphores follow those."""

    kernel: str
    args: tuple[Arg, ...]
    origins: tuple[Origin, ...] = ()
    can_fail: bool = False
    grid: tuple[Expr, Expr, Expr] | None = None
    maps: tuple[Operand, ...] = ()
    workspace: bool = False
    otherwise: Launch | None = (
        None  # what is launched instead on a GPU that has no machine code of this kernel
    )


CallArg = Union[Operand, str, int, float, bool, Expr, None, tuple[IntLike, ...]]
OpArg = Union[CallArg, tuple["OpArg", ...]]  # of a custom operator: lists may hold anything


@dataclass(frozen=True)
class ExternCall:
    """A call of the C shim. `args` in the C order without out-parameters.

    result: the name of the one tensor that comes back. With `fresh` the function makes it and hands over a new handle as its
    last parameter; without, `result` was allocated before and is the first argument in C (the `_out` form).
    """

    function: str
    result: str
    args: tuple[CallArg, ...]
    layout: Layout | None  # of a fresh result; None without `fresh`
    origins: tuple[Origin, ...] = ()

    @property
    def fresh(self) -> bool:
        return self.layout is not None


@dataclass(frozen=True)
class Copy:
    """The elements of `source` are copied into `target`, which was allocated before: tensors of one type and size, of any strides."""

    target: Operand
    source: Operand
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class ProxyCall:
    """A call of custom operator `Plan.ops[op]`. `args` in the order of its schema; `outputs` were allocated before, and are written, and
    so is what stands for an argument that the schema marks as written (`op_schema.OpSchema.written`)."""

    op: int
    args: tuple[OpArg, ...]
    outputs: tuple[Operand, ...]
    origins: tuple[Origin, ...] = ()

    def tensors(self) -> list[Operand]:
        """All operands, those in lists too, then the outputs."""
        return [*operands(self.args), *self.outputs]


def operands(args: tuple[OpArg, ...]) -> Iterator[Operand]:
    """The tensors among arguments, those in lists too."""
    for arg in args:
        if isinstance(arg, Operand):
            yield arg
        elif isinstance(arg, tuple):
            yield from operands(arg)


@dataclass(frozen=True)
class Cond:
    """Runs `then` or `otherwise` by the bool in the one element of `predicate`; both write buffers allocated before."""

    predicate: str
    then: tuple[Line, ...]
    otherwise: tuple[Line, ...]
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class While:
    """Runs `test`, which writes the bool `predicate`; while it is true runs `body` and starts again."""

    predicate: str
    test: tuple[Line, ...]
    body: tuple[Line, ...]
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class Return:
    """The outputs in order: a name, or None for an output slot with a literal."""

    values: tuple[Union[str, None], ...]


Line = Union[
    Alloc, Reuse, View, Free, ReadSize, Check, Launch, ExternCall, Copy, ProxyCall, Cond, While, Return
]


@dataclass
class Plan:
    """A whole run with the tables that describe it. `weights_bytes` is the size of the weights file; `slots` are the bytes of the arena's
    slots, which lie behind `arena_bytes` of fixed sizes; `guards` must hold of the inputs' sizes beside the symbols' ranges.
    `workspace_bytes` and `semaphores` are what the most demanding launch needs: launches share them, one after the other."""

    name: str
    inputs: list[InputSlot]
    constants: list[ConstantSlot]
    outputs: list[OutputSlot]
    lines: list[Line]
    symbols: list[SizeSymbol] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)
    arena_bytes: int = 0
    slots: list[Expr] = field(default_factory=list)
    scratch_bytes_per_thread: int = 0
    weights_bytes: int = 0
    in_spec: str = ""
    out_spec: str = ""
    call_info: str = ""
    originals: list[Original] = field(default_factory=list)
    ops: list[str] = field(default_factory=list)  # schemas of the custom operators
    workspace_bytes: int = 0
    semaphores: int = 0

    def all_lines(self) -> Iterator[Line]:
        """Every line, those of nested blocks after the line that holds them."""
        return _walk(tuple(self.lines))

    def gpu_kernels(self) -> list[str]:
        """The kernels that a GPU runs, each once; a kernel's number is its position."""
        launches = [line for line in self.all_lines() if isinstance(line, Launch) and line.grid]
        every = [launch for line in launches for launch in (line, line.otherwise) if launch]
        return list(dict.fromkeys(launch.kernel for launch in every))

    @property
    def on_gpu(self) -> bool:
        """Whether the model runs on a GPU: its arena, weights and tensors are there."""
        layouts = [i.layout for i in self.inputs] + [c.layout for c in self.constants]
        layouts += [o.layout for o in self.outputs if o.layout] + [
            x.layout for x in self.lines if isinstance(x, Alloc)
        ]
        return any(layout.device != "cpu" for layout in layouts)

    @property
    def is_random(self) -> bool:
        """Whether a kernel draws random numbers."""
        launches = (line for line in self.all_lines() if isinstance(line, Launch))
        return any(a.value in random_symbols.SYMBOLS for line in launches for a in line.args)

    def extern_functions(self) -> list[str]:
        """The shim functions that extern calls name, each once, sorted."""
        return sorted({line.function for line in self.all_lines() if isinstance(line, ExternCall)})


def _walk(lines: tuple[Line, ...]) -> Iterator[Line]:
    for line in lines:
        yield line
        if isinstance(line, Cond):
            yield from _walk(line.then)
            yield from _walk(line.otherwise)
        elif isinstance(line, While):
            yield from _walk(line.test)
            yield from _walk(line.body)


def size_bytes(layout: Layout) -> int | None:
    """Bytes from the layout's first storage element to its last; None when it depends on a size symbol."""
    numel = layout.storage_numel()
    return numel.value() * layout.dtype.size_bytes if numel.is_const else None
