"""Loop IR: what lowering makes and the scheduler takes. A list of nodes, each computing one buffer.

A node of a loop kind (`Pointwise`, `Reduction`, `Scan`, `Scatter`) has loop ranges and a `Body`: a stored DAG
of scalar operations in which loads name a buffer and an index expression over the loop variables `i0, i1,
...` (and `r0, r1, ...` for reduced ranges). `TemplateKernel` (GEMM, convolution, attention) and
`ExternKernel` (a call through the C shim) name their operands as `TensorRef`s. `View` is another name and
layout for a buffer's memory. `Cond` and `While` hold programs of their own. `ReadSize` makes a number of a tensor a size.

Invariants (checked by `compiler.ir.loop_verify`)
- Nodes are in a valid order; a buffer is written by exactly one node (the one of the same name) before it is
  read.
- Loop variables of a node are exactly `loop_var(k, ranges[k])` and `reduction_var(k, reduction_ranges[k])`; a
  body's index expressions use only these, size symbols, and the indirect symbols that its own `indirect` ops
  define. A size symbol that is read from data (u0, u1, ...) is used only after the `ReadSize` of its name.
- A load's index and a node's store index (its layout applied to the loop variables) stay inside the buffer's
  storage.
- A mutation's value is a node's buffer with the target's layout; what reads the target reads its old value.
- A body is in SSA form: an op's arguments are ids of earlier ops.

Before/after (sin then a row sum, float32 [64, 64]):
    buf0 = pointwise float32 [64, 64] stride [64, 1]
      %0 = load arg0[64*i0 + i1] : float32
      %1 = sin %0 : float32
      yield %1
    buf1 = reduction.sum float32 [64] stride [1] over [64]
      %0 = load buf0[64*i0 + r0] : float32
      yield %0
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Union

from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, IntLike, as_expr, contiguous_strides, exprs, mul_all, sym
from compiler.ir.guard import Guard
from compiler.ir.recipe import Fixed, Original, Recipe
from compiler.ir.size_float import SizeFloat
from compiler.support.origins import Origin


def loop_var(position: int, extent: IntLike) -> Expr:
    """The loop variable `i<position>` over `[0, extent)`."""
    return _var("i", position, extent)


def reduction_var(position: int, extent: IntLike) -> Expr:
    """The reduced variable `r<position>` over `[0, extent)`."""
    return _var("r", position, extent)


def _var(prefix: str, position: int, extent: IntLike) -> Expr:
    extent = as_expr(extent)
    hi = None if extent.hi is None else max(extent.hi - 1, 0)
    return sym(f"{prefix}{position}", 0, hi, extent)


def indirect_var(op: int, size: IntLike) -> Expr:
    """The symbol that stands for the value of a body's `indirect` op with this id, in `[0, size)`."""
    return _var("v", op, size)


@dataclass(frozen=True)
class Layout:
    """Sizes, strides and offset in elements. `size` and `stride` have equal length; rank 0 is a scalar."""

    dtype: DType
    size: tuple[Expr, ...]
    stride: tuple[Expr, ...]
    offset: Expr = field(default_factory=lambda: as_expr(0))
    device: str = "cpu"

    @staticmethod
    def contiguous(dtype: DType, size: Sequence[IntLike], device: str = "cpu") -> Layout:
        return Layout(dtype, exprs(size), contiguous_strides(size), as_expr(0), device)

    def index(self, position: Sequence[IntLike]) -> Expr:
        """The element offset of this position."""
        total = self.offset
        for p, s in zip(position, self.stride, strict=True):
            total = total + as_expr(p) * s
        return total

    def numel(self) -> Expr:
        return mul_all(self.size)

    def storage_numel(self) -> Expr:
        """Elements from the start of the storage to the last one used."""
        if any(s == 0 for s in self.size):
            return as_expr(0)
        return self.index([s - 1 for s in self.size]) + 1

    def is_contiguous(self) -> bool:
        wanted = contiguous_strides(self.size)
        return all(a is b or s == 1 for a, b, s in zip(self.stride, wanted, self.size, strict=True))


@dataclass(frozen=True)
class TensorRef:
    """An operand in memory: a buffer seen through a layout (the layout's offset counts from the buffer's first element)."""

    buffer: str
    layout: Layout


