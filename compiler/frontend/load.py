"""A `.pt2` file in, a `ModelGraph` out.

Enters: the path of an archive that `torch.export.save` (or `python -m compiler.driver.export`) wrote. Leaves:
a functional FX graph of ATen calls that the compiler knows, with constants, signature and the origin of every
node.

Invariants
- What cannot be compiled whatever the operators are (dtypes, devices, sizes that depend on data, mutation,
  higher-order operators) is refused here, all of it at once, with the model's source lines.
- torch's symbolic expressions end here: types and arguments hold our own (`frontend.sizes`).
- The graph is decomposed only where it holds an operator that is not in `compiler.ir.aten_ops`: re-tracing is
  the slowest step of all.

Before/after:
    my_model.pt2  ->  inputs x, y; outputs output; sin, mm, cos with origins "models/my_model.py:22 in forward"
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch.export import ExportedProgram

from compiler.frontend import (
    blocks,
    call_info,
    checks,
    container_types,
    custom_ops,
    decompositions,
    devices,
    free_strides,
    provenance,
    pt2_file,
    pt2_reader,
    signature,
    symbolic_program,
    triton_kernels,
)
from compiler.ir.graph import ModelGraph
from compiler.ir.graph_verify import verify
from compiler.support.diagnostics import refuse
from compiler.support.options import Context


def load(path: str | Path, ctx: Context) -> ModelGraph:
    """The model in the file. Raises UserError for a file that is missing, damaged or of another version, and for a model that is not
    supported."""
    archive, interface = devices.forget(pt2_file.open_archive(Path(path)), ctx.options.name)
    container_types.declare(archive.model)
    custom_ops.declare(archive.json(f"extra/{custom_ops.FILE}"), path)
    graph = pt2_reader.read(archive, ctx.options.name)
    if graph is None:
        graph = from_program(pt2_file.load_with_torch(archive), ctx)
    if ctx.options.device != "cpu":
        interface.mark(graph)
    return _checked(graph)


def from_program(program: ExportedProgram, ctx: Context) -> ModelGraph:
    """The same from a program in memory."""
    triton_kernels.inline(program, ctx.options.name)
    container_types.name_return_types()
    promised = signature.promised_strides(program)
    # Only the CPU has loops.
    program = decompositions.decompose(program, ctx.options.name, loops=ctx.options.device == "cpu")
    provenance.attach(program.graph_module)
    problems = checks.run(program)
    sizes, unknown = symbolic_program.run(program)
    if problems or unknown:
        raise refuse(f"{ctx.options.name} cannot be compiled", [*problems, *unknown])
    inputs, constants, data = signature.inputs(program), signature.constants(program), signature.data(program)
    _drop_fixed_inputs(
        program.graph_module, {i.placeholder for i in inputs} | {c.placeholder for c in constants}
    )
    graph = ModelGraph(
        name=ctx.options.name,
        module=program.graph_module,
        inputs=inputs,
        constants=constants,
        outputs=signature.outputs(program, symbolic_program.converted(promised, sizes)),
        data=data,
        in_spec=signature.spec_text(program.call_spec.in_spec),
        out_spec=signature.spec_text(program.call_spec.out_spec),
        call_info=call_info.of_program(program),
        guards=sizes.guards,
        meta={"torch": torch.__version__},
        blocks=blocks.make(program.graph_module, ctx.options.name, constants, data),
    )
    return _checked(graph)


def _checked(graph: ModelGraph) -> ModelGraph:
    if found := list(free_strides.problems(graph)):
        raise refuse(f"{graph.name} cannot be compiled", found)
    verify(graph)
    return graph


def _drop_fixed_inputs(module: torch.fx.GraphModule, named: set[str]) -> None:
    """Removes the placeholders of Python values: export wrote the values into the graph."""
    for node in list(module.graph.nodes):
        if node.op == "placeholder" and node.name not in named and not node.users:
            module.graph.erase_node(node)
