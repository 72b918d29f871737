"""Whether what follows a large matrix product on a GPU is better a kernel of its own than the product's epilogue.

Enters: a template's group joined with one that reads its result. Leaves: the verdict. Only a long
epilogue (`schedule_passes.is_short_epilogue`) of a product that waits for arithmetic comes into question.

Why: while a multiprocessor finishes a tile, its matrix units wait. Measured on an H100 (kernels/tuning/h100.json, products with and
without a long epilogue), that takes 1.7 to 3.2 us for each 2**20 elements, where a kernel of its own takes a launch (1.5 us) and, at 3
TB/s, 0.7 us for each tensor of so many 16-bit elements that it reads or writes beside what the epilogue would: two, or one where a
reduction over the result follows, which then computes it. A product of little depth waits for memory, and has the time.

    linear [6304, 3072] x [3072, 768] + residual, then a norm        apart: the norm adds
    linear [6304, 768] x [768, 3072], GELU                           apart: GELU is a kernel of its own
    linear [1, 2048] x [2048, 2048] + residual                       an epilogue
"""

from __future__ import annotations

from compiler.ir.expr import Expr
from compiler.ir.loop import TemplateKernel
from compiler.ir.schedule_passes import is_short_epilogue
from compiler.scheduler.group import FusionGroup

# Elements of the result from which on a kernel of its own pays, and from which on it does where a reduction takes the work along.
LARGE = 1 << 22
LARGE_BEFORE_REDUCTION = 1 << 20
# Of K, from which on a product waits for arithmetic.
DEEP = 512


def better_apart(joined: FusionGroup, follower: FusionGroup, feeds_reduction: bool) -> bool:
    """`joined`: the template's group with the follower in it. `feeds_reduction`: a reduction reads what the follower computes."""
    large = LARGE_BEFORE_REDUCTION if feeds_reduction else LARGE
    if not any(_is_large(node, large) for node in joined.nodes.values()):
        return False
    return not is_short_epilogue([joined.members[name] for name in follower.members], set(joined.members))


def _is_large(node: object, elements: int) -> bool:
    """Whether it is a deep product of that many results, as far as that is known."""
    if not isinstance(node, TemplateKernel) or node.template != "triton_gemm":
        return False
    rows, columns, depth = (_known(node.param(name)) for name in "MNK")
    batches = _known(node.param("B"))
    return depth >= DEEP and batches * rows * columns >= elements


def _known(value: object) -> int:
    """0 for a size of the run."""
    if isinstance(value, Expr):
        return value.value() if value.is_const else 0
    return value if isinstance(value, int) else 0
