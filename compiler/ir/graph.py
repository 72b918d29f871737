"""Graph IR: an exported program as the frontend hands it on, an FX graph of ATen calls with its signature beside
it.

Invariants
- Every placeholder of `module.graph` is named in exactly one of `inputs` and `constants`, which are in the placeholders' order; every
  call is an ATen overload, a getitem or a control-flow operator; each has `meta["val"]` (`ir.tensor_type`, since all is on the CPU; a
  scalar; None where nothing is returned) and `meta["origin"]` (support.origins.Origin).
- A call of cond, while_loop, scan or map_impl names its bodies by get_attr nodes; each is a graph of its own in `blocks`. A block's
  placeholder whose operand is a constant of the graph around it is that constant there too; the others are its inputs.
- `outputs[i]` describes the i-th element of the output node's (flat) tuple.
- Sizes that are known at run time only are expressions over size symbols (`ir.expr`): in a tensor's type (`ir.tensor_type`) and as
  arguments of calls. `guards` is what must hold of them beside the ranges of the symbols.
- A number that a run reads out of a tensor is a symbol u0, u1, ...: the first node in whose result it stands gives it its value
  (`gives_sizes`); an `.item()` has the number as its `meta["val"]`, and no users: these have the expression.
- The graph is functional: mutation was turned into outputs by export. `GraphOutput.mutates` names the placeholder whose memory
  holds the output's value after a run; that input or constant has `mutated` set, and its data is no constant to any pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.fx

from compiler.ir.aten_ops import BINDS_SIZES
from compiler.ir.expr import IntLike, data_symbols
from compiler.ir.guard import Guard
from compiler.ir.recipe import Fixed, Original, Recipe, Source


def gives_sizes(node: torch.fx.Node) -> bool:
    """Whether the run reads a size out of this call's result, so that the call stays, and stays itself, even where nobody uses it."""
    if str(node.target) not in BINDS_SIZES:
        return False
    leaves = torch.utils._pytree.tree_leaves(node.meta.get("val"))
    return not all(isinstance(v, torch.Tensor) and not data_symbols(v.shape) for v in leaves)


@dataclass(frozen=True)
class GraphInput:
    """A user input: `placeholder` is the FX node's name, `name` the argument's name in the model's signature.

    `device`: "cpu" where the caller gives it there though the model runs elsewhere; "" where it is given where the model runs."""

    placeholder: str
    name: str
    origin: str = ""
    mutated: bool = False  # the model writes to the caller's memory
    position: int = 0  # of a block's input: which operand of the call it is
    device: str = ""


@dataclass(frozen=True)
class GraphConstant:
    """A lifted parameter, buffer or tensor constant; `kind` is "parameter", "buffer", "tensor" or "folded".

    `mutated`: the model's state, whose data is only the first run's (docs/adr/0007-state.md)."""

    placeholder: str
    fqn: str
    kind: str
    mutated: bool = False


@dataclass(frozen=True)
class GraphOutput:
    """An output: `name` for the header and messages; `mutates` names the placeholder of the input or buffer that it replaces ("" for
    a plain result). `stride` is what export promised to the caller (None for what is not a tensor). `device`: as of an input."""

    name: str
    mutates: str = ""
    stride: tuple[IntLike, ...] | None = None
    device: str = ""


@dataclass
class ModelGraph:
    name: str
    module: torch.fx.GraphModule
    inputs: list[GraphInput]
    constants: list[GraphConstant]
    outputs: list[GraphOutput]
    data: dict[str, torch.Tensor]  # by fqn
    in_spec: str = ""
    out_spec: str = ""
    call_info: str = (
        ""  # JSON: names of the parameters, values of arguments that export fixed (`frontend.call_info`)
    )
    guards: list[Guard] = field(default_factory=list)
    canonical: bool = False  # the FX passes have been over it
    meta: dict[str, str] = field(default_factory=dict)  # torch version of the export, ...
    originals: list[Original] = field(default_factory=list)  # what the model held before any pass
    original_data: dict[str, torch.Tensor] = field(default_factory=dict)  # theirs, by fqn
    recipes: dict[str, Recipe | Fixed] = field(
        default_factory=dict
    )  # of folded constants, by their key in `data`
    blocks: dict[str, ModelGraph] = field(
        default_factory=dict
    )  # bodies, by the target of their get_attr node

    def origin_name(self, node: str) -> str:
        """How origins name a node of this graph: a body's node has the body before it, `true_graph_0.mul`."""
        inside = self.name.partition(".")[2]
        return f"{inside}.{node}" if inside else node

    def recipe(self, fqn: str) -> Recipe | Fixed:
        """How the constant `fqn` of `data` is made of the originals."""
        return self.recipes.get(fqn) or Source(fqn, tuple(self.data[fqn].shape))
