"""Checks the invariants of a Loop IR program (listed in `loop.py`). A violation is an InternalError that names
the node and the rule.

`verify(program)` after lowering, after the scheduler's passes over Loop IR and of what a person gives as text; one pass over the nodes,
intervals only, so it is cheap enough to run always.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir import dtypes, random_symbols
from compiler.ir.expr import Expr
from compiler.ir.loop import (
    Body,
    BodyOp,
    Cond,
    CustomKernel,
    ExternKernel,
    Layout,
    Node,
    Pointwise,
    Program,
    ReadSize,
    Reduction,
    Result,
    Scan,
    Scatter,
    TemplateKernel,
    TensorRef,
    View,
    While,
    indirect_var,
    loop_var,
    reduction_var,
)
from compiler.ir.loop_reads import sizes_read
from compiler.ir.scalar_ops import SCALAR_OPS
from compiler.support.diagnostics import InternalError

REDUCTIONS = frozenset("sum prod max min any all argmax argmin".split())
SCANS = frozenset("sum prod max min".split())
SCATTERS = frozenset("store add mul maximum minimum logical_or logical_and".split())
CONV2D_SHAPE = tuple("N H W C OC KH KW OH OW stride_h stride_w pad_h pad_w dil_h dil_w groups".split())
# Templates whose second operand is a packed constant.
PACKED_TEMPLATES = ("gemm", "conv2d", "conv2d_winograd")
# Templates that also take bfloat16 operands (float32 sums).
BFLOAT16_TEMPLATES = ("gemm", "conv2d")
# Operands of each template (attention's mask is optional) and its parameters, as `loop.TemplateKernel` lists them.
TEMPLATES: dict[str, tuple[tuple[int, ...], tuple[str, ...]]] = {
    "gemm": ((2,), ("M", "N", "K")),
    "bmm": ((2,), ("B", "M", "N", "K")),
    "conv2d": ((2,), CONV2D_SHAPE),
    "conv2d_winograd": ((2,), CONV2D_SHAPE),
    "attention": ((3, 4), ("scale", "causal")),
    "triton_attention": ((3, 4), ("scale", "causal")),
    "triton_gemm": ((2,), ("B", "M", "N", "K")),
    "triton_convolution": ((2,), CONV2D_SHAPE),
    "sort_positions": ((1,), ("descending",)),
    "topk_positions": ((1,), ("largest",)),
    "extreme_positions": ((1,), ("largest",)),
    "search_positions": ((2,), ("right",)),
    "selected_positions": ((1,), ()),
}
# Of these templates operands may have any type, and the results are positions.
POSITIONS = frozenset(name for name in TEMPLATES if name.endswith("_positions"))


def verify(program: Program) -> None:
    """Raises InternalError for the first broken rule."""
    _Verifier(program).run()


class _Verifier:
    def __init__(self, program: Program, sizes: frozenset[Expr] = frozenset()) -> None:
        self.program = program
        # Size symbols of the inputs, and those of the program around a block.
        self.sizes: frozenset[Expr] = sizes | set(program.size_symbols()) | set(random_symbols.SYMBOLS)
        self.layouts: dict[str, Layout] = {}
        self.packed = {c.name for c in program.constants if c.packing}
        self.results: dict[str, list[Result]] = {}  # by the node that they belong to
        for node in program.nodes:
            if isinstance(node, Result):
                self.results.setdefault(node.control, []).append(node)
        self.where = ""
        self.previous: Node | None = None
        self.may_be_empty = False  # the loops of the current body, where a run finds that they have no turns

    def run(self) -> None:
        for name, layout in [
            *[(x.name, x.layout) for x in self.program.inputs],
            *[(c.name, c.layout) for c in self.program.constants],
        ]:
            self.where = name
            self.define(name, layout)
        for node in self.program.nodes:
            self.where = node.name
            self.node(node)
            self.define(node.name, node.layout)
            self.previous = node
        self.mutations()
        for output in self.program.outputs:
            self.where = f"output {output.name}"
            if isinstance(output.value, TensorRef):
                self.ref(output.value)

    def mutations(self) -> None:
        slots = {i.name for i in self.program.inputs} | {c.name for c in self.program.constants}
        nodes = {n.name for n in self.program.nodes}
        for m in self.program.mutations:
            self.where = f"mutation of {m.target}"
            self.check(m.target in slots, "the target is neither an input nor a constant")
            self.check(m.target not in self.packed, "the target is packed")
            self.check(m.value.buffer in nodes, f"the value {m.value.buffer} is no node's buffer")
            self.ref(m.value)
            self.check(m.value.layout == self.layouts[m.target], "value and target have different layouts")
        self.check(len(self.program.mutated()) == len(self.program.mutations), "a target is mutated twice")

    def fail(self, rule: str) -> None:
        raise InternalError(f"loop IR of {self.program.name}, {self.where}: {rule}")

    def check(self, holds: bool, rule: str) -> None:
        if not holds:
            self.fail(rule)

    def by_size(self, e: Expr) -> bool:
        """Whether the expression depends on sizes that are known at run time only: intervals then show less than what holds."""
        return e.bounded or any(s in self.sizes for s in e.symbols())

    def not_negative(self, e: Expr) -> bool:
        if e.lo is not None and e.lo >= 0:
            return True
        return self.by_size(e) and (e.hi is None or e.hi >= 0)

    def define(self, name: str, layout: Layout) -> None:
        self.check(name.isidentifier(), f"{name!r} is not an identifier")
        self.check(name not in self.layouts, f"buffer {name} is defined twice")
        self.check(
            len(layout.size) == len(layout.stride),
            f"{len(layout.size)} sizes and {len(layout.stride)} strides",
        )
        for e in (*layout.size, layout.offset):
            self.check(self.not_negative(e), f"size or offset {e} may be negative")
        self.layouts[name] = layout

    def storage(self, name: str) -> Layout:
        if name not in self.layouts:
            self.fail(f"reads {name}, which is not defined before it")
        return self.layouts[name]

    def ref(self, ref: TensorRef) -> None:
        """The operand stays inside its buffer."""
        storage = self.storage(ref.buffer)
        self.check(
            ref.layout.dtype == storage.dtype, f"{ref.buffer} is {storage.dtype}, seen as {ref.layout.dtype}"
        )
        self.inside(ref.layout.storage_numel() - 1, storage, f"the view {ref.layout} of {ref.buffer}")

    def inside(self, last: Expr, storage: Layout, what: str) -> None:
        """`last` is the largest element offset of an access, by its interval."""
        room = storage.storage_numel()
        beyond = (last - room).hi
        self.check(beyond is None or beyond < 0, f"{what} reaches element {last}, the buffer has {room}")

    # -- nodes -------------------------------------------------------------------------------------------------------

    def node(self, node: Node) -> None:
        self.check(bool(node.origins), "has no origins")
        for symbol in sizes_read(node):
            self.check(symbol in self.sizes, f"uses {symbol} before it is read")
        if isinstance(node, Pointwise):
            self.check(
                self.body(node.body, node.ranges, ()) == [node.layout.dtype],
                "the body does not yield the buffer's dtype",
            )
        elif isinstance(node, Reduction):
            self.reduction(node)
        elif isinstance(node, Scan):
            self.check(node.kind in SCANS, f"unknown scan {node.kind!r}")
            self.check(0 <= node.dim < len(node.ranges), f"dim {node.dim} of {len(node.ranges)}")
            self.check(
                self.body(node.body, node.ranges, ()) == [node.acc_dtype],
                "the body does not yield the accumulator's dtype",
            )
        elif isinstance(node, Scatter):
            self.scatter(node)
        elif isinstance(node, View):
            self.ref(node.operand)
        elif isinstance(node, ReadSize):
            self.read_size(node)
        elif isinstance(node, TemplateKernel):
            self.template(node)
        elif isinstance(node, (Cond, While)):
            self.control(node)
        elif isinstance(node, Result):
            self.result(node)
        elif isinstance(node, (ExternKernel, CustomKernel)):
            for operand in node.operands():
                self.ref(operand)
        if isinstance(node, CustomKernel):
            self.written(node)

    def written(self, node: CustomKernel) -> None:
        """The last results are of the bases' types and sizes, and hold what the call writes to."""
        results = self.results.get(node.name, [])
        self.check(len(results) >= len(node.bases), f"{len(node.bases)} bases for {len(results)} results")
        results = results[len(results) - len(node.bases) :]
        for base, result in zip(node.bases, results, strict=True):
            same = base is None or (base.layout.dtype, base.layout.size) == (
                result.layout.dtype,
                result.layout.size,
            )
            self.check(same, f"the result {result.name} is of another type than its base")
        for argument in node.written():
            self.check(
                0 <= argument.base < len(results), f"an argument of base {argument.base} of {len(results)}"
            )
            storage, seen = results[argument.base].layout, argument.layout
            self.check(seen.dtype == storage.dtype, f"writes {seen.dtype} into {storage.dtype}")
            self.inside(seen.storage_numel() - 1, storage, f"the written view {seen}")

    def reduction(self, node: Reduction) -> None:
        self.check(node.kind in REDUCTIONS, f"unknown reduction {node.kind!r}")
        self.check(
            self.body(node.body, node.ranges, node.reduction_ranges) == [node.acc_dtype],
            "the body does not yield the accumulator's dtype",
        )
        if node.kind.startswith("arg"):
            self.check(
                node.layout.dtype == dtypes.int64, f"{node.kind} yields int64, not {node.layout.dtype}"
            )
        if node.kind in ("any", "all"):
            self.check(node.acc_dtype == dtypes.bool_, f"{node.kind} accumulates bool, not {node.acc_dtype}")

    def scatter(self, node: Scatter) -> None:
        self.check(node.mode in SCATTERS, f"unknown mode {node.mode!r}")
        self.ref(node.base)
        symbols = self.symbols(node.ranges, ())
        self.check(
            self.body(node.body, node.ranges, ()) == [node.layout.dtype],
            "the body does not yield the buffer's dtype",
        )
        symbols |= {indirect_var(k, op.expr) for k, op in enumerate(node.body.ops) if op.opcode == "indirect"}
        self.index(node.index, symbols)
        self.check(
            node.index.lo is not None and node.index.lo >= 0, f"the store index {node.index} may be negative"
        )
        if node.index.hi is not None:
            self.inside(node.index, node.layout, f"the store index {node.index}")

    def control(self, node: Cond | While) -> None:
        if isinstance(node, Cond):
            self.ref(node.predicate)
        predicate = node.predicate.layout if isinstance(node, Cond) else node.layout
        self.check(
            predicate.dtype == dtypes.bool_ and predicate.numel() == 1, "the predicate is not one bool"
        )
        results = {n.name: n.layout for n in self.results.get(node.name, ())}
        if isinstance(node, While):
            results[node.name] = node.layout
        written: set[str] = set()
        for block in node.blocks:
            self.check(not block.outputs, f"block {block.name} has outputs")
            written |= block.mutated()
            for slot in block.inputs:
                known = results.get(slot.name, self.layouts.get(slot.name))
                self.check(known == slot.layout, f"block {block.name}: {slot.name} is no such buffer here")
            inner = {n.name for n in block.nodes}
            self.check(inner.isdisjoint(self.layouts), f"block {block.name} defines a name that is taken")
            _Verifier(block, self.sizes).run()
        self.check(
            written == results.keys(), f"blocks write {sorted(written)}, results are {sorted(results)}"
        )

    def read_size(self, node: ReadSize) -> None:
        self.ref(node.operand)
        one = node.operand.layout.dtype == dtypes.int64 and node.operand.layout.numel() == 1
        self.check(one, "is not read from one int64")
        named = str(node.symbol) == node.name and node.symbol.from_data
        self.check(named, f"has another name than its symbol {node.symbol}")
        self.sizes |= {node.symbol}

    def result(self, node: Result) -> None:
        previous = self.previous
        follows = isinstance(previous, Result) and previous.control == node.control
        control = isinstance(previous, (Cond, While, CustomKernel)) and previous.name == node.control
        self.check(follows or control, f"does not come right after {node.control}")

    def template(self, node: TemplateKernel) -> None:
        self.check(node.template in TEMPLATES, f"unknown template {node.template!r}")
        counts, names = TEMPLATES[node.template]
        self.check(len(node.operands) in counts, f"{node.template} has {len(node.operands)} operands")
        given = tuple(name for name, _ in node.params)
        self.check(given == names, f"{node.template} takes {', '.join(names)}, got {', '.join(given)}")
        own_type = node.template.startswith("triton_") or (
            node.template == "attention" and node.layout.dtype == dtypes.bfloat16
        )
        makes = takes = node.layout.dtype if own_type else dtypes.float32
        if node.template in POSITIONS:
            makes, takes = dtypes.int64, node.operands[0].layout.dtype
        self.check(node.layout.dtype == makes, f"{node.template} makes {makes}, not {node.layout.dtype}")
        operands = {(takes,) * len(node.operands)}
        if node.template in BFLOAT16_TEMPLATES:
            operands.add((dtypes.bfloat16,) * len(node.operands))
        elif node.template == "attention" and makes == dtypes.bfloat16:
            operands = {(makes,) * 3 + (dtypes.float32,) * (len(node.operands) - 3)}
        for operand in node.operands:
            self.ref(operand)
        got = tuple(operand.layout.dtype for operand in node.operands)
        self.check(got in operands, f"operands of {node.template} are {', '.join(map(str, got))}")
        packed = [o.buffer in self.packed for o in node.operands]
        wanted = [False, True] if node.template in PACKED_TEMPLATES else [False] * len(packed)
        self.check(packed == wanted, f"only the second operand of {', '.join(PACKED_TEMPLATES)} is packed")

    # -- bodies ------------------------------------------------------------------------------------------------------

    def symbols(self, ranges: Sequence[Expr], reduced: Sequence[Expr]) -> set[Expr]:
        loops = {loop_var(k, e) for k, e in enumerate(ranges)} | {
            reduction_var(k, e) for k, e in enumerate(reduced)
        }
        return loops | self.sizes

    def body(self, body: Body, ranges: Sequence[Expr], reduced: Sequence[Expr]) -> list[dtypes.DType]:
        """Checks every op; returns the types of the yields."""
        symbols = self.symbols(ranges, reduced)
        empty = any(e == 0 for e in (*ranges, *reduced))
        self.may_be_empty = any(e.from_data for e in (*ranges, *reduced))
        for position, op in enumerate(body.ops):
            self.check(all(0 <= a < position for a in op.args), f"%{position} uses a later op")
            self.op(op, [body.ops[a].dtype for a in op.args], symbols, empty, f"%{position} {op.opcode}")
            if op.opcode == "indirect":
                symbols.add(indirect_var(position, op.expr))
        self.check(bool(body.yields), "yields nothing")
        self.check(all(0 <= y < len(body.ops) for y in body.yields), "yields an op that does not exist")
        return [body.ops[y].dtype for y in body.yields]

    def op(self, op: BodyOp, args: list[dtypes.DType], symbols: set[Expr], empty: bool, name: str) -> None:
        if op.opcode == "load":
            self.load(op, args, symbols, empty, name)
        elif op.opcode == "constant":
            kind = float if op.dtype.is_float else bool if op.dtype == dtypes.bool_ else int
            self.check(not args and type(op.attrs[0]) is kind, f"{name}: {op.attrs[0]!r} is no {op.dtype}")
        elif op.opcode == "index":
            self.index(op.attrs[0], symbols)
        elif op.opcode == "indirect":
            self.check(len(args) == 1 and args[0].is_int, f"{name}: an index of type {args}")
            self.check(op.dtype == dtypes.int64, f"{name}: yields int64")
            self.index(op.attrs[0], symbols)
        elif op.opcode == "cast":
            self.check(len(args) == 1, f"{name}: takes one operand")
        else:
            self.scalar(op, args, name)

    def scalar(self, op: BodyOp, args: list[dtypes.DType], name: str) -> None:
        rule = SCALAR_OPS.get(op.opcode)
        if rule is None:
            self.fail(f"{name}: unknown operation")
            return
        self.check(len(args) == rule.arity, f"{name}: takes {rule.arity} operands, has {len(args)}")
        typed = args[1:] if rule.result == "first_value" else args
        self.check(len(set(typed)) == 1, f"{name}: operands of different types {', '.join(map(str, args))}")
        wanted = dtypes.bool_ if rule.result == "bool" else typed[0]
        self.check(op.dtype == wanted, f"{name}: has type {op.dtype}, its operands say {wanted}")
        if op.opcode == "where" or op.opcode.startswith("logical_"):
            self.check(args[0] == dtypes.bool_, f"{name}: the condition is {args[0]}")
        if op.opcode == "div":
            self.check(typed[0].is_float, f"{name}: true division of {typed[0]}")
        self.check(
            typed[0] not in (dtypes.float16, dtypes.bfloat16),
            f"{name}: computes in {typed[0]}; 16-bit floats compute in float32",
        )

    def load(self, op: BodyOp, args: list[dtypes.DType], symbols: set[Expr], empty: bool, name: str) -> None:
        buffer, index = op.buffer, op.expr
        storage = self.storage(buffer)
        self.check(buffer not in self.packed, f"{name}: reads the packed constant {buffer}")
        self.check(op.dtype == storage.dtype, f"{name}: {buffer} is {storage.dtype}, loaded as {op.dtype}")
        self.index(index, symbols)
        if args:
            self.check(
                args == [dtypes.bool_, op.dtype],
                f"{name}: mask and alternative are {', '.join(map(str, args))}",
            )
            return
        if empty:
            return
        self.check(self.not_negative(index), f"{name}: the index {index} may be negative")
        room = storage.storage_numel()
        if index.hi is not None and room.is_const and not (room == 0 and self.may_be_empty):
            self.check(
                index.hi < room.value() or self.by_size(index),
                f"{name}: the index {index} reaches {index.hi}, {buffer} has {room} elements",
            )

    def index(self, index: object, symbols: set[Expr]) -> None:
        assert isinstance(index, Expr)
        unknown = [s for s in index.symbols() if s not in symbols]
        self.check(
            not unknown,
            f"index {index} uses {', '.join(map(str, unknown))}, which are not loops of this node",
        )
