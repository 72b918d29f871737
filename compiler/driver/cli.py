"""The command line of the compiler: `python -m compiler.driver MODEL.pt2 -o OUT_DIR`.

Enters: arguments. Leaves: exit code 0 and the outputs, or a message on stderr that begins with `error: ` and exit code
    1  the model, a file or an option is at fault
    2  the command line is wrong
    3  the compiler broke its own rules (with a traceback)
Progress goes to stderr, one line a stage with its time; stdout has only what --compile-to and --explain print.
"""

from __future__ import annotations

import os
import re
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from compiler.support.diagnostics import InternalError, UserError
from compiler.support.options import CompileOptions
from compiler.support.version import COMPILER_VERSION

STAGES = ("frontend", "fx_passes", "lowering", "scheduler", "codegen", "wrapper", "cpp")
DEFAULT_ISA = {"x86_64": "x86-64-v3,x86-64-v4", "aarch64": "aarch64-neon"}
_USAGE = """\
Compiles a PyTorch model to one shared library that runs without Python, and without libtorch.

  python -m compiler.driver MODEL.pt2 -o OUT_DIR [options]

MODEL.pt2 is made by torch.export.save, or by `python -m compiler.driver.export MODEL.py -o MODEL.pt2`.
OUT_DIR gets libNAME.so, NAME.h, NAME.manifest.json, NAME.weights.bin and the generated sources in wrapper/ and kernels/.

Options:
"""


def define_flags() -> flags.FlagValues:
    """The command line's flags, in a set of their own."""
    fv = flags.FlagValues()
    flags.DEFINE_string("out", "", "Folder for the outputs.", short_name="o", flag_values=fv)
    flags.DEFINE_string("name", "", "Name of the model in file names and C++; default: the file's name with _aoti.", flag_values=fv)
    flags.DEFINE_enum("emit", "library", ["library", "sources"], "What to make: the linked library too, or only its sources.", flag_values=fv)
    flags.DEFINE_enum("shim", "static", ["static", "shared", "torch"],
                      "Where the C shim comes from: inside the library; libaoti_shim.so beside it; libtorch, with every ATen operator.",
                      flag_values=fv)  # fmt: skip
    flags.DEFINE_list("isa", None, "Instruction sets to build kernels for; the best one that a processor has is chosen at load. Default: "
                      + "; ".join(f"{v} on {k}" for k, v in DEFAULT_ISA.items()) + ".", flag_values=fv)  # fmt: skip
    flags.DEFINE_string("cxx", "", "C++ compiler: a path, or a command with arguments. Default: $CXX, clang++, g++, c++.", flag_values=fv)
    flags.DEFINE_integer("jobs", 0, "C++ compilers that run at the same time; 0: one for each processor.", lower_bound=0, flag_values=fv)
    flags.DEFINE_string("cache", "", "Folder of compiled objects; default: $AOTI_CACHE_DIR, else aotinductor in the user's cache.", flag_values=fv)
    flags.DEFINE_string("dump", "", "Folder for each stage's and pass's text; index.txt marks the passes that changed nothing. "
                        "Default: $AOTI_DUMP.", flag_values=fv)  # fmt: skip
    flags.DEFINE_enum("compile_to", "", ["", *STAGES], "Stop after this stage and print its text; cpp: the wrapper's C++.", flag_values=fv)
    flags.DEFINE_string("compile_from", "", "Begin with the text of Loop IR in this file, as --compile_to=lowering prints it.", flag_values=fv)
    flags.DEFINE_enum("explain", "", ["", "fusion"], "Print why: each pair of kernels considered for fusion, the verdict, the reason.", flag_values=fv)
    flags.DEFINE_integer("fuse_limit", -1, "Stop fusing after so many fusions (to find a wrong one by bisection); -1: no limit.", flag_values=fv)
    flags.DEFINE_bool("quiet", False, "No progress lines.", flag_values=fv)
    flags.DEFINE_bool("version", False, "Print the compiler's version.", flag_values=fv)
    flags.DEFINE_bool("help", False, "Print this text.", short_name="h", flag_values=fv)
    for name, what in (("header_out", "header"), ("weights_out", "weights file"), ("manifest_out", "manifest"), ("library_out", "library"),
                       ("wrapper_dir", "wrapper's sources (a folder)"), ("kernels_dir", "kernels' sources (a folder)")):  # fmt: skip
        flags.DEFINE_string(name, "", f"Place of the {what}, when it is not OUT_DIR (for build systems).", flag_values=fv)
    return fv


def main(argv: Sequence[str]) -> int:
    """Runs the command line and returns the exit code."""
    fv = define_flags()
    try:
        args = fv([_with_underscores(a) for a in argv])[1:]
        if fv.help:
            print(help_text(fv))
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


def _with_underscores(arg: str) -> str:
    """`--compile-to=x` as well as `--compile_to=x`."""
    head, equals, value = arg.partition("=")
    return head.replace("-", "_").replace("__", "--", 1) + equals + value if head.startswith("--") else arg


