"""Make stock_models.tar.xz: the models of stock_models.py as PyTorch's own AOTInductor compiles them, with eager's results.

Enters: the torch of this Python and the g++ of this machine (with OpenMP). Leaves: one archive with NAME.so for each model, stripped, for
x86-64-v3 (for those in PACKAGED NAME.pt2, as it was written), recorded.npz (NAME.CASE.inN, NAME.CASE.outN) and torch.txt, the release
of torch. It is committed, because no test may rely on a host compiler. When the pinned torch is another one,
ours_runs_stock_models_test fails until it was made again, in a Python with that torch:

    python -m tests.interop.make_stock_models tests/interop/stock_models.tar.xz
    python tests/interop/make_stock_library.py tests/interop/stock_my_model.so
    ./bazelw test //tests/interop/...
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import torch

from tests.interop.make_stock_library import compile_module, torch_release
from tests.interop.stock_models import MODELS, PACKAGED, WEIGHTS_OUTSIDE, StockModel


def record(name: str, model: StockModel) -> dict[str, np.ndarray]:
    """Inputs and eager's outputs of every case."""
    found: dict[str, np.ndarray] = {}
    for case, args in enumerate([model.args, *model.more]):
        with torch.no_grad():
            results = model.module(*args)
        outputs = results if isinstance(results, tuple | list) else (results,)
        found |= {f"{name}.{case}.in{i}": a.numpy() for i, a in enumerate(args)}
        found |= {f"{name}.{case}.out{i}": a.numpy() for i, a in enumerate(outputs)}
    return found


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nothing of this machine in the archive."""
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    info.mode = 0o644
    return info


def compile_one(name: str, model: StockModel, folder: Path) -> Path:
    """The file to keep."""
    if name in PACKAGED:
        return compile_module(
            model.module,
            model.args,
            model.dynamic_shapes,
            folder,
            package=folder / f"{name}.pt2",
            weights_outside=name in WEIGHTS_OUTSIDE,
        )
    library = compile_module(model.module, model.args, model.dynamic_shapes, folder)
    stripped = folder / f"{name}.so"
    subprocess.run(["strip", "--strip-all", "-o", str(stripped), str(library)], check=True)
    return stripped


def main(argv: list[str]) -> int:
    if len(argv) != 1:
        print("make_stock_models: expected the archive to write", file=sys.stderr)
        return 1
    recorded: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(argv[0], "w:xz", preset=9) as archive:
        folder = Path(scratch)
        for model_name, make in MODELS.items():
            torch.manual_seed(0)
            model = make()
            model.module.eval()
            recorded |= record(model_name, model)
            kept = compile_one(model_name, model, folder)
            archive.add(kept, kept.name, filter=_plain)
        np.savez_compressed(folder / "recorded.npz", **recorded)  # type: ignore[arg-type]
        (folder / "torch.txt").write_text(torch_release() + "\n")
        for name in ("recorded.npz", "torch.txt"):
            archive.add(folder / name, name, filter=_plain)
    print(f"{argv[0]}: {len(MODELS)} models, {Path(argv[0]).stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
