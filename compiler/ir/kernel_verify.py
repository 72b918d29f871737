"""Checks KernelSpecs against the invariants of `compiler.ir.kernel`.

Enters: any spec. Leaves: nothing, or an InternalError naming the kernel, the statement and the rule that is broken.
"""

from __future__ import annotations

from collections.abc import Sequence

from compiler.ir.expr import Expr, as_expr
from compiler.ir.kernel import (
    Accumulate,
    Accumulator,
    AtomicAdd,
    Compute,
    Define,
    Grid,
    KernelSpec,
    Local,
    Loop,
    Parallel,
    Pointer,
    Span,
    Statement,
    Store,
    TemplateCall,
    Tile,
    UserCall,
)
from compiler.ir.scalar_ops import SCALAR_OPS
from compiler.support.diagnostics import InternalError

_OTHER_OPS = {
    "load": (0, 2),
    "constant": (0,),
    "index": (0,),
    "indirect": (1,),
    "cast": (1,),
    "neutral": (0,),
    "combine": (2,),
    "reduce": (1,),
    "scan": (1,),
}


def verify(spec: KernelSpec) -> None:
    """Raises InternalError at the first violation."""
    _Checker(spec).check()


class _Checker:
    """Walks the statements with what is defined in the scopes around them."""

    def __init__(self, spec: KernelSpec) -> None:
        self.spec = spec
        self.pointers = {a.name: a.direction != "in" for a in spec.arguments}  # name -> may be written
        self.values: set[str] = set()
        self.accumulators: set[str] = set()
        self.symbols: set[Expr] = set(spec.sizes)
        self.ever: set[str] = set()

    def fail(self, rule: str) -> None:
        raise InternalError(f"kernel {self.spec.name}: {rule}")

    def check(self) -> None:
        if len(self.pointers) != len(self.spec.arguments):
            self.fail("two arguments have one name")
        parallel = all(isinstance(s, Parallel) for s in self.spec.body)
        alone = len(self.spec.body) == 1 and isinstance(self.spec.body[0], (TemplateCall, Grid, UserCall))
        if not self.spec.body or not (parallel or alone):
            self.fail(
                "the body is neither parallel loops nor one template call, grid or call of a kernel of the model"
            )
        self.block(self.spec.body)

    def block(self, statements: Sequence[Statement]) -> None:
        """Checks the statements; what they define ends with them."""
        values, symbols, pointers = set(self.values), set(self.symbols), dict(self.pointers)
        accumulators = set(self.accumulators)
        for s in statements:
            self.statement(s)
        self.values, self.symbols, self.pointers, self.accumulators = values, symbols, pointers, accumulators

    def statement(self, s: Statement) -> None:
        if isinstance(s, Compute):
            self.compute(s)
        elif isinstance(s, (Store, AtomicAdd)):
            self.store(s)
        elif isinstance(s, Accumulate):
            self.use(s.value)
            if s.accumulator not in self.accumulators:
                self.fail(f"{s.accumulator} is no accumulator in scope")
        elif isinstance(s, (Accumulator, Local)):
            self.new(s.name)
            if isinstance(s, Local):
                self.pointers[s.name] = True
            else:
                self.values.add(s.name)
                self.accumulators.add(s.name)
        elif isinstance(s, Define):
            self.index(s.value)
            self.symbols.add(s.symbol)
        elif isinstance(s, (Loop, Parallel, Tile)):
            self.loop(s)
        elif isinstance(s, Span):
            self.block_size(s.block, s.extent)
            if s.extent.hi is None or s.extent.hi > s.block:
                self.fail(f"{s.symbol} spans [0, {s.extent}) in only {s.block} lanes")
            self.index(s.extent)
            self.symbols.add(s.symbol)
        elif isinstance(s, Grid):
            self.grid(s)
        elif isinstance(s, UserCall):
            self.user(s)
        else:
            self.template(s)

    def grid(self, s: Grid) -> None:
        for axis in s.axes:
            self.block_size(axis.block, axis.extent)
            self.index(axis.extent)
            self.symbols.add(axis.symbol)
        if not s.axes or s.num_warps & (s.num_warps - 1) or not 1 <= s.num_warps <= 32:
            self.fail(f"a grid of {len(s.axes)} axes with {s.num_warps} warps")
        self.block(s.body)

    def block_size(self, block: int, extent: Expr) -> None:
        if block <= 0 or block & (block - 1):
            self.fail(f"[0, {extent}) is cut in blocks of {block}, which is no power of two")

    def loop(self, s: Loop | Parallel | Tile) -> None:
        if isinstance(s, Tile):
            self.block_size(s.block, s.extent)
        if isinstance(s, Parallel):
            self.index(as_expr(s.grain))
        for bound in (s.begin, s.end) if isinstance(s, Loop) else (s.extent,):
            self.index(bound)
        known = s.symbol in self.symbols
        self.symbols.add(s.symbol)
        self.block(s.body)
        if not known:
            self.symbols.discard(s.symbol)

    def template(self, s: TemplateCall) -> None:
        maps = s.launch.maps if s.launch else ()
        for m in maps:
            if m.pointer.name not in self.pointers or m.strides[-1] != 1:
                self.fail(f"tensor map {m.name} is of no argument, or its rows have gaps")
        names = {*self.pointers, *(m.name for m in maps)}
        for value in s.arguments:
            if isinstance(value, Pointer):
                if value.name and value.name not in names:
                    self.fail(f"{s.template} is given {value.name}, which is no argument of the kernel")
                self.index(value.offset)
        self.symbols.update((s.batch, s.m))
        self.pointers["acc"] = False
        before = set(self.values), set(self.symbols)
        for row in s.row:
            self.statement(row)
        self.symbols.add(s.n)
        self.block(s.column)
        self.values, self.symbols = before

    def user(self, s: UserCall) -> None:
        for n in s.grid:
            self.index(n)
        for a in s.arguments:
            if isinstance(a.value, Pointer):
                if a.value.name not in self.pointers:
                    self.fail(f"{s.function} is given {a.value.name}, which is no argument of the kernel")
                self.index(a.value.offset)
            elif isinstance(a.value, Expr):
                self.index(a.value)

    def compute(self, s: Compute) -> None:
        for a in s.args:
            self.use(a)
        arity = _OTHER_OPS.get(s.opcode) or (
            (SCALAR_OPS[s.opcode].arity,) if s.opcode in SCALAR_OPS else None
        )
        if arity is None or len(s.args) not in arity:
            self.fail(f"{s.name}: {s.opcode} of {len(s.args)} values")
        if s.opcode == "load" and s.attrs[0] not in self.pointers:
            self.fail(
                f"{s.name} loads from {s.attrs[0]}, which is neither an argument nor a local array in scope"
            )
        if s.opcode == "indirect":
            assert isinstance(s.attrs[0], Expr) and isinstance(s.attrs[1], Expr)
            self.index(s.attrs[1])
            self.symbols.add(s.attrs[0])
            if not self.spec.can_fail:
                self.fail(f"{s.name} checks an index, but the kernel says that it cannot fail")
        else:
            for attr in s.attrs:
                if isinstance(attr, Expr):
                    self.index(attr)
        self.new(s.name)
        self.values.add(s.name)

    def store(self, s: Store | AtomicAdd) -> None:
        self.use(s.value)
        self.index(s.index)
        if s.target not in self.pointers:
            self.fail(f"a store goes to {s.target}, which is neither an argument nor a local array in scope")
        if not self.pointers[s.target]:
            self.fail(f"a store goes to {s.target}, which is only read")

    def new(self, name: str) -> None:
        if name in self.ever:
            self.fail(f"{name} is defined twice")
        self.ever.add(name)

    def use(self, name: str) -> None:
        if name not in self.values:
            self.fail(f"{name} is used where it is not defined")

    def index(self, e: Expr) -> None:
        missing = [str(s) for s in e.symbols() if s not in self.symbols]
        if missing:
            self.fail(f"{', '.join(missing)} in {e} is no loop or integer variable in scope")
