"""The program's constants: weights as they are, and weights packed for a template.

Invariants
- Weights that share memory (tied embeddings) are one constant.
- A constant that no node reads does not stay in the program: a weight that only a packed template reads has
  no plain copy.
- Data is dense: a strided or expanded tensor is made contiguous when it enters.
- What a run changes (state) stays in the program whoever reads it, and its data is never looked at.

Before/after (linear's weight, [384, 384] of the model, read by a GEMM only):
    constant p_fc_weight_packed float32 [147456] stride [1] source "fc.weight" packing "panel16" transpose
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from compiler.ir import dtypes
from compiler.ir.dtypes import DType
from compiler.ir.graph import ModelGraph
from compiler.ir.loop import Constant, Layout, Program, TensorRef
from compiler.ir.recipe import Fixed, Recipe, apply, in_memory_order, sources, view
from compiler.lowering import packing_recipes
from compiler.lowering.stride_order import Order, inverse, permuted_layout
from compiler.lowering.torch_types import to_dtype, to_sizes

PANEL = 16  # columns of a packed panel: docs/adr/0003-panel16.md


class ConstantTable:
    """Makes each constant once. `program.constants` and `program.data` are filled by `finish`."""

    def __init__(self, program: Program, graph: ModelGraph) -> None:
        self._program = program
        self._model = graph
        self._graph = {c.placeholder: c for c in graph.constants}
        self._data: dict[str, torch.Tensor] = {}
        self._fqn: dict[str, str] = {}  # source -> the name in the model
        self._kind: dict[str, str] = {}  # source -> GraphConstant.kind
        self._made: dict[tuple[object, ...], Constant] = {}
        self._by_name: dict[str, Constant] = {}
        self._names = {i.name for i in program.inputs}
        self._sources: dict[tuple[object, ...], str] = {}
        self._state: set[str] = set()  # sources of what a run changes
        self._is_block = False
        self._recipes: dict[str, Recipe | Fixed] = {}  # by source: of its elements in the order of its memory
        self._reordered: dict[tuple[object, ...], Constant] = {}

    def nested(self, program: Program, graph: ModelGraph | None) -> ConstantTable:
        """The table of a block: its own placeholders (none without a graph), and constants in common with this one."""
        table = ConstantTable(program, graph or self._model)
        table._is_block = True
        table._data, table._fqn, table._kind, table._state = self._data, self._fqn, self._kind, self._state
        table._made, table._by_name, table._names = self._made, self._by_name, self._names
        table._sources, table._recipes, table._reordered = self._sources, self._recipes, self._reordered
        return table

    def plain(self, placeholder: str) -> TensorRef:
        """The weight in memory as it is."""
        entry = self._graph[placeholder]
        tensor = self._model.data[entry.fqn]
        source = self._source(entry.fqn, tensor)
        stride = self._data[source].stride()
        in_order = apply(lambda r: in_memory_order(r, stride), self._model.recipe(entry.fqn))
        self._recipes.setdefault(source, in_order)
        if entry.kind != "folded":
            self._fqn.setdefault(source, entry.fqn)
        self._kind.setdefault(source, entry.kind)
        if entry.mutated:
            self._state.add(source)
        dense = self._data[source]
        layout = Layout(to_dtype(dense.dtype), to_sizes(dense.shape), to_sizes(dense.stride()))
        recipe = self._recipes[source]
        return TensorRef(self._constant(placeholder, source, layout, "", False, recipe).name, layout)

    def tensor(self, ref: TensorRef) -> torch.Tensor | None:
        """The data that this operand sees, None where it is not a plain constant."""
        constant = self._by_name.get(ref.buffer)
        if constant is None or constant.packing or constant.source in self._state:
            return None
        size, stride = ([e.value() for e in dims] for dims in (ref.layout.size, ref.layout.stride))
        data = self._data[constant.source]
        return data.as_strided(size, stride, data.storage_offset() + ref.layout.offset.value())

    def packed(self, ref: TensorRef, packing: str, numel: int) -> TensorRef:
        """The constant operand `ref` in the layout of a template, `numel` elements (`packed_dtype`). A matrix that is the transpose of the
        weight's own memory is transposed by the packer; any other view becomes data of its own."""
        name = self._by_name[ref.buffer].name
        view = self.tensor(ref)
        assert view is not None
        transpose = view.dim() == 2 and not view.is_contiguous() and view.t().is_contiguous()
        data = view.t() if transpose else view
        original = self._data[self._by_name[ref.buffer].source]
        if _identity(data) == _identity(original):
            source = self._by_name[ref.buffer].source
        else:
            source = self._source(self._by_name[ref.buffer].source + ":view", data.to(torch.float32))
        layout = Layout.contiguous(packed_dtype(packing), [numel])
        recipe = self._packed_recipe(ref, packing)
        made = self._constant(f"{name}_packed", source, layout, packing, transpose, recipe)
        return TensorRef(made.name, layout)

    def _packed_recipe(self, ref: TensorRef, packing: str) -> Recipe | Fixed:
        constant = self._by_name[ref.buffer]
        size, stride = ([e.value() for e in dims] for dims in (ref.layout.size, ref.layout.stride))
        seen = apply(
            lambda r: view(r, size, stride, ref.layout.offset.value()), self._recipes[constant.source]
        )
        return packing_recipes.packed(seen, packing, constant.layout.dtype)

    def reordered(self, ref: TensorRef, order: Order) -> TensorRef | None:
        """The constant operand `ref` as it is, but with its dims in memory in `order`; None where it is not a plain constant."""
        key = (ref.buffer, ref.layout, order)
        if key not in self._reordered:
            shown = self.tensor(ref)
            if shown is None:
                return None
            constant, data = self._by_name[ref.buffer], shown.permute(*order).contiguous()
            source = self._source(f"{constant.source}:reordered", data)
            size, stride = ([dims[d].value() for d in order] for dims in (ref.layout.size, ref.layout.stride))
            offset = ref.layout.offset.value()
            moved = apply(lambda r: view(r, size, stride, offset), self._recipes[constant.source])
            self._recipes.setdefault(source, moved)
            self._kind.setdefault(source, "folded")
            dense = Layout.contiguous(ref.layout.dtype, [ref.layout.size[d] for d in order])
            self._reordered[key] = self._constant(
                f"{constant.name}_reordered", source, dense, "", False, self._recipes[source]
            )
        made = self._reordered[key]
        return TensorRef(made.name, permuted_layout(made.layout, inverse(order)))

    def finish(self, read: set[str]) -> None:
        """Gives the program the constants that are in `read`, and its state."""
        read = read | self._program.mutated()
        self._program.constants = [c for c in self._by_name.values() if c.name in read]
        self._program.data = {c.source: self._data[c.source] for c in self._program.constants}
        if self._is_block:  # the program around it says what the model held before
            return
        fixed = {s for c in self._program.constants if isinstance(c.recipe, Fixed) for s in sources(c.recipe)}
        self._program.originals = [
            replace(o, content_hash=content_hash(self._model.original_data[o.fqn])) if o.fqn in fixed else o
            for o in self._model.originals
        ]

    def _source(self, wanted: str, tensor: torch.Tensor) -> str:
        """The key of this data; equal memory has one key."""
        identity = _identity(tensor)
        if identity not in self._sources:
            source, n = wanted, 1
            while source in self._data:
                n += 1
                source = f"{wanted}.{n}"
            self._data[source] = tensor if _is_dense(tensor) else tensor.contiguous()
            self._sources[identity] = source
        return self._sources[identity]

    def _constant(
        self,
        wanted: str,
        source: str,
        layout: Layout,
        packing: str,
        transpose: bool,
        recipe: Recipe | Fixed,
    ) -> Constant:
        key = (source, packing, transpose)
        if key not in self._made:
            name, n = wanted, 1
            while name in self._names:
                n += 1
                name = f"{wanted}_{n}"
            self._names.add(name)
            fqn = self._fqn.get(source, "")
            made = Constant(name, layout, source, fqn, packing, transpose, recipe=recipe)
            made = replace(made, kind=self._kind.get(source, made.kind))
            self._made[key] = self._by_name[name] = made
        return self._made[key]


