"""Command line of the zoo: exports, compiles, judges and times the models of entries.py, one after the other.

    bazel run //tools/bench/zoo -- --out=/tmp/zoo                                 everything that is not known there yet
    bazel run //tools/bench/zoo -- --out=/tmp/zoo --only=resnet50,speech --again=compile
    bazel run //tools/bench/zoo -- --out=/tmp/zoo --results=$PWD/tools/bench/zoo/results.json      ... and docs/zoo.md's source

Enters: flags. Leaves: a file a model and its files in OUT, a line a model on stdout; with --results the file that docs/zoo.md is made
of. A run that is stopped goes on where it was; a model that crashes, hangs or eats the memory costs its own row only.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags

from tools.bench import machine
from tools.bench.limits import Limits
from tools.bench.steps import StepFailed
from tools.bench.zoo import results, stages
from tools.bench.zoo.entries import ENTRIES, Entry
from tools.bench.zoo.model_steps import ModelSteps, facts_line
from tools.bench.zoo.options import Options
from tools.bench.zoo.warm_up import warm_up

FLAGS = flags.FLAGS

DISTRIBUTIONS = ("torch", "torchvision", "timm", "transformers", "diffusers", "torch_geometric")


def define_flags() -> None:
    """The command line's flags; called once by whoever runs `main`."""
    flags.DEFINE_string("out", None, "Folder of the run; may hold an earlier one.", required=True)
    flags.DEFINE_list("only", [], "Names (or their beginnings), families or libraries. Default: all.")
    flags.DEFINE_enum("again", "", ["", *results.STEPS], "Do this step and those after it again.")
    flags.DEFINE_bool(
        "failed", False, "Only models that are known and not right; their failed step is done again."
    )
    flags.DEFINE_bool("speed", False, "Time libraries and eager.")
    flags.DEFINE_bool("peer", False, "Compile with PyTorch's AOTInductor too (needs g++ or $CXX).")
    flags.DEFINE_string("cxx", "", "C++ compiler, with arguments, for ours; default: the host's.")
    flags.DEFINE_string(
        "isa", "", "Instruction sets for ours, as the compiler's --isa; default: the compiler's."
    )
    flags.DEFINE_integer("seconds", 600, "Limit of one step.", lower_bound=1)
    flags.DEFINE_integer("megabytes", 8000, "Limit of one step's memory.", lower_bound=1)
    flags.DEFINE_string("results", "", "The file of all results to bring up to date.")


def chosen(only: Sequence[str]) -> list[Entry]:
    """The entries that any of `only` matches."""
    return [e for e in ENTRIES.values() if not only or any(e.matches(wanted) for wanted in only)]


def run_all(entries: Sequence[Entry], options: Options) -> int:
    """All steps of all entries; how many are right. Raises StepFailed where not even a tiny model compiles."""
    right = 0
    stages.preload(dict.fromkeys(e.library for e in entries))
    if why := warm_up(options):
        raise StepFailed(f"a tiny model does not compile: {why}")
    for number, entry in enumerate(entries, 1):
        model = ModelSteps(entry, options)
        before = results.verdict(model.result)
        if FLAGS.failed:
            if before in ("", "right"):
                continue
            model.forget(before)
        if FLAGS.again:
            model.forget(FLAGS.again)
        work = bool(model.missing())
        head = f"[{number}/{len(entries)}] {entry.name} ({entry.family})"
        result = model.run(lambda step, head=head: print(f"{head}: {step}", file=sys.stderr, flush=True))  # type: ignore[misc]
        right += results.verdict(result) == "right"
        if work:
            print(f"{head}: {facts_line(result)}", flush=True)
    return right


def update_results(path: Path, folder: Path) -> None:
    """Rows of the folder over those of the file."""
    rows = {str(r["name"]): r for r in results.read_all(path)[0]}
    rows |= {name: r for name in ENTRIES if results.verdict(r := results.read(folder / f"{name}.json"))}
    path.write_text(
        results.text([r for n, r in rows.items() if n in ENTRIES], machine.describe(DISTRIBUTIONS))
    )


def main(argv: Sequence[str]) -> int:
    """0 once everything was tried."""
    entries = chosen(FLAGS.only)
    if len(argv) > 1 or not entries:
        print(
            f"error: no model, family or library is called {', '.join([*FLAGS.only, *argv[1:]])}",
            file=sys.stderr,
        )
        return 2
    steps = tuple(
        s
        for s in results.STEPS
        if s not in ("aotinductor", "speed") or (FLAGS.peer if s == "aotinductor" else FLAGS.speed)
    )
    folder = Path(FLAGS.out).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    options = Options(folder, FLAGS.cxx, FLAGS.isa, Limits(FLAGS.seconds, FLAGS.megabytes), steps)
    try:
        right = run_all(entries, options)
    except StepFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{right} of {len(entries)} right")
    if FLAGS.results:
        update_results(Path(FLAGS.results), folder)
    return 0


if __name__ == "__main__":
    define_flags()
    app.run(main)
