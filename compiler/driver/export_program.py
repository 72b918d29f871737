"""torch.export with errors a person can act on, and a file that does not depend on where it was made.

Enters: an `Example`. Leaves: an `ExportedProgram` and the `.pt2` file of it.

    node.meta["stack_trace"]   File "/home/me/models/x.py", line 12, in forward   ->   File "models/x.py", line 12, in forward

Invariants: the program is in torch.export's inference-independent form (no decompositions: the compiler chooses its own); the
only text of the build machine that torch would put into the archive, stack traces, is made portable first.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from pathlib import Path
from typing import Any, BinaryIO

import torch

from compiler.driver.export_example import Example, describe
from compiler.driver.export_paths import portable_trace
from compiler.frontend import container_types, custom_ops, decompositions, triton_kernels
from compiler.support.diagnostics import UserError


def export(example: Example) -> torch.export.ExportedProgram:
    """The example's program with portable stack traces. Raises UserError with the reason and the source line."""
    # On failure torch logs and prints the graph so far, thousands of lines for a real model; the error below says enough.
    logging.getLogger("torch").setLevel(logging.CRITICAL)
    # The fast path of torch's transformer modules is one opaque op in inference; the modules' own code can be compiled.
    torch.backends.mha.set_fastpath_enabled(False)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            program = torch.export.export(
                example.module,
                example.args,
                example.kwargs,
                dynamic_shapes=example.dynamic_shapes,
                strict=False,
            )
    except Exception as error:
        raise UserError(f"{example.origin}: the model does not export. {describe(error)}") from error
    sys.stderr.write(printed.getvalue())
    _forget_known_numbers(program.graph_module)
    _make_portable(program.graph_module)
    return program


def save(program: torch.export.ExportedProgram, file: Path, keep_triton_ops: bool = False) -> None:
    """Writes the archive. Its bytes depend on the program only. Raises OSError where the disk takes no more, UserError
    where torch's writer cannot express the program.

    A program with custom operators is written in operators that the compiler knows, with its schemas beside it: to decompose it later would
    take the operators' own Python code. For the same reason its Triton kernels are written out, with their source, unless the
    operators made of them are to be kept."""
    container_types.name_return_types()
    triton_kernels.inline(program, file.stem, keep_triton_ops)
    extra = custom_ops.extra_files(program)
    with file.open("wb") as sink:
        careful: Any = _CarefulFile(sink)
        saved = decompositions.decompose(program, file.stem, loops=False) if extra else program
        try:
            torch.export.save(saved, careful, extra_files=extra or None)
        except Exception as error:  # whatever PyTorch's writer does not know
            if careful.error is None:
                raise UserError(
                    f"{file.name}: torch.export.save cannot write this program ({type(error).__name__}: {error}); known reasons "
                    "are outputs of the model: a class without a serialised name (give register_pytree_node, register_dataclass or "
                    "_register_namedtuple a serialized_type_name), and a condition read from data (.item() of a bool; give the "
                    "tensor instead)"
                ) from error
        if careful.error:
            raise careful.error


class _CarefulFile(io.RawIOBase):
    """A file that keeps its first error for later: torch's archive writer ends the process when a write fails while it is being closed."""

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self.error: OSError | None = None

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """To the start at the end, as torch does; nothing is written after it."""
        return self._sink.seek(offset, whence) if self.error is None else 0

    def write(self, data: Any, /) -> int:
        """Takes everything; after an error, writes nothing."""
        if self.error is None:
            try:
                self._sink.write(data)
                self._sink.flush()
            except OSError as error:
                self.error = error
        return memoryview(data).nbytes


def summary(program: torch.export.ExportedProgram) -> str:
    """`2 inputs, 1 output, 3 constants (4096 bytes)`."""
    signature = program.graph_signature
    constants = [
        *program.state_dict.values(),
        *(c for c in program.constants.values() if isinstance(c, torch.Tensor)),
    ]
    storages = {c.untyped_storage().data_ptr(): c.untyped_storage().nbytes() for c in constants}
    inputs, outputs = len(signature.user_inputs), len(signature.user_outputs)
    return (
        f"{inputs} input{'s' if inputs != 1 else ''}, {outputs} output{'s' if outputs != 1 else ''}, "
        f"{len(constants)} constant{'s' if len(constants) != 1 else ''} ({sum(storages.values())} bytes)"
    )


def _forget_known_numbers(module: torch.nn.Module) -> None:
    """Removes each `.item()` of a number that tracing knew (a quotient of sizes as a tensor, given to `view`): what follows has the number
    itself, the node has neither users nor a value, and torch writes it so that it cannot be read again."""
    for graph_module in module.modules():
        if isinstance(graph_module, torch.fx.GraphModule):
            for node in reversed(graph_module.graph.nodes):
                known = node.target is torch.ops.aten.item.default and node.meta.get("val") is None
                if known and not node.users:
                    graph_module.graph.erase_node(node)
            graph_module.recompile()


def _make_portable(module: torch.nn.Module) -> None:
    for graph_module in module.modules():
        if isinstance(graph_module, torch.fx.GraphModule):
            for node in graph_module.graph.nodes:
                if isinstance(node.meta.get("stack_trace"), str):
                    node.meta["stack_trace"] = portable_trace(node.meta["stack_trace"])