def help_text(fv: flags.FlagValues) -> str:
    """Usage and every flag with its default."""
    rows = []
    for name in sorted(n for n in fv if len(n) > 1):
        flag = fv[name]
        short = f"-{flag.short_name}, " if flag.short_name else ""
        values = f" ({'|'.join(v for v in flag.parser.enum_values if v)})" if isinstance(flag, flags.EnumFlag) else ""
        default = f" [{flag.default}]" if flag.default not in (None, "", False) else ""
        rows.append(f"  {short}--{name.replace('_', '-')}{values}{default}\n      {flag.help}")
    return _USAGE + "\n".join(rows)


def _compile(fv: flags.FlagValues, args: Sequence[str]) -> int:
    from compiler.driver import aot

    if len(args) > 1:
        raise UserError(f"expected one model, got {len(args)}: {' '.join(args)}")
    began = time.perf_counter()
    request = make_request(fv, Path(args[0]) if args else None)
    report = (lambda name, seconds, summary: None) if fv.quiet else _report
    result = aot.compile_model(request, report)
    if fv.explain == "fusion" and result.schedule is not None:
        print("\n".join(result.schedule.explain))
    if fv.compile_to == "cpp":
        print("".join(result.wrapper_files.values()), end="")
    elif fv.compile_to:
        from compiler.driver.pipeline import stage

        print(stage(fv.compile_to).text(result), end="")
    elif request.paths is not None and not fv.quiet:
        made = request.paths.library or request.paths.wrapper_dir
        print(f"{made} in {time.perf_counter() - began:.2f} s", file=sys.stderr)
    return 0


def _report(name: str, seconds: float, summary: str) -> None:
    print(f"  {name:<10} {seconds:6.2f} s  {summary}", file=sys.stderr, flush=True)


def make_request(fv: flags.FlagValues, model: Path | None) -> aot.Request:  # noqa: F821
    """The request of a parsed command line. Raises UserError for values that do not go together."""
    from compiler.driver import aot

    options = CompileOptions(
        name=_name(fv, model), shim=fv.shim, isa=_isa(fv.isa), fuse_limit=fv.fuse_limit, explain_fusion=fv.explain == "fusion"
    )
    stop = {"": "", "cpp": "wrapper"}.get(fv.compile_to, fv.compile_to)
    dump = fv.dump or os.environ.get("AOTI_DUMP", "")
    return aot.Request(
        options=options,
        model=model,
        paths=None if stop else _paths(fv, options.name),
        start_text=Path(fv.compile_from) if fv.compile_from else None,
        stop_after=stop,
        dump=Path(dump) if dump else None,
        cxx=fv.cxx,
        jobs=fv.jobs,
        cache=Path(fv.cache) if fv.cache else None,
    )


def _name(fv: flags.FlagValues, model: Path | None) -> str:
    if fv.name:
        if not re.fullmatch(r"[A-Za-z]\w*", fv.name, flags=re.ASCII):
            raise UserError(f"--name={fv.name} cannot be a C++ namespace: expected letters, digits and _, with a letter first")
        return str(fv.name)
    source = model or Path(fv.compile_from or "model")
    stem = re.sub(r"\W", "_", source.name.split(".")[0], flags=re.ASCII)
    return f"{stem if stem[:1].isalpha() else 'model_' + stem}_aoti"


def _isa(wanted: Sequence[str] | None) -> tuple[str, ...]:
    from compiler.package.flags import known_isas

    if wanted is None:
        return tuple(DEFAULT_ISA.get(os.uname().machine, "x86-64-v3,x86-64-v4").split(","))
    unknown = [i for i in wanted if i not in known_isas()]
    if unknown or not wanted:
        raise UserError(f"--isa={','.join(wanted)}: unknown instruction set {', '.join(unknown) or '(none)'}; known: {', '.join(known_isas())}")
    machines = {"aarch64" if i.startswith("aarch64") else "x86-64" for i in wanted}
    if len(machines) > 1:
        raise UserError(f"--isa={','.join(wanted)}: one library is for one kind of processor, not for {' and '.join(sorted(machines))}")
    return tuple(dict.fromkeys(wanted))


def _paths(fv: flags.FlagValues, name: str) -> aot.outputs.OutputPaths:  # noqa: F821
    from compiler.driver.outputs import OutputPaths

    named = {"wrapper_dir": "wrapper", "kernels_dir": "kernels", "header_out": f"{name}.h", "weights_out": f"{name}.weights.bin",
             "manifest_out": f"{name}.manifest.json", "library_out": f"lib{name}.so"}  # fmt: skip
    wanted = [k for k in named if k != "library_out" or fv.emit == "library"]
    missing = [k for k in wanted if not fv[k].value]
    if missing and not fv.out:
        raise UserError("no place for the outputs: give -o OUT_DIR")
    place = {k: Path(fv[k].value) if fv[k].value else Path(fv.out) / named[k] for k in wanted}
    return OutputPaths(place["wrapper_dir"], place["kernels_dir"], place["header_out"], place["weights_out"], place["manifest_out"],
                       place.get("library_out"))  # fmt: skip
