"""Values of a group's members at the current iteration: from memory, from a value already computed, or computed again.

Enters: a member's body and the builder's open scopes. Leaves: the name of the member's value, as its layout's type.
Invariants: a member read inside its group never goes through memory, except a kept row, which an earlier pass wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from compiler.codegen.common.arguments import Arguments
from compiler.codegen.common.builder import Builder
from compiler.ir.dtypes import DType
from compiler.ir.expr import Expr, sym
from compiler.ir.kernel import Attr
from compiler.ir.loop import Body, BodyOp, indirect_var
from compiler.ir.schedule import Member

# Gives the value of another member of the group (name of the member -> name of the value), or None to read memory.
Provider = Callable[[str], "str | None"]


class MemberValues:
    """Emits bodies into a builder. `provide` decides where values of other members come from."""

    def __init__(
        self,
        builder: Builder,
        arguments: Arguments,
        members: Mapping[str, Member],
        dtypes: Mapping[str, DType],
    ) -> None:
        self.builder, self.arguments, self.members, self.dtypes = builder, arguments, members, dtypes
        self.provide: Provider = lambda name: None
        self.can_fail = False
        self.renamed: Mapping[Expr, Expr] = {}  # applied to every index before anything else
        self.indirect_symbols: dict[Expr, Expr] = {}  # of the last body emitted: its symbols -> the kernel's

    def value(self, name: str) -> str:
        """The member's value here, converted to its buffer's type."""
        member = self.members[name]
        return self.as_type(self.body(member.body)[0], self.dtypes[name])

    def as_type(self, value: str, dtype: DType) -> str:
        known = self.builder.dtype_of(value)
        return value if known is None or known == dtype else self.builder.compute(dtype, "cast", (value,))

    def body(self, body: Body) -> tuple[str, ...]:
        """Emits a body; the names of what it yields."""
        names: list[str] = []
        indirect: dict[Expr, Expr] = dict(self.renamed)
        for k, op in enumerate(body.ops):
            if op.opcode == "indirect":
                names.append(self._indirect(k, op, names, indirect))
            elif op.opcode == "load":
                names.append(self._load(op, names, indirect))
            else:
                attrs = tuple(a.subst(indirect) if isinstance(a, Expr) else a for a in op.attrs)
                names.append(
                    self.builder.compute(op.dtype, op.opcode, tuple(names[a] for a in op.args), attrs)
                )
        self.indirect_symbols = indirect
        return tuple(names[y] for y in body.yields)

    def _indirect(self, k: int, op: BodyOp, names: list[str], indirect: dict[Expr, Expr]) -> str:
        size, where = op.attrs
        assert isinstance(size, Expr)
        self.can_fail = True
        message = f"index out of range in {where}: expected -({size}) <= index < {size}"
        if size.is_const:
            message = f"index out of range in {where}: expected {-size.value()} to {size.value() - 1}"
        symbol = self.builder.indirect(op.dtype, names[op.args[0]], size.subst(indirect), message)
        indirect[indirect_var(k, size)] = symbol
        return str(symbol)

    def _load(self, op: BodyOp, names: list[str], indirect: Mapping[Expr, Expr]) -> str:
        buffer, index = op.attrs
        assert isinstance(index, Expr)
        if str(buffer) in self.members:
            inside = self.provide(str(buffer))
            if inside is not None:
                value = self.as_type(inside, op.dtype)
                return (
                    value
                    if not op.args
                    else self.builder.compute(
                        op.dtype, "where", (names[op.args[0]], value, names[op.args[1]])
                    )
                )
        attrs: tuple[Attr, ...] = (
            self.arguments.read(str(buffer)),
            index.subst(indirect) if indirect else index,
        )
        return self.builder.compute(op.dtype, "load", tuple(names[a] for a in op.args), attrs)


def tile_symbol(name: str, extent: Expr) -> Expr:
    """A loop variable of codegen's own over [0, extent)."""
    return sym(name, 0, None if extent.hi is None else max(extent.hi - 1, 0))
