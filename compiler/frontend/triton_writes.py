"""Which of its tensors a Triton kernel writes: read from its code as Triton's front end makes it.

Enters: a jit function, the types of its arguments, its compile-time values. Leaves: the positions of the pointers that may be written
through. Needs no GPU.

A pointer is followed through everything that makes a pointer of it: arithmetic, loops, branches. What happens to it where it cannot be
followed (another function that stays one, an operation that is not known here) counts as a write: a write too many costs a copy, one too
few is a wrong result.

    tt.splat %x ; tt.addptr ; tt.load         x is read
    tt.splat %out ; tt.addptr ; tt.store      out is written
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# Takes a pointer and leaves the memory as it is.
_READS = frozenset(
    """
    tt.load tt.descriptor_load tt.descriptor_gather arith.cmpi arith.select tt.addptr tt.splat tt.broadcast tt.expand_dims tt.reshape
    tt.trans tt.bitcast tt.join tt.split tt.cat tt.unsplat tt.make_tensor_descriptor tt.make_tensor_ptr tt.advance tt.assert tt.print
    scf.for scf.while scf.if scf.yield scf.condition cf.br cf.cond_br ub.poison
    """.split()
)
_BRANCHES = ("cf.br", "cf.cond_br")
_ARCH = 80  # any will do: this is what the code means, before it is made for one


@dataclass
class _Operation:
    name: str
    operands: list[int]  # pointers among its operands and results, by Triton's number of the value
    results: list[int]
    block: int
    region: int  # that it stands in
    inner: list[int]  # its own regions


@dataclass
class _Body:
    operations: list[_Operation] = field(default_factory=list)
    arguments: dict[int, list[int]] = field(default_factory=dict)  # pointers among a block's arguments
    blocks: dict[int, list[int]] = field(default_factory=dict)  # of a region


def written(
    kernel: Any, signature: Mapping[str, str], constants: Mapping[tuple[int, ...], object], num_warps: int
) -> frozenset[int]:
    """Positions, among the parameters, of the pointers that may be written through. `signature`: Triton's type of each parameter,
    "constexpr" of those in `constants`. Raises Triton's own errors."""
    module, context = _front_end(kernel, signature, constants, num_warps)
    body = _read(module)
    function = module.get_function(module.get_entry_func_name())
    run_time = [k for k, kind in enumerate(signature.values()) if kind != "constexpr"]
    points_to = {function.args(n).id(): frozenset((k,)) for n, k in enumerate(run_time)}
    while _step(body, points_to):
        pass
    del context
    return frozenset(
        k
        for op in body.operations
        if op.name not in _READS
        for v in _written_by(op)
        for k in points_to.get(v, ())
    )


def _front_end(
    kernel: Any, signature: Mapping[str, str], constants: Mapping[tuple[int, ...], object], num_warps: int
) -> tuple[Any, Any]:
    """The kernel in Triton's first language, functions inlined; and what keeps it alive."""
    from triton._C.libtriton import ir
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
    from triton.compiler.compiler import make_backend

    target = GPUTarget("cuda", _ARCH, 32)
    backend, context = make_backend(target), ir.context()
    options = backend.parse_options({"num_warps": num_warps})
    ir.load_dialects(context)
    backend.load_dialects(context)
    source = ASTSource(kernel, dict(signature), dict(constants), {})
    implementation, modules = backend.get_codegen_implementation(options), backend.get_module_map()
    module = source.make_ir(target, options, implementation, modules, context)
    return backend.make_ttir(module, {}, options, _ARCH), context


def _read(module: Any) -> _Body:
    body = _Body()

    def visit(operation: Any) -> None:
        block = operation.get_block()
        if block is None or operation.get_name() == "tt.func":
            return
        region = block.get_parent().id()
        if block.id() not in body.arguments:
            arguments = (block.get_argument(n) for n in range(block.get_num_arguments()))
            body.arguments[block.id()] = [a.id() for a in arguments if _is_pointer(a)]
            body.blocks.setdefault(region, []).append(block.id())
        operands = (operation.get_operand(n) for n in range(operation.get_num_operands()))
        results = (operation.get_result(n) for n in range(operation.get_num_results()))
        body.operations.append(
            _Operation(
                operation.get_name(), [v.id() for v in operands if _is_pointer(v)], [v.id() for v in results if _is_pointer(v)],
                block.id(), region, [operation.get_region(n).id() for n in range(operation.get_num_regions())],
            )
        )  # fmt: skip

    module.walk(visit)
    return body


def _is_pointer(value: Any) -> bool:
    text = str(value.get_type())
    return "!tt.ptr" in text or "!tt.tensordesc" in text


def _written_by(op: _Operation) -> list[int]:
    """A store or an atomic operation writes where its first operand points; of anything else that is not known, all."""
    return op.operands[:1] if op.name.startswith(("tt.store", "tt.atomic")) else op.operands


def _step(body: _Body, points_to: dict[int, frozenset[int]]) -> bool:
    """One turn over all operations; whether anything was learnt."""
    before = sum(map(len, points_to.values()))
    for op in body.operations:
        found = _all(points_to, op.operands)
        for region in op.inner:
            blocks = body.blocks.get(region, [])
            leaving = [
                o for o in body.operations if o.region == region and o.name in ("scf.yield", "scf.condition")
            ]
            found |= _all(points_to, [v for o in leaving for v in o.operands])
            _add(points_to, (a for b in blocks for a in body.arguments[b]), found)
        if op.name in _BRANCHES:
            targets = body.blocks[op.region][1:]  # nothing branches to the first
            _add(points_to, (a for b in targets for a in body.arguments[b]), found)
        _add(points_to, op.results, found)
    return sum(map(len, points_to.values())) != before


def _all(points_to: Mapping[int, frozenset[int]], values: list[int]) -> frozenset[int]:
    return frozenset().union(*(points_to.get(v, frozenset()) for v in values))


def _add(
    points_to: dict[int, frozenset[int]], values: Iterator[int] | list[int], found: frozenset[int]
) -> None:
    for value in values:
        points_to[value] = points_to.get(value, frozenset()) | found
