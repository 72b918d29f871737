"""The flags of the compiler's command line, and its help text.

Enters: nothing. Leaves: a `flags.FlagValues` of their own (no global state), which parses `--compile-to=x` as well as `--compile_to=x`.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from compiler.support.command_line import with_underscores
from compiler.support.diagnostics import UserError

CODE = ("cpp", "python", "wrappers")  # what --compile-to prints of the last stage beside its text
STAGES = ("frontend", "fx_passes", "lowering", "scheduler", "codegen", "wrapper", *CODE)
DEFAULT_CUDA_ARCHS = ("sm_80", "sm_90", "sm_100")
DEFAULT_ISA = {"x86_64": "x86-64-v3,x86-64-v4", "aarch64": "aarch64-neon"}
_OF_CHECK_NUMERICS = frozenset(
    ("check_numerics", "recorded", "cxx", "cache", "dump", "fuse_limit", "winograd", "name", "jobs", "quiet")
)
_USAGE = """\
Compiles a PyTorch model to one shared library that runs without Python, and without libtorch.

  python -m compiler.driver MODEL.pt2 -o OUT_DIR [options]

MODEL.pt2 is made by torch.export.save, or by `python -m compiler.driver.export MODEL.py -o MODEL.pt2`.
OUT_DIR gets libNAME.so, NAME.h, NAME.manifest.json, NAME.weights.bin and the generated sources in wrapper/ and kernels/.

Options:
"""


_STRINGS = (
    ("out", "o", "Folder for the outputs."),
    ("name", None, "Name of the model in file names and C++; default: the file's name with _aoti."),
    ("cxx", None, "C++ compiler: a path, or a command with arguments. Default: $CXX, clang++, g++, c++."),
    (
        "cache",
        None,
        "Folder of compiled objects; default: $AOTI_CACHE_DIR, else aotinductor in the user's cache. Kept below $AOTI_CACHE_MB (4096).",
    ),
    (
        "dump",
        None,
        "Folder for each stage's and pass's text; index.txt marks what changed nothing. Default: $AOTI_DUMP.",
    ),
    (
        "reproducer",
        None,
        "Folder for a program of its own for each kernel, to run, time and profile it alone.",
    ),
    (
        "compile_from",
        None,
        "Begin with the text of an IR in this file, as --compile-to=STAGE prints it. The model too is needed for constants and for its "
        "custom operators; of codegen's and wrapper's text only code can be printed (--compile-to=cpp; of wrapper also python).",
    ),
    ("recorded", None, "Inputs for --check-numerics: the NAME.recorded.npz that the export tool writes."),
    ("header_out", None, "Place of the header, when it is not OUT_DIR (for build systems)."),
    ("weights_out", None, "Place of the weights file."),
    ("manifest_out", None, "Place of the manifest."),
    ("images_out", None, "Place of the GPU kernels' machine code (with --device=cuda)."),
    ("library_out", None, "Place of the library."),
    ("wrapper_dir", None, "Folder of the wrapper's sources."),
    ("kernels_dir", None, "Folder of the kernels' sources."),
)
_ENUMS = (
    ("device", "cpu", ("cpu", "cuda"), "Where the model runs. cuda needs no GPU here: kernels are compiled for --cuda-archs."),
    ("emit", "library", ("library", "sources"), "What to make: the linked library too, or only its sources."),
    ("shim", "static", ("static", "shared", "torch"), "Where the C shim comes from: inside the library; libaoti_shim.so beside it; "
     "libtorch, which also runs operators without a lowering if PyTorch's C shim has them."),
    ("weights", "embedded", ("embedded", "file"), "Where the weights are: inside the library; in NAME.weights.bin beside it, or in a "
     "package (compiler.driver.pack)."),
    ("compile_to", "", ("", *STAGES), "Stop after this stage and print its text; cpp, python: the generated code; "
     "wrappers: its Python and C++ wrapper side by side."),
    ("explain", "", ("", "fusion"), "Print why: each pair of kernels considered for fusion, the verdict, the reason."),
)  # fmt: skip


def define_flags() -> flags.FlagValues:
    """The command line's flags, in a set of their own."""
    fv = flags.FlagValues()  # type: ignore[no-untyped-call]
    for name, short, what in _STRINGS:
        flags.DEFINE_string(name, "", what, short_name=short, flag_values=fv)
    for name, default, values, what in _ENUMS:
        flags.DEFINE_enum(name, default, list(values), what, flag_values=fv)
    isas = "; ".join(f"{v} on {k}" for k, v in DEFAULT_ISA.items())
    what = f"Instruction sets to build kernels for; the best one that a processor has is chosen at load. Default: {isas}."
    flags.DEFINE_list("isa", None, what, flag_values=fv)
    what = (
        "GPU architectures to make machine code for; later ones compile the PTX of the lowest when they load it. "
        f"Default: {','.join(DEFAULT_CUDA_ARCHS)}."
    )
    flags.DEFINE_list("cuda_archs", None, what, flag_values=fv)
    what = "C++ sources of kernels for the model's custom operators (aoti/custom_op.h), to be linked in."
    flags.DEFINE_list("op_sources", None, what, flag_values=fv)
    what = "C++ compilers that run at the same time; 0: one for each processor."
    flags.DEFINE_integer("jobs", 0, what, lower_bound=0, flag_values=fv)
    what = "Stop fusing after so many fusions (to find a wrong one by bisection); -1: no limit."
    flags.DEFINE_integer("fuse_limit", -1, what, lower_bound=-1, flag_values=fv)
    what = "Let 3x3 convolutions take Winograd's F(2x2, 3x3) where it pays: 16 products for 36, rounding errors a little larger."
    flags.DEFINE_bool("winograd", True, what, flag_values=fv)
    what = "Compare kernel by kernel with eager float64 on random inputs, or those of --recorded, in place of making files."
    flags.DEFINE_bool("check_numerics", False, what, flag_values=fv)
    flags.DEFINE_bool("quiet", False, "No progress lines.", flag_values=fv)
    flags.DEFINE_bool("version", False, "Print the compiler's version.", flag_values=fv)
    flags.DEFINE_bool("help", False, "Print this text.", short_name="h", flag_values=fv)
    return fv


def parse(fv: flags.FlagValues, argv: Sequence[str]) -> list[str]:
    """Sets `fv` from the command line and returns what is no flag. Raises flags.Error."""
    rest: list[str] = fv([with_underscores(a) for a in argv])[1:]
    return rest


def refuse_beside_check_numerics(fv: flags.FlagValues) -> None:
    """Raises UserError naming the flags of the command line that --check-numerics has no use for."""
    unused = [f"--{n.replace('_', '-')}" for n in fv if len(n) > 1 and fv[n].present and n not in _OF_CHECK_NUMERICS]  # fmt: skip
    if unused:
        raise UserError(
            f"--check-numerics runs the kernels in this process and makes no files: leave out {', '.join(unused)}"
        )


def help_text(fv: flags.FlagValues) -> str:
    """Usage and every flag with its default."""
    rows = []
    for name in sorted(n for n in fv if len(n) > 1):
        flag = fv[name]
        short = f"-{flag.short_name}, " if flag.short_name else ""
        values = (
            f" ({'|'.join(v for v in flag.parser.enum_values if v)})"
            if isinstance(flag, flags.EnumFlag)
            else ""
        )
        default = f" [{flag.default}]" if flag.default not in (None, "", False) else ""
        rows.append(
            f"  {short}--{name.replace('_', '-')}{values}{default}\n      {flag.help.partition('>: ')[2] or flag.help}"
        )
    return _USAGE + "\n".join(rows)
