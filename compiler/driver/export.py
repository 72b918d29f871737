"""Command line: a Python file with a function that builds a model -> a `.pt2` file of `torch.export`, and recorded outputs.

Enters: MODELFILE.py, whose function (`--function`) returns the module with example inputs, in one of the forms
    return module, (x, y)
    return {"module": module, "args": (x, y), "kwargs": {...}, "dynamic_shapes": ...}      (the last two may be missing)
    return thing                                    (any object with attributes of these names)
and takes the files of `--data NAME=PATH` as keyword arguments (paths, `str`).
Leaves: the exported program (`-o`) and, with `--recorded`, the example inputs with eager's outputs in their own dtype and
in float64, for tests of the compiled model (the keys are in export_recorded.py).

Invariants: the module is exported in evaluation mode; random generators are seeded before the function runs and one thread
computes, so equal files, seed and torch give equal bytes, in whichever folder; no absolute path is in the output; a weight that
several names share is stored once; outputs appear whole or not at all (temporary name, then rename).

    python -m compiler.driver.export models/my_model.py --function=build -o my_model.pt2 --recorded=my_model.npz
    models/my_model.py:build -> my_model.pt2: 2 inputs, 1 output, 0 constants (0 bytes)
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from absl import app, flags

from compiler.support import disk
from compiler.support.diagnostics import CompilerError, UserError

FLAGS = flags.FLAGS


@dataclass(frozen=True)
class Request:
    """What one run is asked to do. `recorded` is None where no recorded outputs are wanted."""

    model_file: Path
    function: str
    output: Path
    recorded: Path | None
    seed: int
    data: dict[str, str]
    keep_triton_ops: bool = False


def define_flags() -> None:
    """The command line's flags; called once by whoever runs `main`."""
    flags.DEFINE_string(
        "function", "build", "Function of MODELFILE.py that returns the module and its example inputs."
    )
    flags.DEFINE_string("output", None, "The .pt2 file to write.", short_name="o", required=True)
    flags.DEFINE_string(
        "recorded",
        None,
        "An .npz file to write with the example inputs, eager's outputs and float64 eager's outputs.",
    )
    flags.DEFINE_integer(
        "seed", 0, "Seed of the generators of torch, numpy and random before the function is called."
    )
    flags.DEFINE_multi_string(
        "data",
        [],
        "NAME=PATH: a file the function needs, passed as keyword argument NAME. May be given several times.",
    )
    flags.DEFINE_bool(
        "keep_triton_ops",
        False,
        "Leave operators of torch.library.triton_op as they are, for a library on the CPU with C or C++ kernels of theirs, instead of "
        "writing out the Triton kernels that they are made of.",
    )


def parse_data(entries: Sequence[str]) -> dict[str, str]:
    """`["weights=dir/w.bin"]` -> `{"weights": "dir/w.bin"}`; refuses malformed names, repeated names and missing files."""
    data: dict[str, str] = {}
    for entry in entries:
        name, equals, path = entry.partition("=")
        if not equals or not name.isidentifier() or not path:
            raise UserError(
                f"--data={entry}: expected NAME=PATH, NAME a Python identifier, such as --data=weights=model.bin"
            )
        if name in data:
            raise UserError(f"--data={entry}: {name} was given before, as {data[name]}; give each name once")
        if not os.path.exists(path):
            raise UserError(f"--data={entry}: there is no file {path} (looked in {os.getcwd()})")
        data[name] = path
    return data


def check_paths(request: Request) -> None:
    """Refuses a missing model file or an output folder that does not exist before anything slow starts."""
    if not request.model_file.is_file():
        what = "is a folder, expected a Python file" if request.model_file.is_dir() else "does not exist"
        raise UserError(f"{request.model_file}: {what} (looked in {os.getcwd()})")
    outputs = [request.output] + ([request.recorded] if request.recorded else [])
    for path in outputs:
        if not path.parent.is_dir():
            raise UserError(f"{path}: the folder {path.parent} does not exist; create it first")
        if path.is_dir():
            raise UserError(f"{path}: is a folder, expected the name of a file to write")
    if len(outputs) == 2 and outputs[0].absolute() == outputs[1].absolute():
        raise UserError(f"--output and --recorded both name {request.output}; give them different names")


def export_file(request: Request) -> str:
    """Does the request and returns one line that says what was written. Raises UserError with the reason otherwise."""
    check_paths(request)
    # These import torch, which takes seconds: the checks above and --help should not wait for it.
    from compiler.driver import export_example, export_program, export_recorded
    from compiler.frontend import triton_kernels

    example = export_example.load(request.model_file, request.function, request.seed, request.data)
    program = export_program.export(example)
    if request.recorded and triton_kernels.are_in(program, request.keep_triton_ops):
        raise UserError(
            f"{example.origin}: --recorded: the model has Triton kernels of its own, which run on a GPU only, so there are no outputs of "
            "eager PyTorch to record here; leave --recorded out (aoti_export: recorded = False)"
        )
    with tempfile.TemporaryDirectory(prefix=".export-", dir=request.output.parent) as scratch:
        program_file = Path(scratch) / "model.pt2"
        export_program.save(program, program_file, request.keep_triton_ops)
        if request.recorded:
            recorded_file = Path(scratch) / "recorded.npz"
            export_recorded.write(recorded_file, export_recorded.record(example, program))
            disk.move(recorded_file, request.recorded)
        disk.move(program_file, request.output)
    return f"{example.origin} -> {request.output}: {export_program.summary(program)}"


def main(argv: Sequence[str]) -> int:
    """Entry point of absl's `app.run`: 0, or 1 after a message on stderr."""
    if len(argv) != 2:
        print(f"error: expected one MODELFILE.py, got {list(argv[1:])}; see --help", file=sys.stderr)
        return 1
    try:
        recorded = Path(FLAGS.recorded) if FLAGS.recorded else None
        data = parse_data(FLAGS.data)
        request = Request(
            Path(argv[1]),
            FLAGS.function,
            Path(FLAGS.output),
            recorded,
            FLAGS.seed,
            data,
            FLAGS.keep_triton_ops,
        )
        print(export_file(request))
    except CompilerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {disk.cannot_write(error, Path(FLAGS.output).absolute().parent)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    define_flags()
    app.run(main)
