"""Tests on a machine with a GPU: what tests.gpu.build made, run and judged. Needs torch with CUDA and numpy, nothing of the compiler.

Enters: the built folder. Leaves: a result file with one row for each check (name, ok, detail), and a short table on the screen;
exit code 1 when anything failed.

    python tests/gpu/run.py gpu_tests results.json [--only=PART]

The criterion for numbers is that of tests/harness: no further from eager in float64 than twice eager's own distance (here: eager on
the GPU, where there is a model to run eagerly) and one rounding. TF32 is off for eager, as in the models.
"""

from __future__ import annotations

import argparse
import copy
import ctypes
import json
import lzma
import os
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.gpu.library import Library, LibraryError  # noqa: E402

FACTOR = 2.0


Check = tuple[str, Callable[[], str]]


def run_check(name: str, test: Callable[[], str]) -> dict[str, Any]:
    """A row: what the test returns is the detail, what it raises the failure."""
    started = time.time()
    try:
        row: dict[str, Any] = {"name": name, "ok": True, "detail": test()}
    except Exception as error:  # one failed check must not hide the others
        where = traceback.format_exc(limit=-2)
        row = {"name": name, "ok": False, "detail": f"{type(error).__name__}: {error}", "where": where}
    return {**row, "seconds": round(time.time() - started, 2)}


def context_is_lost() -> bool:
    """After a kernel fault nothing in this process works any more."""
    try:
        torch.cuda.synchronize()
    except Exception:
        return True
    return False


def judge(ours: torch.Tensor, eager: torch.Tensor, oracle: torch.Tensor) -> str:
    """Holds an output against eager's and float64's. Gives the distances; raises AssertionError."""
    assert (ours.shape, ours.dtype) == (eager.shape, eager.dtype), (
        f"{tuple(ours.shape)} {ours.dtype}, expected {tuple(eager.shape)} {eager.dtype}"
    )
    ours, eager, oracle = ours.cpu(), eager.cpu(), oracle.cpu()
    if not eager.is_floating_point():
        assert torch.equal(ours, eager), f"{int((ours != eager).sum())} of {ours.numel()} elements differ"
        return "equal"
    truth = oracle.double()
    finite = torch.isfinite(truth)
    assert torch.equal(ours[~finite].double(), eager[~finite].double()), (
        "differs where the oracle is infinite"
    )
    eps = torch.finfo(eager.dtype).eps
    ours, eager, truth = ours[finite].double(), eager[finite].double(), truth[finite]
    if truth.numel() == 0:
        return "empty"
    largest, theirs = truth.abs().max(), (eager - truth).abs().max()
    if eps < 1e-15:  # the oracle of float64 results is float64 itself: its own rounding is unknown, not zero
        theirs = torch.maximum(theirs, eps * largest)
    distance = (ours - truth).abs().max()
    limit = FACTOR * theirs + eps * largest
    assert distance <= limit, f"{distance:.3e} from float64, allowed are {limit:.3e} (eager {theirs:.3e})"
    return f"{distance:.1e} (eager {theirs:.1e})"


def recorded_tensors(folder: Path) -> tuple[list[torch.Tensor], list[tuple[Any, Any]]]:
    """Inputs on the GPU in their recorded layout, and pairs (eager, oracle)."""
    from tests.harness.recorded_inputs import inputs

    with numpy.load(folder / "recorded.npz") as file:
        recorded = dict(file)
    count = sum(name.startswith("eager_") for name in recorded)
    laid_out = []
    for array in inputs(recorded):
        x = torch.from_numpy(array)
        target = torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="cuda")
        laid_out.append(target.copy_(x))
    return laid_out, [(recorded[f"eager_{i}"], recorded[f"oracle_{i}"]) for i in range(count)]


def table_test(folder: Path) -> str:
    """A table of cases: first run (eager), second (recorded), third (graph): each output right each time."""
    inputs, expected = recorded_tensors(folder)
    model = Library(str(folder / "lib.so"))
    wrong, states = [], []
    for attempt in range(3):
        outputs = model.run(*inputs)
        torch.cuda.synchronize()
        states.append(model.graph_state())
        for i, (ours, (eager, oracle)) in enumerate(zip(outputs, expected, strict=True)):
            try:
                judge(ours, torch.from_numpy(eager), torch.from_numpy(oracle))
            except AssertionError as error:
                wrong.append(f"run {attempt} output {i}: {error}")
    model.close()
    assert not wrong, f"{len(wrong)} wrong: " + "; ".join(wrong[:12])
    return f"{len(expected)} outputs right three times; {states[-1]}"