@dataclass(frozen=True)
class BodyOp:
    """One scalar operation; its id is its position in the body.

    opcode      args                attrs
    load        () or (mask, other) (buffer, index Expr)       with a mask: `mask ? buffer[index] : other`, memory untouched if false
    constant    ()                  (value: int|float|bool,)
    index       ()                  (Expr,)                    an index expression as a value of `dtype`
    indirect    (value,)            (size Expr, where: str)    an integer value used as an index: negative ones wrap once, out of
                                                               range is reported with `where`; defines symbol `indirect_var(id, size)`
    cast        (value,)            ()                         to `dtype`, PyTorch's conversion rules
    any scalar operation of `compiler.ir.scalar_ops.SCALAR_OPS`: (operands...), ()
    """

    opcode: str
    args: tuple[int, ...]
    dtype: DType
    attrs: tuple[Union[str, Expr, int, float, bool], ...] = ()

    @property
    def buffer(self) -> str:
        """What a load reads."""
        return str(self.attrs[0])

    @property
    def expr(self) -> Expr:
        """The index of a load or index op, the size of an indirect one."""
        found = self.attrs[1] if self.opcode == "load" else self.attrs[0]
        assert isinstance(found, Expr)
        return found


@dataclass(frozen=True)
class Body:
    """Ops in SSA order and the ids of the values that they yield (one for most nodes)."""

    ops: tuple[BodyOp, ...]
    yields: tuple[int, ...]

    def loads(self) -> list[BodyOp]:
        return [op for op in self.ops if op.opcode == "load"]


@dataclass(frozen=True)
class Node:
    """Base of all: `name` is the buffer that it defines, `layout` that buffer's memory."""

    name: str
    layout: Layout
    origins: tuple[Origin, ...]


@dataclass(frozen=True)
class Pointwise(Node):
    """buffer[layout.index(i)] = body(i) for i in `ranges` (== layout.size)."""

    body: Body

    @property
    def ranges(self) -> tuple[Expr, ...]:
        return self.layout.size


@dataclass(frozen=True)
class Reduction(Node):
    """buffer[layout.index(i)] = reduce over r of body(i, r); `ranges` == layout.size.

    kind: sum, prod, max, min (NaN propagates), any, all, argmax, argmin (first of equals, NaN counts as extreme; yields int64).
    Accumulates in `acc_dtype` (at least as wide as the values).
    """

    reduction_ranges: tuple[Expr, ...]
    kind: str
    acc_dtype: DType
    body: Body

    @property
    def ranges(self) -> tuple[Expr, ...]:
        return self.layout.size


@dataclass(frozen=True)
class Scan(Node):
    """Inclusive scan (kind: sum, prod, max, min) of body(i) along dim `dim` of `ranges` (== layout.size)."""

    dim: int
    kind: str
    acc_dtype: DType
    body: Body

    @property
    def ranges(self) -> tuple[Expr, ...]:
        return self.layout.size


@dataclass(frozen=True)
class Scatter(Node):
    """Copies `base` to the new buffer, then for i in `ranges`, in order: buffer[index(i)] = body(i), or the two combined; `index` may use
    indirect symbols."""

    base: TensorRef
    ranges: tuple[Expr, ...]
    index: Expr
    mode: str  # "store", or the scalar operation that combines the old and the new value: "add", "mul", "maximum", ...
    body: Body


@dataclass(frozen=True)
class View(Node):
    """The memory of `operand.buffer` under another layout: `layout` is `operand.layout`. No work is done."""

    operand: TensorRef


