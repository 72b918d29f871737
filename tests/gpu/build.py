"""Builds what the GPU test script runs, on a machine without a GPU: model libraries with CUDA kernels, and recorded outputs.

Enters: the tables of tests/e2e, the models, a C++ compiler and Triton. Leaves: a folder to be taken to the machine with the GPU:
    tables/TABLE/lib.so, recorded.npz     the cases of a table side by side in one library, with float64 eager's outputs
    models/NAME/lib.so.xz                 models of models/gpu.py (their weights repeat, so they compress well)
    build.json                            what was built, and of each case that was not: why
A case that the compiler refuses is left out of its table and listed.

    python -m tests.gpu.build --out=gpu_tests --cuda_archs=sm_90
    python tests/gpu/run.py gpu_tests results.json          (there: tests/gpu/run.py)
"""

from __future__ import annotations

import contextlib
import io
import json
import lzma
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from absl import app, flags

from compiler.driver import cli, export_example, export_program, export_recorded
from models import gpu, gpu_vision, my_model, triton_op
from tests.e2e.case import Case, combine
from tests.e2e.run_cases import TABLES, cases
from tests.gpu import decisions_model, dynamic_model, mixed_model

FLAGS = flags.FLAGS

MODELS: dict[str, Callable[[], Any]] = {
    "my_model": my_model.build,
    "my_model_torch": my_model.build,  # in the flavour for libtorch
    "encoder_dynamic": dynamic_model.encoder,
    "decisions": decisions_model.build,
    "mixed": mixed_model.build,
    "mlp_1": gpu.mlp_1,
    "mlp_256": gpu.mlp_256,
    "norms": gpu.norms,
    "decoder_step": gpu.decoder_step,
    "decoder_prefill": gpu.decoder_prefill,
    "resnet50_1": gpu_vision.resnet50_1,
    "resnet50_32": gpu_vision.resnet50_32,
    "vit_1": gpu_vision.vit_1,
    "vit_32": gpu_vision.vit_32,
    "triton_op": triton_op.build,
}


def compile_model(model: Path, out: Path, name: str, *options: str) -> str:
    """Compiles a `.pt2` file for CUDA; gives why it failed, "" when it did not."""
    arguments = ["aoti", str(model), f"--out={out}", f"--name={name}", "--quiet", "--device=cuda"]
    arguments += [f"--cuda-archs={FLAGS.cuda_archs}", *options]
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            return "" if cli.main(arguments) == 0 else errors.getvalue().strip()
        except Exception:  # a bug of the compiler: one case fails, the others are still built
            return traceback.format_exc()


def refusal(case: Case) -> str:
    """Why the compiler does not take a case, "" when it does."""
    with tempfile.TemporaryDirectory() as folder:
        example = export_example.normalise(case.build(), case.name)
        export_program.save(export_program.export(example), Path(folder) / "model.pt2")
        return compile_model(Path(folder) / "model.pt2", Path(folder) / "out", "case", "--compile-to=wrapper")


def build_table(table: str, out: Path) -> dict[str, str]:
    """One library of all good cases of a table. Gives the refused ones with reasons."""
    chosen = [case for _, case in cases(f"{table}.")]
    refused = {case.name: reason for case in chosen if (reason := refusal(case))}
    example = export_example.normalise(combine([c for c in chosen if c.name not in refused]), table)
    program = export_program.export(example)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export_program.save(program, folder / "model.pt2")
        if reason := compile_model(folder / "model.pt2", folder / "out", table):
            return {**refused, "(whole table)": reason}
        out.mkdir(parents=True)
        export_recorded.write(out / "recorded.npz", export_recorded.record(example, program))
        shutil.copy(folder / "out" / f"lib{table}.so", out / "lib.so")
    return refused


def build_model(name: str, out: Path) -> str:
    """A model of MODELS, compressed. Gives why it failed, "" when it did not."""
    example = export_example.normalise(MODELS[name](), name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        export_program.save(export_program.export(example), folder / "model.pt2")
        if name == "mixed":
            mixed_model.on_a_gpu(folder / "model.pt2")
        options = ("--shim=torch",) if name.endswith("_torch") else ()
        if reason := compile_model(folder / "model.pt2", folder / "out", name, *options):
            return reason
        out.mkdir(parents=True)
        with (
            lzma.open(out / "lib.so.xz", "wb", preset=1) as target,
            (folder / "out" / f"lib{name}.so").open("rb") as source,
        ):
            shutil.copyfileobj(source, target, 1 << 20)
    return ""


def main(argv: Sequence[str]) -> int:
    """Builds everything that is chosen; 0 unless arguments are wrong: refusals are in build.json."""
    if len(argv) > 1:
        print(f"error: unexpected {argv[1:]}", file=sys.stderr)
        return 1
    out = Path(FLAGS.out)
    report: dict[str, object] = {"cuda_archs": FLAGS.cuda_archs}
    for table in FLAGS.tables:
        started = time.time()
        refused = report[f"tables/{table}"] = build_table(table, out / "tables" / table)
        print(f"tables/{table}: {len(refused)} refused, {time.time() - started:.0f} s", flush=True)
    for name in FLAGS.models:
        started = time.time()
        reason = report[f"models/{name}"] = build_model(name, out / "models" / name)
        print(
            f"models/{name}: {reason.splitlines()[-1] if reason else 'built'}, {time.time() - started:.0f} s",
            flush=True,
        )
    out.mkdir(parents=True, exist_ok=True)
    earlier = json.loads((out / "build.json").read_text()) if (out / "build.json").exists() else {}
    (out / "build.json").write_text(json.dumps({**earlier, **report}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    flags.DEFINE_string("out", None, "Folder to make.", required=True)
    flags.DEFINE_string("cuda_archs", "sm_90", "As the compiler's --cuda-archs.")
    flags.DEFINE_list("tables", list(TABLES), "Tables of tests/e2e to build.")
    flags.DEFINE_list("models", list(MODELS), "Models to build.")
    app.run(main)