def unpack(folder: Path, scratch: Path) -> str:
    """The library of a model, unpacked."""
    path = scratch / f"lib{folder.name}.so"
    if not path.exists():
        with lzma.open(folder / "lib.so.xz") as packed:
            path.write_bytes(packed.read())
    return str(path)


def built(name: str) -> tuple[torch.nn.Module, tuple[torch.Tensor, ...]]:
    """Module and inputs on the GPU, as they were at export."""
    from models import gpu, gpu_vision, my_model

    torch.manual_seed(0)
    folder = gpu if hasattr(gpu, name) else gpu_vision
    module, inputs = my_model.build() if name == "my_model" else getattr(folder, name)()
    return module.eval().cuda(), tuple(x.cuda() for x in inputs)


def model_test(library: str, name: str) -> str:
    """Numbers of a model, against eager and float64 eager on the GPU, with fresh inputs for each of five runs."""
    module, inputs = built(name)
    wide = copy.deepcopy(module).double()
    model, details, states = Library(library), [], []
    for attempt in range(5):
        if attempt:
            inputs = tuple(torch.randn_like(x) for x in inputs)
        with torch.inference_mode():
            eager, oracle = module(*inputs), wide(*(x.double() for x in inputs))
        (ours,) = model.run(*inputs)
        torch.cuda.synchronize()
        states.append(model.graph_state())
        details.append(judge(ours, eager, oracle))
    model.close()
    return f"{details[-1]}; {' / '.join(states)}"


def dynamic_test(library: str) -> str:
    """More sizes than graphs are kept for, each three times in turn, up to the largest ones; then one beyond."""
    from tests.gpu.dynamic_model import MOST_ROWS, MOST_TOKENS, WIDTH, encoder

    module = encoder()["module"].cuda()
    wide, model, states = copy.deepcopy(module).double(), Library(library), []
    sizes = [(1, 2), (MOST_ROWS, MOST_TOKENS), *((1 + i % 7, 3 + 11 * i) for i in range(18))]
    for batch, tokens in [size for size in sizes for _ in range(3)] + sizes:
        x = torch.randn(batch, tokens, WIDTH, device="cuda")
        with torch.inference_mode():
            eager, oracle = module(x), wide(x.double())
        (ours,) = model.run(x)
        torch.cuda.synchronize()
        judge(ours, eager, oracle)
        states.append(model.graph_state())
    too_long = torch.randn(1, MOST_TOKENS + 1, WIDTH, device="cuda")
    message = expect(str(MOST_TOKENS), lambda: model.run(too_long))
    model.close()
    return f"{len(sizes)} sizes right, {states.count('graph')} runs in graphs; {message}"


def decisions_test(library: str) -> str:
    """Random numbers of a seed and a run, and what data decides, against eager; the numbers of runs differ, a seed brings them back."""
    from tests.gpu import decisions_model as wanted

    model, states = Library(library), []
    for attempt, (seed, run, turns, length) in enumerate(
        [(0, 0, 3, 700), (0, 1, 0, 0), (1 << 40, 0, 9, 1500), (1 << 40, 1, 1, 1), (0, 0, 2, 33)]
    ):
        if run == 0 and attempt:
            model.check("set_seed", model.container, ctypes.c_uint64(seed))
        given = wanted.inputs(turns, length, "cuda")
        if attempt == 3:  # nothing is selected, equal keys everywhere
            given = (-torch.ones_like(given[0]), *given[1:])
        draws, order, *ours = model.run(*given)
        torch.cuda.synchronize()
        states.append(model.graph_state())
        assert torch.equal(draws.cpu(), wanted.uniform(draws.numel(), 0, seed, run)), "other random numbers"
        assert torch.equal(order.sort()[0], torch.arange(order.numel(), device="cuda")), "no permutation"
        oracle = wanted.decided(given[0].double(), *given[1:])
        for n, (mine, eager, exact) in enumerate(zip(ours, wanted.decided(*given), oracle, strict=True)):
            try:
                if n != 3:  # which of equal elements topk gives is open
                    judge(mine, eager, exact)
            except AssertionError as error:
                raise AssertionError(f"run {attempt} output {n + 2}: {error}") from error
        assert torch.equal(given[0].gather(1, ours[3]), ours[2]), "positions of topk"
    too_long = wanted.inputs(1, wanted.COLUMNS + 1, "cuda")
    message = expect("0 to 1500", lambda: model.run(*too_long))
    model.close()
    return f"5 runs right; {states[-1]}; {message}"


