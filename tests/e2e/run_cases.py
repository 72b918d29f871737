"""Runs the cases of the end-to-end tables through exporter, compiler and runtime, one library a case.

Enters: the tables, a C++ compiler of the machine. Leaves: a line for each case and, for the failed ones, why; exit code 1 if
there are any. `bazel test //tests/e2e/...` judges the same cases, a table to a library; this finds the one that is at fault.

    python -m tests.e2e.run_cases --only=softmax            (or: bazel run //tests/e2e:run_cases -- --only=softmax)
    ok    sequences.softmax_last
    FAIL  sequences.softmax_first
          output 0 is 3.1e-04 from float64 eager, allowed are 1.2e-07

`--stage=lowering` stops the compiler there: a look at what it understands, in milliseconds a case.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import tempfile
import textwrap
import traceback
from collections.abc import Sequence
from pathlib import Path

import numpy
from absl import app, flags

from compiler.support.diagnostics import CompilerError
from tests.e2e.case import Case

FLAGS = flags.FLAGS

TABLES = ("control_flow", "pointwise", "matrices", "images", "sequences", "shapes", "reductions", "integers")


class CaseFailure(Exception):
    """What is wrong with a case, for a person."""


def cases(only: str) -> list[tuple[str, Case]]:
    """(table.name, case) of all tables whose such name contains `only`."""
    found = []
    for table in TABLES:
        for case in importlib.import_module(f"tests.e2e.{table}").CASES:
            if only in f"{table}.{case.name}":
                found.append((f"{table}.{case.name}", case))
    return found


def export(case: Case, folder: Path) -> tuple[Path, dict[str, numpy.ndarray]]:
    """The case's `.pt2` file and its recorded arrays."""
    from compiler.driver import export_example, export_program, export_recorded

    example = export_example.normalise(case.build(), case.name)
    program = export_program.export(example)
    export_program.save(program, folder / "model.pt2")
    return folder / "model.pt2", export_recorded.record(example, program)


def compile_model(model: Path, folder: Path, *options: str) -> Path:
    """The library, made by the compiler's command line."""
    from compiler.driver import cli

    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = cli.main(["aoti", str(model), f"--out={folder}", "--name=case_aoti", "--quiet", *options])
        except Exception as error:  # a bug of the compiler fails its case, the others still run
            raise CaseFailure(traceback.format_exc()) from error
    if code != 0:
        raise CaseFailure(errors.getvalue().strip())
    return folder / "libcase_aoti.so"


def judge(library: Path, recorded: dict[str, numpy.ndarray]) -> None:
    """Runs the library and holds its outputs against the recorded ones. Raises CaseFailure where they are too far off."""
    import aoti_runtime

    from tests.harness import recorded_inputs, recorded_test

    eager, oracle = (recorded_test.numbered(recorded, kind) for kind in ("eager", "oracle"))
    try:
        model = aoti_runtime.load(str(library), num_models=1, num_threads=FLAGS.threads)
        outputs = [numpy.from_dlpack(output) for output in model.run(*recorded_inputs.inputs(recorded))]
    except aoti_runtime.Error as error:
        raise CaseFailure(str(error)) from error
    if len(outputs) != len(eager):
        raise CaseFailure(f"{len(outputs)} outputs, expected {len(eager)}")
    try:
        for i, (ours, theirs, truth) in enumerate(zip(outputs, eager, oracle, strict=True)):
            recorded_test.check(i, ours, theirs, truth)
    except AssertionError as error:
        raise CaseFailure(str(error)) from error


def run(case: Case) -> None:
    """One case from table to verdict. Raises CaseFailure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, recorded = export(case, folder)
        if FLAGS.stage:
            compile_model(model, folder, f"--compile-to={FLAGS.stage}")
        else:
            options = [f"--cxx={FLAGS.cxx}"] if FLAGS.cxx else []
            judge(compile_model(model, folder, *options), recorded)


def main(argv: Sequence[str]) -> int:
    """All chosen cases; 1 if one fails."""
    chosen = cases(FLAGS.only)
    if len(argv) > 1 or not chosen:
        print(
            f"error: no case has {FLAGS.only!r} in its name"
            if not chosen
            else f"error: unexpected {argv[1:]}",
            file=sys.stderr,
        )
        return 1
    failed = 0
    for name, case in chosen:
        quiet = io.StringIO()
        try:
            with contextlib.redirect_stdout(quiet):
                run(case)
            print(f"ok    {name}", flush=True)
        except (CaseFailure, CompilerError) as error:
            failed += 1
            print(f"FAIL  {name}\n{textwrap.indent(str(error), ' ' * 6)}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} cases are right")
    return 1 if failed else 0


if __name__ == "__main__":
    flags.DEFINE_string("only", "", "Run the cases with this in their name (table.case).")
    flags.DEFINE_string("cxx", "", "The C++ compiler, as for the compiler's own --cxx.")
    flags.DEFINE_string(
        "stage", "", "Only compile, up to this stage (a value of the compiler's --compile-to)."
    )
    flags.DEFINE_integer("threads", 1, "Threads that the library may use.")
    app.run(main)
