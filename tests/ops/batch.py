"""Many screened samples as one library: compiled, run without libtorch, and judged one by one.

Enters: `Screened` samples without a verdict. Leaves: the same, each with one of
    right
    wrong     a result is not eager's
    crash     the compiler, the C++ compiler or the run failed

A batch that fails as a whole is halved until the sample at fault stands alone. Runs happen in a process of their own, so that a crash
of generated code ends only that.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from torch.utils.dlpack import from_dlpack

from compiler.driver import aot
from compiler.driver.outputs import OutputPaths
from compiler.support.options import CompileOptions
from tests.ops.judge import judge_all
from tests.ops.merge import merge
from tests.ops.screen import Screened

# Longer than any batch takes to run.
_RUN_SECONDS = 120

Verdicts = list[tuple[str, str]]


def run(batch: Sequence[Screened], cxx: str) -> None:
    """Sets the verdict of every sample of the batch."""
    alone = [s for s in batch if _has_free_size(s)]
    _run_together([s for s in batch if not _has_free_size(s)], cxx)
    for sample in alone:
        _run_together([sample], cxx)


def _has_free_size(sample: Screened) -> bool:
    """Sizes that are free or depend on data have the same names in every graph (s0, u0), so that such graphs cannot be merged."""
    nodes = sample.graph.module.graph.nodes if sample.graph is not None else ()
    values = (n.meta.get("val") for n in nodes)
    return any(
        isinstance(size, torch.SymInt) for v in values if isinstance(v, torch.Tensor) for size in v.shape
    )


def _run_together(batch: Sequence[Screened], cxx: str) -> None:
    if not batch:
        return
    with tempfile.TemporaryDirectory(prefix="aoti-ops-") as name:
        try:
            verdicts = _verdicts(batch, _compile(batch, Path(name), cxx))
        except Exception as error:
            if len(batch) > 1:
                half = len(batch) // 2
                _run_together(batch[:half], cxx)
                _run_together(batch[half:], cxx)
                return
            verdicts = [("crash", _reason(error))]
    for sample, (verdict, why) in zip(batch, verdicts, strict=True):
        sample.verdict, sample.why = verdict, why


def _compile(batch: Sequence[Screened], folder: Path, cxx: str) -> Path:
    graphs = [s.graph for s in batch if s.graph is not None]
    library = folder / "libops.so"
    paths = OutputPaths(
        folder / "wrapper", folder / "kernels", folder / "ops.h", folder / "ops.weights.bin", folder / "ops.json", library
    )  # fmt: skip
    options = CompileOptions("ops", isa=("x86-64-v3",))
    aot.compile_model(aot.Request(options, None, paths, graph=merge(graphs, "ops"), cxx=cxx), lambda *_: None)
    return library


def _verdicts(batch: Sequence[Screened], library: Path) -> Verdicts:
    """Runs the library in a child process. Raises RuntimeError where it does not come back with verdicts."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(batch, library, sending))
    child.start()
    sending.close()
    try:
        if not receiving.poll(_RUN_SECONDS):
            raise RuntimeError(f"the library runs longer than {_RUN_SECONDS} seconds")
        answer: Verdicts | str = receiving.recv()
    except EOFError:
        child.join()
        raise RuntimeError(f"the process that ran the library ended with {child.exitcode}") from None
    finally:
        child.kill()
        child.join()
    if isinstance(answer, str):
        raise RuntimeError(answer)
    return answer


def _child(batch: Sequence[Screened], library: Path, sending: Connection) -> None:
    torch.set_num_threads(1)
    try:
        sending.send(_run(batch, library))
    except Exception as error:
        sending.send(_reason(error))
    sending.close()


def _run(batch: Sequence[Screened], library: Path) -> Verdicts:
    import aoti_runtime

    model = aoti_runtime.load(str(library), num_models=1, num_threads=1)
    results = iter(model.run(*(t for s in batch for t in s.sample.tensors)))
    return [
        judge_all(
            s.sample,
            [from_dlpack(r) if r is not None else r for r in (next(results) for _ in s.eager)],
            s.eager,
            s.oracle,
        )
        for s in batch
    ]


def _reason(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]
