"""Where the time of one run of a model library goes, kernel by kernel. Needs torch with CUDA.

Enters: the folder of tests.gpu.build, names of models. Leaves, for each, a table: all launches of a kernel in a run, their number,
microseconds of one; and the whole run's time in a graph beside the sum of its kernels.

    python tools/bench/gpu/kernel_times.py gpu_tests mlp_256 decoder_step

Kernels are timed by PyTorch's profiler (CUPTI), each waited for before the next (AOTI_CUDA_SYNC): launched early, a kernel's time would
hold its wait for the one before it. So what overlaps in a run is in the sum twice.
"""

from __future__ import annotations

import lzma
import os
import sys
import tempfile
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.gpu.library import Library
from tools.bench.gpu.bench import built, time_calls

RUNS = 5
ROWS = 30


def profile(path: str, name: str) -> str:
    """The table of one model."""
    _, inputs = built(name)
    model = Library(path)
    for _ in range(3):
        model.run(*inputs)

    def runs(count: int) -> None:
        for _ in range(count):
            model.run(*inputs)

    whole = time_calls(runs, 50)
    model.close()
    os.environ["AOTI_CUDA_SYNC"] = "1"  # read when a library is opened on a device
    model = Library(path)
    runs(1)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as recorded:
        runs(RUNS)
        torch.cuda.synchronize()
    model.close()
    del os.environ["AOTI_CUDA_SYNC"]
    rows = sorted(recorded.key_averages(), key=lambda e: -e.self_device_time_total)
    total = sum(e.self_device_time_total for e in rows) / RUNS
    lines = [f"{name}: {whole:.1f} us a run in a graph (called from Python), {total:.1f} us of kernels"]
    for e in rows[:ROWS]:
        each = e.self_device_time_total / e.count
        lines.append(
            f"  {e.self_device_time_total / RUNS:9.1f} {e.count // RUNS:5d} x {each:8.2f}  {e.key[:90]}"
        )
    return "\n".join(lines)


def main() -> None:
    folder, *names = sys.argv[1:]
    torch.set_grad_enabled(False)
    with tempfile.TemporaryDirectory() as scratch:
        for name in names:
            path = Path(scratch) / f"lib{name}.so"
            with lzma.open(Path(folder) / "models" / name / "lib.so.xz") as packed:
                path.write_bytes(packed.read())
            print(profile(str(path), name), flush=True)


if __name__ == "__main__":
    main()
