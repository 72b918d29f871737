"""The operator sweep: PyTorch's own samples of its operators through the whole compiler, and the result file that docs/ops.md is made of.

    bazel run //tests/ops:sweep -- --out=$PWD/tests/ops/results.json          all operators, about an hour on two cores
    bazel run //tests/ops:sweep -- --only=clamp,sort --verbose                some, with every sample that is not right

Enters: operators by name (`--only`: names or their beginnings). Leaves: a line for each sample that is wrong or crashes, and with `--out`
the file: operator -> dtype -> counts of verdicts, reasons, the ATen operators that export recorded. An existing file keeps the
operators that are not swept again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags

from tests.ops import batch, results, samples, screen

FLAGS = flags.FLAGS

# What these make is random or left undefined, sparse, quantised for GPUs, or made of operators that stand here under their own names.
LEFT_OUT = (
    "jiterator",
    "sparse.",
    "to_sparse",
    "torch._scaled",
    "bmm.triton",
    "hash_tensor",
    "empty",
    "new_empty",
    "resize_",
)


def chosen(only: Sequence[str]) -> list[str]:
    """The operators to sweep."""
    names = [n for n in samples.operators() if not n.startswith(LEFT_OUT)]
    return [n for n in names if not only or any(n == o or n.startswith(o) for o in only)]


def sweep(names: Sequence[str]) -> list[screen.Screened]:
    """All samples of the operators, with verdicts."""
    table = samples.operators()
    done: list[screen.Screened] = []
    waiting: list[screen.Screened] = []
    for name in names:
        for sample in _chosen(list(samples.of(table[name], FLAGS.quick or FLAGS.brief))):
            screened = screen.screen(sample)
            (done if screened.verdict else waiting).append(screened)
        if len(waiting) >= FLAGS.batch:
            _finish(waiting, done)
            waiting = []
            if FLAGS.out:
                results.update(Path(FLAGS.out), done, full=not (FLAGS.quick or FLAGS.brief))
    _finish(waiting, done)
    return done


def _chosen(found: list[samples.Sample]) -> list[samples.Sample]:
    """With --brief the first sample, the first of another dtype, and that of special values."""
    if not FLAGS.brief or len(found) < 3:
        return found
    others = [s for s in found if s.dtype != found[0].dtype][:1]
    return [found[0], *others, *[s for s in found[1:] if s.form == "special" and s not in others][:1]]


def _finish(waiting: list[screen.Screened], done: list[screen.Screened]) -> None:
    """Compiles and runs what waits, and lets go of its tensors."""
    began = time.perf_counter()
    for start in range(0, len(waiting), FLAGS.batch):
        batch.run(waiting[start : start + FLAGS.batch], FLAGS.cxx)
    done += waiting
    right = sum(s.verdict == "right" for s in waiting)
    if waiting:
        print(
            f"{right} of {len(waiting)} right, {time.perf_counter() - began:.0f} s, at {waiting[-1].sample.op}",
            flush=True,
        )
    for s in done:
        s.graph, s.eager, s.oracle = None, [], []


def main(argv: Sequence[str]) -> int:
    """1 if a sample is wrong or crashes."""
    names = chosen(FLAGS.only)
    if len(argv) > 1 or not names:
        print(f"error: no operator is called {', '.join([*FLAGS.only, *argv[1:]])}", file=sys.stderr)
        return 2
    screen.keep_torch_tables()
    done = sweep(names)
    bad = [s for s in done if s.verdict in ("wrong", "crash")]
    for s in done if FLAGS.verbose else bad:
        if s.verdict not in ("right", "random"):
            print(f"{s.verdict:8} {s.sample.key}: {s.why}")
    counts = {v: sum(s.verdict == v for s in done) for v in sorted({s.verdict for s in done})}
    print(", ".join(f"{n} {v}" for v, n in counts.items()))
    if FLAGS.out:
        results.update(Path(FLAGS.out), done, full=not (FLAGS.quick or FLAGS.brief))
    return 1 if bad else 0


if __name__ == "__main__":
    flags.DEFINE_list("only", [], "Operators of torch's op_db: names or their beginnings. Default: all.")
    flags.DEFINE_string("out", "", "The result file to write or to bring up to date.")
    flags.DEFINE_string("cxx", "", "The C++ compiler, as for the compiler's own --cxx.")
    flags.DEFINE_integer("batch", 150, "Samples in one library.")
    flags.DEFINE_bool("quick", False, "Few samples, in the dtypes that differ most: a quarter of an hour.")
    flags.DEFINE_bool("brief", False, "At most three samples of each operator.")
    flags.DEFINE_bool("verbose", False, "Print every sample that is not right, with the reason.")
    app.run(main)