def mixed_test(library: str) -> str:
    """Indices and a result on the CPU, the rest on the GPU; an input on the wrong device is refused either way."""
    from tests.gpu.mixed_model import WIDTH, build

    module, model = build()["module"].cuda(), Library(library)
    wide, details = copy.deepcopy(module).double(), []
    for rows in (9, 2, 500, 9):
        ids, x = torch.randint(50, (rows,)), torch.randn(rows, WIDTH, device="cuda")
        with torch.inference_mode():
            eager, oracle = module(ids, x), wide(ids, x.double())
        ours = model.run(ids, x)
        assert (ours[0].is_cuda, ours[1].is_cuda) == (True, False), "results on other devices"
        details += [judge(*three) for three in zip(ours, eager, oracle, strict=True)]
    state = model.graph_state()
    assert "copied between host and device" in state, state
    expect("on device cuda", lambda: model.run(ids.cuda(), x))
    expect("on device cpu", lambda: model.run(ids, x.cpu()))
    model.close()
    return f"{details[-2]}, on the CPU {details[-1]}; {state}"


def user_kernels_test(library: str) -> str:
    """The model with Triton kernels of its own: result and cache, written where it lies, at sizes in turn, plainly and in graphs."""
    from models.triton_op import ROWS, WIDTH, build, exact

    module, model = build()["module"].cuda(), Library(library)
    details, states = [], []
    for batch in (2, 8, 64, 8, 64, 2, 8, 64, 2):
        x, cache = torch.randn(batch, WIDTH, device="cuda"), torch.randn(batch, ROWS, WIDTH, device="cuda")
        position = torch.randint(ROWS, (1,), device="cuda")
        theirs, before = cache.clone(), cache.clone()
        with torch.inference_mode():
            eager = module(x, theirs, position)
            oracle, wanted = exact(module, x.double(), before.double(), position)
        (ours,) = model.run(x, cache, position)
        torch.cuda.synchronize()
        states.append(model.graph_state())
        details += [judge(ours, eager, oracle), judge(cache, theirs, wanted)]
        others = torch.arange(ROWS, device="cuda") != position
        assert torch.equal(cache[:, others], before[:, others]), (
            "rows of the cache that were not written have changed"
        )
    model.close()
    return f"{details[-2]}, cache {details[-1]}; {' / '.join(states)}"


def new_stream(device: str = "cuda:0") -> torch.cuda.Stream:
    """A stream of torch."""
    return torch.cuda.Stream(device=device)  # type: ignore[no-untyped-call]


def streams_test(library: str) -> str:
    """Runs on two streams of torch one after the other, inputs made on them, against eager; nothing is synchronised between."""
    module, inputs = built("my_model")
    model = Library(library)
    streams = [new_stream(), new_stream()]
    results = []
    for i in range(60):
        with torch.cuda.stream(streams[i % 2]):
            x, y = (torch.randn_like(t) for t in inputs)
            for _ in range(i % 3):
                x = x.mul(1.0001)
            results.append((x, y, model.run(x, y)[0]))
    torch.cuda.synchronize()
    for x, y, ours in results:
        torch.testing.assert_close(ours, torch.cos(torch.sin(x) @ y), rtol=0, atol=2e-5)
    model.close()
    return f"{len(results)} runs on 2 streams"


def threads_test(library: str) -> str:
    """Eight threads with a stream each on one container of three instances."""
    module, inputs = built("my_model")
    model, failures = Library(library, instances=3), []

    def work(seed: int) -> None:
        generator = torch.Generator(device="cuda").manual_seed(seed)
        with torch.cuda.stream(new_stream()):
            for _ in range(100):
                x, y = (torch.randn(t.shape, device="cuda", generator=generator) for t in inputs)
                (ours,) = model.run(x, y)
                if not torch.allclose(ours, torch.cos(torch.sin(x) @ y), rtol=0, atol=2e-5):
                    failures.append(seed)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    model.close()
    assert not failures, f"{len(failures)} wrong results in threads {sorted(set(failures))}"
    return "800 runs"


