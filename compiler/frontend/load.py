"""A `.pt2` file in, a `ModelGraph` out.

Enters: the path of an archive that `torch.export.save` (or `python -m compiler.driver.export`) wrote. Leaves: a functional FX graph of ATen calls
that the compiler knows, with constants, signature and the origin of every node.

Invariants
- What cannot be compiled whatever the operators are (dtypes, devices, dynamic sizes, mutation, higher-order operators) is refused here, all of
  it at once, with the model's source lines.
- The graph is decomposed only where it holds an operator that is not in `compiler.ir.aten_ops`: re-tracing is the slowest step of all.

Before/after:
    my_model.pt2  ->  inputs x, y; outputs output; sin, mm, cos with origins "models/my_model.py:22 in forward"
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch.export import ExportedProgram

from compiler.frontend import checks, decompositions, provenance, pt2_file, signature
from compiler.ir.graph import ModelGraph
from compiler.support.diagnostics import refuse
from compiler.support.options import Context


def load(path: str | Path, ctx: Context) -> ModelGraph:
    """The model in the file. Raises UserError for a file that is missing, damaged or of another version, and for a model that is not
    supported."""
    return from_program(pt2_file.read(Path(path)), ctx)


def from_program(program: ExportedProgram, ctx: Context) -> ModelGraph:
    """The same from a program in memory."""
    promised = signature.promised_strides(program)
    program = decompositions.decompose(program)
    provenance.attach(program.graph_module)
    problems = checks.run(program)
    if problems:
        raise refuse(f"{ctx.options.name} cannot be compiled", problems)
    return ModelGraph(
        name=ctx.options.name,
        module=program.graph_module,
        inputs=signature.inputs(program),
        constants=signature.constants(program),
        outputs=signature.outputs(program, promised),
        data=signature.data(program),
        in_spec=signature.spec_text(program.call_spec.in_spec),
        out_spec=signature.spec_text(program.call_spec.out_spec),
        meta={"torch": torch.__version__},
    )
