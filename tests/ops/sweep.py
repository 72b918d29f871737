"""The operator sweep: PyTorch's own samples of its operators through the whole compiler, and the result file that docs/ops.md is made of.

    bazel run //tests/ops:sweep -- --out=$PWD/tests/ops/results.json          all operators, some 40 minutes of processor time
    bazel run //tests/ops:sweep -- --out=... --resume                         ... that the file does not have yet
    bazel run //tests/ops:sweep -- --only=clamp,sort --verbose                some, with every sample that is not right

Enters: operators of torch's table, and core ATen operators that it does not reach (`direct`), by name (`--only`: names or their
beginnings). Leaves: a line for each sample that is wrong or crashes, and with `--out` the file: operator -> dtype -> counts of verdicts,
reasons, the ATen operators that export recorded. An existing file keeps the operators that are not swept again; it is written after each
library, so that a sweep that is stopped loses little.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch
from absl import app, flags

from tests.ops import batch, direct, results, samples, screen

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
    names = [n for n in (*samples.operators(), *direct.names()) if not n.startswith(LEFT_OUT)]
    return [n for n in names if not only or any(n == o or n.startswith(o) for o in only)]


def sweep(names: Sequence[str]) -> list[results.Row]:
    """All samples of the operators, with verdicts, by --jobs processes: each takes the next operator that none has taken."""
    context = multiprocessing.get_context("fork")
    taken = context.Value("i", 0)
    ends = []
    for _ in range(FLAGS.jobs):
        end, other = context.Pipe(duplex=False)
        context.Process(target=_work, args=(names, taken, other)).start()
        other.close()
        ends.append(end)
    done: list[results.Row] = []
    while ends:
        for end in [e for e in ends if e in wait(ends)]:
            try:
                done += end.recv()
            except EOFError:
                ends.remove(end)
                continue
            if FLAGS.out:
                results.update(Path(FLAGS.out), done, full=not _few())
    return done


def _work(names: Sequence[str], taken: Any, rows: Connection) -> None:
    """Sends the rows of whole operators, a library at a time."""
    torch.set_num_threads(1)
    done: list[screen.Screened] = []
    waiting: list[screen.Screened] = []
    while (name := _next(names, taken)) is not None:
        for sample in _chosen(list(_samples(name))):
            screened = screen.screen(sample)
            (done if screened.verdict else waiting).append(screened)
        if len(waiting) >= FLAGS.batch:
            rows.send(_finished(waiting, done))
            done, waiting = [], []
    rows.send(_finished(waiting, done))
    rows.close()


def _next(names: Sequence[str], taken: Any) -> str | None:
    with taken.get_lock():
        taken.value += 1
        return names[taken.value - 1] if taken.value <= len(names) else None


def _few() -> bool:
    return bool(FLAGS.quick or FLAGS.brief)


def _samples(name: str) -> Iterator[samples.Sample]:
    if name in direct.names():
        return direct.of(name)
    dtypes = samples.QUICK_DTYPES if _few() else samples.DTYPES
    return samples.of(samples.operators()[name], dtypes, _few())


def _chosen(found: list[samples.Sample]) -> list[samples.Sample]:
    """With --brief the first sample, the first of another dtype, and that of special values."""
    if not FLAGS.brief or len(found) < 3:
        return found
    others = [s for s in found if s.dtype != found[0].dtype][:1]
    return [found[0], *others, *[s for s in found[1:] if s.form == "special" and s not in others][:1]]


def _finished(waiting: list[screen.Screened], done: list[screen.Screened]) -> list[results.Row]:
    """Compiles and runs what waits."""
    began = time.perf_counter()
    for start in range(0, len(waiting), FLAGS.batch):
        batch.run(waiting[start : start + FLAGS.batch], FLAGS.cxx)
    right = sum(s.verdict == "right" for s in waiting)
    if waiting:
        seconds = time.perf_counter() - began
        print(f"{right} of {len(waiting)} right, {seconds:.0f} s, at {waiting[-1].sample.op}", flush=True)
    return [s.row() for s in (*done, *waiting)]


def main(argv: Sequence[str]) -> int:
    """1 if a sample is wrong or crashes, or an operator was lost with the process that had it."""
    names = chosen(FLAGS.only)
    if len(argv) > 1 or not names:
        print(f"error: no operator is called {', '.join([*FLAGS.only, *argv[1:]])}", file=sys.stderr)
        return 2
    if FLAGS.resume:
        known = results.by_sample(Path(FLAGS.out), full=not _few())
        names = [n for n in names if n not in known]
    screen.keep_torch_tables()
    done = sweep(names)
    bad = [r for r in done if r.verdict in ("wrong", "crash")]
    for r in done if FLAGS.verbose else bad:
        if r.verdict not in ("right", "random"):
            print(f"{r.verdict:8} {r.key}: {r.why}")
    counts = {v: sum(r.verdict == v for r in done) for v in sorted({r.verdict for r in done})}
    print(", ".join(f"{n} {v}" for v, n in counts.items()))
    lost = [n for n in names if not any(r.op == n for r in done) and next(_samples(n), None)]
    if lost:
        print(f"error: a process ended before its samples of {', '.join(lost)} were judged", file=sys.stderr)
    return 1 if bad or lost else 0


if __name__ == "__main__":
    flags.DEFINE_list("only", [], "Operators of torch's op_db: names or their beginnings. Default: all.")
    flags.DEFINE_string("out", "", "The result file to write or to bring up to date.")
    flags.DEFINE_bool("resume", False, "Only operators that the result file does not have yet.")
    flags.DEFINE_string("cxx", "", "The C++ compiler, as for the compiler's own --cxx.")
    flags.DEFINE_integer("jobs", 2, "Processes.", lower_bound=1)
    flags.DEFINE_integer("batch", 150, "Samples in one library.")
    flags.DEFINE_bool("quick", False, "Few samples, in the dtypes that differ most.")
    flags.DEFINE_bool("brief", False, "At most three samples of each operator.")
    flags.DEFINE_bool("verbose", False, "Print every sample that is not right, with the reason.")
    app.run(main)