def captured_test(library: str) -> str:
    """The caller captures a run into a CUDA graph of its own."""
    _, (x, y) = built("my_model")
    model = Library(library)
    model.run(x, y)
    graph = torch.cuda.CUDAGraph()
    torch.cuda.synchronize()
    failure = None
    with torch.cuda.graph(graph):
        try:
            (ours,) = model.run(x, y)
        except LibraryError as error:  # the end of the capture raises an error of its own
            failure = error
    assert failure is None, failure
    state = model.graph_state()
    x.copy_(torch.randn_like(x))
    graph.replay()
    torch.cuda.synchronize()
    torch.testing.assert_close(ours, torch.cos(torch.sin(x) @ y), rtol=0, atol=2e-5)
    return state


def expect(part: str, action: Callable[[], Any]) -> str:
    """An action that must fail with a message that holds `part`."""
    try:
        action()
    except LibraryError as error:
        assert part in str(error), f"the message lacks {part!r}: {error}"
        return str(error)[:160]
    raise AssertionError("did not fail")


def refusals(library: str) -> Iterator[Check]:
    """Bad input, each with the message it must get; then a good run."""
    _, (x, y) = built("my_model")
    model = Library(library)
    yield "no such device", lambda: expect("does not exist", lambda: Library(library, device="cuda:63"))
    yield "cpu", lambda: expect('compiled for "cuda"', lambda: Library(library, device="cpu"))
    yield "input on cpu", lambda: expect("on device cpu", lambda: model.run(x.cpu(), y))
    yield "not contiguous", lambda: expect("contiguous", lambda: model.run(x.t(), y))
    shifted = torch.empty(65 * 64, device="cuda")[1:4097].view(64, 64)
    yield "misaligned", lambda: expect("16 bytes", lambda: model.run(shifted, y))
    yield "dtype", lambda: expect("dtype float16", lambda: model.run(x.half(), y))
    if torch.cuda.device_count() > 1:
        elsewhere = new_stream("cuda:1")
        yield (
            "stream elsewhere",
            lambda: expect(
                "stream is of another device", lambda: model.run(x, y, stream=elsewhere.cuda_stream)
            ),
        )
        yield "input elsewhere", lambda: expect("on cuda:1", lambda: model.run(x.to("cuda:1"), y))
        yield (
            "second device",
            lambda: judge_my_model(Library(library, device="cuda:1"), x.to("cuda:1"), y.to("cuda:1")),
        )
    yield "good run after", lambda: judge_my_model(model, x, y)


def judge_my_model(model: Library, x: torch.Tensor, y: torch.Tensor) -> str:
    with torch.cuda.device(x.device):
        (ours,) = model.run(x, y)
        torch.testing.assert_close(ours, torch.cos(torch.sin(x) @ y), rtol=0, atol=2e-5)
    return "right"


def out_of_memory_test(library: str) -> str:
    """All but a little of the device's memory taken: creation or run fails in words, and works once it is free again."""
    _, inputs = built("norms")
    free, _ = torch.cuda.mem_get_info()
    hog = torch.empty(free - (96 << 20), dtype=torch.uint8, device="cuda")
    kept, message = [], ""
    try:
        model = Library(library)
        for _ in range(64):
            kept.append(model.run(*inputs))
    except LibraryError as error:
        message = str(error)
    assert "out of memory" in message.lower() or "OUT_OF_MEMORY" in message, f"no such message: {message!r}"
    del hog, kept
    torch.cuda.empty_cache()
    model = Library(library)
    model.run(*inputs)
    torch.cuda.synchronize()
    return message[:160]


FAULT = """
import sys, torch
sys.path.insert(0, {path!r})
from tests.gpu.library import Library, LibraryError
x, y = torch.randn(64, 64, device="cuda"), torch.randn(64, 64, device="cuda")
model = Library({library!r})
model.run(x, y)
torch.cuda.synchronize()
class Nowhere:
    shape, dtype, is_cuda, device = x.shape, x.dtype, True, x.device
    def dim(self): return 2
    def stride(self): return (64, 1)
    def data_ptr(self): return 0x10000000000 * 60
for _ in range(6):
    try:
        model.start((Nowhere(), y), 0)
        model.check("synchronize_stream", model.container, None)
    except LibraryError as error:
        print(str(error), flush=True)  # torch may abort at the end of a process whose context is lost
"""


