"""The command line of the compiler: `python -m compiler.driver MODEL.pt2 -o OUT_DIR`.

Enters: arguments. Leaves: exit code 0 and the outputs, or a message on stderr that begins with `error: ` and exit code
    1  the model, a file or an option is at fault
    2  the command line is wrong
    3  the compiler broke its own rules (with a traceback)
    141  what reads the output has closed it (`| head -1`): nothing is said, as of a tool that SIGPIPE ends
Progress goes to stderr, one line a stage with its time; stdout has only what --compile-to and --explain print.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from compiler.driver import cli_flags
from compiler.support.diagnostics import InternalError, UserError
from compiler.support.options import CompileOptions
from compiler.support.version import COMPILER_VERSION

if TYPE_CHECKING:
    from compiler.driver.aot import Request
    from compiler.driver.outputs import OutputPaths
    from compiler.driver.pipeline import Compilation


READER_GONE = (
    128 + signal.SIGPIPE
)  # what a shell says of a tool that SIGPIPE ended; Python ignores the signal


def main(argv: Sequence[str]) -> int:
    """Runs the command line and returns the exit code; all that was printed is flushed."""
    try:
        code = _run(argv)
        sys.stdout.flush()
        sys.stderr.flush()
        return code
    except BrokenPipeError:
        _drop_unwritten()
        return READER_GONE


def _drop_unwritten() -> None:
    """Sends what a stream still holds for a closed pipe nowhere, so that no later flush fails again."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _run(argv: Sequence[str]) -> int:
    fv = cli_flags.define_flags()
    try:
        args = cli_flags.parse(fv, argv)
        if fv.help:
            print(cli_flags.help_text(fv))
            return 0
        if fv.version:
            print(COMPILER_VERSION)
            return 0
        return _compile(fv, args)
    except flags.Error as e:
        print(f"error: {e}; see --help", file=sys.stderr)
        return 2
    except UserError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    except InternalError as e:
        traceback.print_exc()
        print(f"error: {e}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("error: interrupted; nothing was written", file=sys.stderr)
        return 130


def _compile(fv: flags.FlagValues, args: Sequence[str]) -> int:
    from compiler.driver import aot

    if len(args) > 1:
        raise UserError(f"expected one model, got {len(args)}: {' '.join(args)}")
    if fv.recorded and not fv.check_numerics:
        raise UserError(f"--recorded={fv.recorded} is for --check-numerics; add that, or leave it out")
    if fv.check_numerics:
        return _check_numerics(fv, Path(args[0]) if args else None)
    began = time.perf_counter()
    request = make_request(fv, Path(args[0]) if args else None)
    report = (lambda name, seconds, summary: None) if fv.quiet else _report
    result = aot.compile_model(request, report)
    if fv.reproducer:
        from compiler.driver import reproducer

        for folder in reproducer.write(result.specs, Path(fv.reproducer)):
            print(f"  {folder / 'run.sh'}", file=sys.stderr)
    if fv.explain == "fusion" and result.schedule is not None:
        print("\n".join(result.schedule.explanation()))
    if fv.compile_to in cli_flags.CODE:
        print(_wrapper_text(fv.compile_to, result), end="")
    elif fv.compile_to:
        from compiler.driver.pipeline import stage

        print(stage(fv.compile_to).text(result), end="")
    elif request.paths is not None and not fv.quiet:
        made = request.paths.library or request.paths.wrapper_dir
        print(f"{made} in {time.perf_counter() - began:.2f} s", file=sys.stderr)
    return 0


def _check_numerics(fv: flags.FlagValues, model: Path | None) -> int:
    """Prints what `check_numerics.check` finds; 1 where a kernel is too far from eager."""
    if model is None:
        raise UserError("--check-numerics needs a model: name a .pt2 file")
    cli_flags.refuse_beside_check_numerics(fv)
    import torch

    from compiler.driver import check_numerics
    from compiler.driver.jit_build import JitOptions
    from compiler.frontend import pt2_file

    program = pt2_file.load_with_torch(pt2_file.open_archive(model))
    inputs = (
        check_numerics.recorded_inputs(Path(fv.recorded))
        if fv.recorded
        else check_numerics.random_inputs(program)
    )
    cache, dump = (Path(f) if f else None for f in (fv.cache, _dump(fv)))
    options = JitOptions(1, fv.cxx, dump, cache, fv.fuse_limit, fv.winograd)
    with tempfile.TemporaryDirectory(prefix="aoti-check-") as folder, torch.no_grad():
        findings = check_numerics.check(program, inputs, Path(folder), options)
    print("\n".join([check_numerics.HEADER, *map(str, findings)]))
    wrong = [f for f in findings if not f.ok]
    if wrong:
        print(f"error: {len(wrong)} of {len(findings)} results are too far from eager; the first is {wrong[0].origin} in {wrong[0].kernel}",
              file=sys.stderr)  # fmt: skip
    return 1 if wrong else 0


def _dump(fv: flags.FlagValues) -> str:
    return fv.dump or os.environ.get("AOTI_DUMP", "")


def _wrapper_text(language: str, result: Compilation) -> str:
    if language == "cpp":
        files = {**result.wrapper_files, **result.kernel_files}
        code = {n: t for n, t in files.items() if n.endswith((".cpp", ".py"))}
        return "".join(f"{'#' if n.endswith('.py') else '//'} ---- {n}\n{text}" for n, text in code.items())
    from compiler.driver import side_by_side
    from compiler.wrapper import python_writer

    if result.plan is None:
        raise UserError("only a plan has a form in Python")
    return side_by_side.text(result.plan) if language == "wrappers" else python_writer.write(result.plan)


def _report(name: str, seconds: float, summary: str) -> None:
    print(f"  {name:<10} {seconds:6.2f} s  {summary}", file=sys.stderr, flush=True)


def make_request(fv: flags.FlagValues, model: Path | None) -> Request:
    """The request of a parsed command line. Raises UserError for values that do not go together."""
    from compiler.driver import aot

    options = CompileOptions(
        name=_name(fv, model),
        device=fv.device,
        cuda_archs=_cuda_archs(fv),
        shim=fv.shim,
        isa=_isa(fv.isa),
        weights=fv.weights,
        fuse_limit=fv.fuse_limit,
        explain_fusion=fv.explain == "fusion",
        winograd=fv.winograd,
    )
    stop = "wrapper" if fv.compile_to in cli_flags.CODE else fv.compile_to
    dump = _dump(fv)
    return aot.Request(
        options=options,
        model=model,
        paths=None if stop else _paths(fv, options.name),
        start_text=Path(fv.compile_from) if fv.compile_from else None,
        stop_after=stop,
        prints_code=stop != fv.compile_to,
        dump=Path(dump) if dump else None,
        cxx=fv.cxx,
        jobs=fv.jobs,
        cache=Path(fv.cache) if fv.cache else None,
        op_sources=tuple(Path(s) for s in fv.op_sources or ()),
    )


def _name(fv: flags.FlagValues, model: Path | None) -> str:
    if fv.name:
        if not re.fullmatch(r"[A-Za-z]\w*", fv.name, flags=re.ASCII):
            raise UserError(
                f"--name={fv.name} cannot be a C++ namespace: expected letters, digits and _, with a letter first"
            )
        return str(fv.name)
    source = model or Path(fv.compile_from or "model")
    stem = re.sub(r"\W", "_", source.name.split(".")[0], flags=re.ASCII)
    return f"{stem if stem[:1].isalpha() else 'model_' + stem}_aoti"


def _isa(wanted: Sequence[str] | None) -> tuple[str, ...]:
    from compiler.package.flags import known_isas

    if wanted is None:
        return tuple(cli_flags.DEFAULT_ISA.get(os.uname().machine, "x86-64-v3,x86-64-v4").split(","))
    unknown = [i for i in wanted if i not in known_isas()]
    if unknown or not wanted:
        raise UserError(
            f"--isa={','.join(wanted)}: unknown instruction set {', '.join(unknown) or '(none)'}; known: {', '.join(known_isas())}"
        )
    machines = {"aarch64" if i.startswith("aarch64") else "x86-64" for i in wanted}
    if len(machines) > 1:
        raise UserError(
            f"--isa={','.join(wanted)}: one library is for one kind of processor, not for {' and '.join(sorted(machines))}"
        )
    return tuple(dict.fromkeys(wanted))


def _cuda_archs(fv: flags.FlagValues) -> tuple[str, ...]:
    if fv.device != "cuda":
        if fv.cuda_archs is not None:
            raise UserError(
                f"--cuda-archs={','.join(fv.cuda_archs)} is for --device=cuda; add that, or leave it out"
            )
        return ()
    from compiler.package.gpu_images import check_architectures

    return check_architectures(cli_flags.DEFAULT_CUDA_ARCHS if fv.cuda_archs is None else fv.cuda_archs)


def _paths(fv: flags.FlagValues, name: str) -> OutputPaths:
    from compiler.driver.outputs import OutputPaths

    named = {"wrapper_dir": "wrapper", "kernels_dir": "kernels", "header_out": f"{name}.h", "weights_out": f"{name}.weights.bin",
             "manifest_out": f"{name}.manifest.json", "library_out": f"lib{name}.so", "images_out": f"{name}.images.bin"}  # fmt: skip
    unwanted = {"library_out"} if fv.emit != "library" else set()
    unwanted |= {"images_out"} if fv.device != "cuda" else set()
    wanted = [k for k in named if k not in unwanted]
    missing = [k for k in wanted if not fv[k].value]
    if missing and not fv.out:
        raise UserError("no place for the outputs: give -o OUT_DIR")
    place = {k: Path(str(fv[k].value)) if fv[k].value else Path(fv.out) / named[k] for k in wanted}
    return OutputPaths(place["wrapper_dir"], place["kernels_dir"], place["header_out"], place["weights_out"], place["manifest_out"],
                       place.get("library_out"), place.get("images_out"))  # fmt: skip
