"""Command line of the bench: our libraries, their peers and the machine's floor, interleaved in one run.

    bazel run //tools/bench -- --out=/tmp/result
    python -m tools.bench.bench --models=minilm --contenders=ours,openvino --threads=1 --out=/tmp/result

Enters: flags. Leaves: OUT.json and OUT.md (also on stdout); progress on stderr; exit status 1 when nothing
could be measured.
README.md of this folder says what the numbers mean.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags

from tools.bench import report
from tools.bench.contender import Unavailable
from tools.bench.model_names import DEFAULT_MODELS, MODELS
from tools.bench.plan import Options
from tools.bench.registry import CONTENDERS, UnknownContender
from tools.bench.session import Session
from tools.bench.steps import StepFailed

FLAGS = flags.FLAGS


def define_flags() -> None:
    """The command line's flags; called once by whoever runs `main`."""
    flags.DEFINE_string("out", None, "Where to write: OUT.json and OUT.md.", required=True)
    flags.DEFINE_list("models", list(DEFAULT_MODELS), f"Models to run, of {', '.join(MODELS)}.")
    flags.DEFINE_list(
        "contenders", list(CONTENDERS), f"Any of {', '.join(CONTENDERS)}, or MODULE:CLASS of your own."
    )
    flags.DEFINE_list("threads", ["1", "2"], "Numbers of threads.")
    flags.DEFINE_integer("rounds", 7, "Rounds in which every contender measures once.", lower_bound=1)
    flags.DEFINE_float("min_time", 1.0, "Seconds for which a contender measures in a round.", lower_bound=0.0)
    flags.DEFINE_string(
        "reference", "aotinductor-freezing", "Contender to which the others' times are compared."
    )
    flags.DEFINE_string(
        "cxx", "", "C++ compiler, with arguments, for ours and the bench's programs; default: the host's."
    )
    flags.DEFINE_bool("cold_start", True, "Also measure processes without Python.")
    flags.DEFINE_multi_string("model_data", [], "MODEL.ARGUMENT=PATH: a file that a model needs.")
    flags.DEFINE_list(
        "ready_programs", [], "Programs of this folder that are built already, such as those of Bazel."
    )
    flags.DEFINE_string(
        "work_dir", "", "An empty or new folder to keep everything in; default: a temporary one."
    )


class BadFlag(Exception):
    """A flag's value is wrong; the text says what was expected."""


def _threads() -> tuple[int, ...]:
    available = len(os.sched_getaffinity(0))
    for text in FLAGS.threads:
        if not text.isdigit() or not 1 <= int(text) <= available:
            raise BadFlag(
                f"--threads={text}: expected numbers from 1 to {available}, the CPUs this process may use"
            )
    return tuple(int(text) for text in FLAGS.threads)


def _model_data() -> dict[str, dict[str, str]]:
    """`["minilm.weights=a.bin"]` -> `{"minilm": {"weights": "/abs/a.bin"}}`."""
    data: dict[str, dict[str, str]] = {}
    for entry in FLAGS.model_data:
        name, equals, path = entry.partition("=")
        model, _, argument = name.partition(".")
        if not equals or argument not in (MODELS[model].data if model in MODELS else ()):
            known = ", ".join(f"{m}.{a}=PATH" for m, entry in MODELS.items() for a in entry.data)
            raise BadFlag(f"--model_data={entry}: expected one of {known}")
        if not Path(path).is_file():
            raise BadFlag(f"--model_data={entry}: there is no file {path}")
        data.setdefault(model, {})[argument] = os.path.abspath(path)
    return data


def _absolute_command(command: str) -> str:
    """A command whose program is found from any folder."""
    words = shlex.split(command)
    program = shutil.which(words[0]) if words else ""
    if program is None:
        raise BadFlag(f"--cxx={command}: there is no program {words[0]}")
    return shlex.join([os.path.abspath(program), *words[1:]]) if words else ""


def _options(folder: Path) -> Options:
    for model in FLAGS.models:
        if model not in MODELS:
            raise BadFlag(f"--models={model}: expected any of {', '.join(MODELS)}")
    return Options(
        models=tuple(FLAGS.models),
        contenders=tuple(FLAGS.contenders),
        threads=_threads(),
        rounds=FLAGS.rounds,
        min_time_s=FLAGS.min_time,
        reference=FLAGS.reference,
        cxx=_absolute_command(FLAGS.cxx),
        cold_start=FLAGS.cold_start,
        model_data=_model_data(),
        folder=folder,
    )


def _place_ready_programs(folder: Path) -> None:
    """Links what is built already to where tools.bench.programs looks first."""
    (folder / "programs").mkdir(parents=True, exist_ok=True)
    for program in FLAGS.ready_programs:
        if not os.access(program, os.X_OK):
            raise BadFlag(f"--ready_programs={program}: there is no such program")
        (folder / "programs" / Path(program).name).symlink_to(os.path.abspath(program))


def _from_callers_folder(path: str) -> Path:
    """Under `bazel run` the process is elsewhere than the person who typed the path."""
    return Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."), path).absolute()


def _work_dir() -> tuple[Path, bool]:
    """(folder, whether to remove it at the end)."""
    if not FLAGS.work_dir:
        return Path(tempfile.mkdtemp(prefix="bench-")), True
    folder = _from_callers_folder(FLAGS.work_dir)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadFlag(
            f"--work_dir={FLAGS.work_dir}: is not empty and old files could pass for new; name a new folder"
        )
    return folder, False


def main(argv: Sequence[str]) -> int:
    """Entry point of absl's `app.run`."""
    start = time.monotonic()

    def progress(text: str) -> None:
        print(f"[{time.monotonic() - start:6.0f} s] {text}", file=sys.stderr, flush=True)

    try:
        if len(argv) > 1:
            raise BadFlag(f"unexpected arguments {argv[1:]}; everything is a flag, see --help")
        folder, temporary = _work_dir()
        try:
            options = _options(folder)
            _place_ready_programs(folder)
            out = _from_callers_folder(FLAGS.out)
            result = Session(options, lambda partial: report.write(partial, out), progress).run()
        finally:
            if temporary:
                shutil.rmtree(folder, ignore_errors=True)
    except (BadFlag, UnknownContender, StepFailed, Unavailable, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(report.markdown(result))
    parts = [part for model in result["models"].values() for part in model["threads"].values()]
    return 0 if any("timing" in facts for part in parts for facts in part["contenders"].values()) else 1


if __name__ == "__main__":
    define_flags()
    app.run(main)