@dataclass(frozen=True)
class TemplateKernel(Node):
    """A kernel from `kernels/` with its operands in memory; a following pointwise node may be fused as its epilogue.

    template   operands                                   params
    gemm       a [M, K], b packed "panel16" of [K, N]     (M, N, K)                       -> [M, N]
    bmm        a [B, M, K], b [B, K, N], any strides      (B, M, N, K)                    -> [B, M, N]
    conv2d     x channels-last, w packed "conv_panel16"   Conv2dShape's fields in order   -> [N*OH*OW, OC] = channels-last output
               or "depthwise"
    gemm and conv2d take bfloat16 operands too (packed "panel16_bf16", "conv_panel16_bf16", "depthwise_bf16"): K, or the channels of a
    group, and row strides are then even. Results are float32.
    conv2d_winograd  the same, w packed "winograd_panel16": 3x3, stride 1, no dilation, one group
    triton_gemm  a [B, M, K], b [B, K, N], any strides  (B, M, N, K)                      -> [B, M, N], in the operands' type
    triton_convolution  x channels-last, w [OC, C / groups, KH, KW]: channels contiguous, or (C == groups) output channels; params as
                   conv2d's                                                                 -> the same, in the operands' type
    triton_attention  what attention is, all in q's type
    attention  q [B,H,Sq,D], k, v [, mask [B,H,Sq,Sk]]    scale, causal                   -> [B, H, Sq, Dv], unit stride in Dv
               all float32; or q, k, v and the result bfloat16: then D and the strides of q and k are even
    Positions in rows, int64; operands contiguous, of one type:
    sort_positions     keys [R, N]                        descending                      -> [2, R, N], of which [0]; the rest is work space
    topk_positions     keys [R, N]                        largest                         -> [R, K], best first
    extreme_positions  keys [R, N]                        largest                         -> [R, N], the last extreme so far
    search_positions   sorted [R or 1, N], values [R, M]  right                           -> [R, M], elements less (or equal) than the value
    selected_positions  mask [1, N], bool                                                 -> [1, K], where it holds, ascending; K many do
    Iteration space seen by an epilogue: `ranges`, in memory order of the output.
    """

    template: str
    operands: tuple[TensorRef, ...]
    params: tuple[tuple[str, Union[int, float, bool, str, Expr]], ...]
    ranges: tuple[Expr, ...]

    def param(self, name: str) -> Union[int, float, bool, str, Expr]:
        return dict(self.params)[name]


@dataclass(frozen=True)
class ExternKernel(Node):
    """A call through the C shim: `function` is the `aoti_torch_*` name; `args` are TensorRefs, scalars, tuples or None in the C order."""

    function: str
    args: tuple[object, ...]
    aten_op: str

    def operands(self) -> list[TensorRef]:
        return [a for a in self.args if isinstance(a, TensorRef)]


@dataclass(frozen=True)
class CustomKernel(Node):
    """A call of an operator by its schema: a custom one, one that libtorch's dispatcher calls, or a Triton kernel of the model
    (`ir/triton_kernel.py`). Its own buffer holds nothing: it writes the `Result`s that follow it. `args` in the order of `schema`:
    TensorRefs, scalars, strings, None, and tuples of these.

    What a custom operator writes to are `Written`s: views of the last `Result`s, of which there is one for each of `bases`, of the base's
    type and sizes. When the call begins the result holds what its base does; with None it holds nothing in particular."""

    schema: str
    args: tuple[object, ...]
    bases: tuple[TensorRef | None, ...] = ()

    def operands(self) -> list[TensorRef]:
        """What the call reads: tensors among its arguments, then the bases."""
        return [a for a in (*_leaves(self.args), *self.bases) if isinstance(a, TensorRef)]

    def written(self) -> list[Written]:
        return [a for a in _leaves(self.args) if isinstance(a, Written)]


@dataclass(frozen=True)
class Written:
    """An argument that a `CustomKernel` writes to: the memory of the result of base number `base`, seen through `layout`."""

    base: int
    layout: Layout


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


@dataclass(frozen=True)
class Cond(Node):
    """Runs `then` where the one element of `predicate` is true, else `otherwise`. Its own buffer holds nothing.

    Blocks of `Cond` and `While` are programs without outputs: their inputs are buffers of the program around them, under the same
    names, and what they leave there are their mutations, of the `Result`s that follow the node. Names are unique over all blocks."""

    predicate: TensorRef
    then: Program
    otherwise: Program

    @property
    def blocks(self) -> tuple[Program, ...]:
        return (self.then, self.otherwise)


@dataclass(frozen=True)
class While(Node):
    """Runs `enter` once; then `test`, which mutates the node's own buffer (one bool), and while that is true `body` and `test` again.

    What the body mutates, it and the test read in the next turn. A result that `enter` does not mutate starts undefined."""

    enter: Program
    test: Program
    body: Program

    @property
    def blocks(self) -> tuple[Program, ...]:
        return (self.enter, self.test, self.body)


