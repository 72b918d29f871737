"""Graph IR: an exported program as the frontend hands it on, an FX graph of ATen calls with its signature beside
it.

Invariants
- Every placeholder of `module.graph` is named in `inputs` or in `constants`; every call is an ATen overload or a
  getitem; each node has `meta["val"]` (a tensor on the meta device, since all is on the CPU; or a scalar) and
  `meta["origin"]` (support.origins.Origin).
- `outputs[i]` describes the i-th element of the output node's (flat) tuple.
- The graph is functional: mutation was turned into outputs by export. `GraphOutput.mutates` names the placeholder whose memory
  holds the output's value after a run; that input or constant has `mutated` set, and its data is no constant to any pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.fx


@dataclass(frozen=True)
class GraphInput:
    """A user input: `placeholder` is the FX node's name, `name` the argument's name in the model's signature."""

    placeholder: str
    name: str
    origin: str = ""
    mutated: bool = False  # the model writes to the caller's memory


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
    a plain result). `stride` is what export promised to the caller (None for what is not a tensor)."""

    name: str
    mutates: str = ""
    stride: tuple[int, ...] | None = None


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
    meta: dict[str, str] = field(default_factory=dict)  # torch version of the export, ...