def packing_for(layout: str, dtype: DType, channels: int) -> str:
    """The packing of this layout for an input of `dtype`: its bfloat16 form, which holds pairs of neighbouring k's,
    where there are pairs."""
    return f"{layout}_bf16" if dtype == dtypes.bfloat16 and channels % 2 == 0 else layout


def packed_dtype(packing: str) -> DType:
    """What a packing stores; the input of its template has the same dtype."""
    return dtypes.bfloat16 if packing.partition(":")[0].endswith("_bf16") else dtypes.float32


def packed_gemm_numel(n: int, k: int) -> int:
    """Elements of "panel16" for B of [K, N]."""
    return -(-n // PANEL) * PANEL * k


def packed_conv_numel(out_channels: int, group_channels: int, kernel: int, groups: int) -> int:
    """Elements of "conv_panel16" for `groups` groups, `kernel` = KH * KW."""
    return groups * packed_gemm_numel(out_channels // groups, group_channels * kernel)


def content_hash(tensor: torch.Tensor) -> int:
    """`aoti_content_hash` of runtime/include/aoti/weights_desc.h: over the elements in row-major order."""
    flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
    words = np.zeros(-(-flat.size // 8), dtype=np.uint64)
    words.view(np.uint8)[: flat.size] = flat
    places = np.arange(words.size, dtype=np.uint64)
    with np.errstate(over="ignore"):
        words = (words ^ (places * np.uint64(0xBF58476D1CE4E5B9))) * np.uint64(0x94D049BB133111EB)
        words ^= words >> np.uint64(31)
        total = int(words.sum(dtype=np.uint64))
    return (total + flat.size * 0x9E3779B97F4A7C15 + 1) % (1 << 64)


def _identity(tensor: torch.Tensor) -> tuple[object, ...]:
    return (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()), tensor.dtype)


def _is_dense(tensor: torch.Tensor) -> bool:
    """Whether the strides are a permutation of contiguous ones."""
    expected = 1
    dims = [(size, stride) for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if size != 1]
    for size, stride in sorted(dims, key=lambda d: d[1]):
        if stride != expected:
            return False
        expected *= size
    return True