@dataclass(frozen=True)
class Result(Node):
    """A buffer that the node `control`, or its blocks, write. It comes right after that node or another result of it."""

    control: str


@dataclass(frozen=True)
class ReadSize(Node):
    """Reads the one integer of `operand` on the host: from then on it is the value of `symbol`, which has the node's name. A value
    outside the symbol's range ends the run with an error. Nodes that have the symbol in an expression are readers of this node's buffer."""

    symbol: Expr
    operand: TensorRef


@dataclass(frozen=True)
class Input:
    """A user input of the program. `layout` is that of the buffer which the nodes read; `given_on` names the device from which the run
    copies it there ("": it is given where it is read)."""

    name: str
    layout: Layout
    origin: str = ""  # source line that fixed its shape, where known
    given_on: str = ""


@dataclass(frozen=True)
class Constant:
    """A weight, buffer or folded tensor. The data is kept beside the program (`Program.data`), by `source`.

    packing: "" as it is; "panel16", "conv_panel16:<groups>", "depthwise" (all also with "_bf16"), "winograd_panel16":
    packed for a template by `kernels/cpp/packing.py` when the package is written; `layout` is then the packed one (1-D, contiguous).
    `transpose`: the packer sees the 2-D source transposed ([N, K] -> [K, N]).
    """

    name: str
    layout: Layout
    source: str  # key into Program.data
    fqn: str  # the name in the model, "" for a folded one
    packing: str = ""
    transpose: bool = False
    digest: str = ""  # SHA-256 of the source's data, where the program was read from text
    kind: str = "unknown"  # "parameter", "buffer", "tensor" (a tensor constant) or "folded"
    recipe: Recipe | Fixed | None = None  # how the stored elements are made of the model's originals


@dataclass(frozen=True)
class OutputRef:
    """An output of the program: a tensor, a plain Python value (None, int, float, bool), or a number made of sizes. `given_on` names the
    device to which the run copies the tensor ("": it is given where it was computed)."""

    name: str
    value: Union[TensorRef, Expr, SizeFloat, int, float, bool, None]
    given_on: str = ""


@dataclass(frozen=True)
class Mutation:
    """After a run, the memory of `target` (an input or a constant without packing) holds `value`: a node's buffer, seen through
    exactly the target's layout. Nodes that read `target` see what it held before."""

    target: str
    value: TensorRef


@dataclass
class Program:
    """A whole lowered model. `data` maps a constant's source to its tensor (torch.Tensor; any object to this module)."""

    name: str
    inputs: list[Input]
    constants: list[Constant]
    nodes: list[Node]
    outputs: list[OutputRef]
    data: dict[str, object] = field(default_factory=dict)
    in_spec: str = ""
    out_spec: str = ""
    call_info: str = ""
    originals: list[Original] = field(default_factory=list)
    mutations: list[Mutation] = field(default_factory=list)
    guards: list[Guard] = field(default_factory=list)  # what must hold of the sizes of a run
    # "GRAPH.NODE" of Graph IR -> where the node's whole result lies in memory, for those that lowering put there; not part of the text.
    # A block has those of its own graphs.
    values: dict[str, TensorRef] = field(default_factory=dict)

    def mutated(self) -> frozenset[str]:
        """The inputs and constants that a run changes."""
        return frozenset(m.target for m in self.mutations)

    def size_symbols(self) -> list[Expr]:
        """Symbols of the sizes that the inputs have, by name."""
        found = {s for i in self.inputs for e in (*i.layout.size, *i.layout.stride) for s in e.symbols()}
        return sorted(found, key=str)

    def read_sizes(self) -> list[ReadSize]:
        """The nodes that read a size out of a tensor, those of blocks too."""
        found: list[ReadSize] = []
        for node in self.nodes:
            if isinstance(node, ReadSize):
                found.append(node)
            elif isinstance(node, (Cond, While)):
                found += [inner for block in node.blocks for inner in block.read_sizes()]
        return found

    def layouts(self) -> dict[str, Layout]:
        """Every buffer's own layout by name."""
        table: dict[str, Layout] = {i.name: i.layout for i in self.inputs}
        table.update((c.name, c.layout) for c in self.constants)
        table.update((n.name, n.layout) for n in self.nodes)
        return table
