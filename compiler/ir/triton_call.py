"""A call of a model's own Triton kernel as it stands in a program: the `CustomKernel` node, its results, and what they are of.

Enters: the nodes of a group, the call first. Leaves: a `TritonCall`. The scheduler asks which result may take whose memory, codegen what
the kernel is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compiler.ir.expr import Expr, as_expr
from compiler.ir.loop import CustomKernel, Node, TensorRef
from compiler.ir.triton_kernel import FULL_SCHEMA, TritonKernel, from_json


@dataclass(frozen=True)
class TritonCall:
    """`tensors[k]`: None where nothing is handed over for it, because its contents are undefined before the call. `results`: the buffers
    of the tensors that are written, in the order of `kernel.written`. `grids`: of each configuration."""

    kernel: TritonKernel
    tensors: tuple[TensorRef | None, ...]
    sizes: tuple[Expr, ...]
    grids: tuple[tuple[Expr, Expr, Expr], ...]
    results: tuple[str, ...]

    def base(self, result: str) -> TensorRef | None:
        """What the buffer holds before the kernel runs; None where that does not matter."""
        return self.tensors[self.kernel.written[self.results.index(result)]]

    def result(self, position: int) -> str | None:
        """The buffer that a written tensor becomes."""
        written = self.kernel.written
        return self.results[written.index(position)] if position in written else None


def is_triton(node: Node) -> bool:
    return isinstance(node, CustomKernel) and node.schema == FULL_SCHEMA


def call_of(nodes: Sequence[Node]) -> TritonCall:
    """The call and its results."""
    call, *results = nodes
    assert isinstance(call, CustomKernel)
    text, tensors, sizes, grids = call.args
    assert (
        isinstance(text, str)
        and isinstance(tensors, tuple)
        and isinstance(sizes, tuple)
        and isinstance(grids, tuple)
    )
    numbers = iter(as_expr(n) for n in grids)
    return TritonCall(
        from_json(text),
        tensors,
        tuple(as_expr(n) for n in sizes),
        tuple(zip(numbers, numbers, numbers, strict=True)),
        tuple(n.name for n in results),
    )