def fault_test(library: str, sync: bool) -> str:
    """A kernel that reads memory which is not there, in a process of its own."""
    code = FAULT.format(path=str(ROOT), library=library)
    environment = {**os.environ, "AOTI_CUDA_SYNC": "1" if sync else "0"}
    output = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120
    )
    lines = output.stdout.splitlines()
    assert len(lines) >= 2, f"{len(lines)} messages; stderr: {output.stderr[:600]} ... {output.stderr[-300:]}"
    assert "ILLEGAL_ADDRESS" in lines[0], lines[0]
    assert "restart the process" in lines[-1] and "an earlier run failed" in lines[-1], lines[-1]
    if sync:
        assert "launching kernel triton_poi_fused_sin_0" in lines[0] and "may belong" not in lines[0], lines[
            0
        ]
    else:
        assert "AOTI_CUDA_SYNC=1" in lines[0], lines[0]
    return lines[0][:200]


def checks(folder: Path, scratch: Path) -> Iterator[Check]:
    """Everything that is built, then streams, threads, captures and faults on the smallest model."""
    for table in sorted((folder / "tables").glob("*")):
        yield f"table {table.name}", partial(table_test, table)
    libraries = {model.name: unpack(model, scratch) for model in sorted((folder / "models").iterdir())}
    for model, library in libraries.items():
        if model == "encoder_dynamic":
            yield "dynamic sizes", partial(dynamic_test, library)
        elif model == "decisions":
            yield "decided by data", partial(decisions_test, library)
        elif model == "my_model_torch":
            yield "flavour for libtorch: streams", partial(streams_test, library)
            yield "flavour for libtorch: threads", partial(threads_test, library)
        elif model == "mixed":
            yield "both devices", partial(mixed_test, library)
        elif model == "triton_op":
            yield "triton kernels of the model", partial(user_kernels_test, library)
        else:
            yield f"model {model}", partial(model_test, library, model)
    if "norms" in libraries:
        yield "out of memory", lambda: out_of_memory_test(libraries["norms"])
    if "my_model" in libraries:
        yield from run_side_checks(libraries["my_model"])


def run_side_checks(small: str) -> Iterator[Check]:
    """Streams, threads, captures and faults; the last spoil the process."""
    yield "streams", lambda: streams_test(small)
    yield "threads", lambda: threads_test(small)
    yield "captured by the caller", lambda: captured_test(small)
    for what, test in refusals(small):
        yield f"refused: {what}", test
    yield "fault", lambda: fault_test(small, sync=False)
    yield "fault, synchronous", lambda: fault_test(small, sync=True)


def run_rest(folder: Path, scratch: Path, rows: Path, only: str) -> None:
    """Appends a row for every check that has none yet; ends early when a kernel fault has spoilt the process."""
    done = {json.loads(line)["name"] for line in rows.read_text().splitlines()}
    for name, test in checks(folder, scratch):
        if name in done or only not in name:
            continue
        row = run_check(name, test)
        with rows.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print("ok  " if row["ok"] else "FAIL", name, str(row["detail"])[:300], flush=True)
        if not row["ok"] and context_is_lost():
            return


def main() -> int:
    """Runs the checks in processes of their own, a new one after each kernel fault; writes the result file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("built", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--only", default="", help="checks with this in their name")
    parser.add_argument("--scratch", type=Path, help="(of the processes that this one starts)")
    arguments = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if arguments.scratch:
        run_rest(arguments.built, arguments.scratch, arguments.scratch / "rows", arguments.only)
        return 0
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "rows"
        file.write_text("")
        lines, ended = -1, 0
        while lines != (lines := len(file.read_text().splitlines())):
            ended = subprocess.run([sys.executable, *sys.argv, f"--scratch={name}"], check=False).returncode
        rows = [json.loads(line) for line in file.read_text().splitlines()]
    if ended:  # the checks behind the last row never ran
        rows.append({"name": "all checks run", "ok": False, "detail": f"the process ended with {ended}"})
    failed = [row["name"] for row in rows if not row["ok"]]
    machine = {
        "gpu": torch.cuda.get_device_name(0),
        "torch": torch.__version__,
        "date": time.strftime("%Y-%m-%d"),
    }
    arguments.results.write_text(
        json.dumps({"machine": machine, "failed": failed, "rows": rows}, indent=1) + "\n"
    )
    print(f"{len(rows) - len(failed)} of {len(rows)} checks passed")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
