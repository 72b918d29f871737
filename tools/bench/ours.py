"""This compiler: a library made by `python -m compiler.driver`, run through the binding `aoti_runtime`.

    prepare: model.pt2 -> work_dir/lib<model>_aoti.so    the command that a user types, timed with its start
    load:    aoti_runtime.load(library, num_threads=...), called with arrays

Objects that are the same for all models (runtime, shim, the engine of matrix products, convolutions and attention) are in a cache of
this bench run before anything is timed, as PyTorch's precompiled header and its libraries are; no generated kernel is in it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tools.bench import inductor_cache
from tools.bench.contender import Artefact, Contender, Job, Runner, Unavailable, optional_package
from tools.bench.programs import Program, build
from tools.bench.torch_in_process import to_array


class Ours(Contender):
    """A library of this compiler, static flavour."""

    name = "ours"
    title = "ours"

    def environment(self, job: Job) -> dict[str, str]:
        """A cache of compiled objects for this bench run only."""
        return super().environment(job) | {"AOTI_CACHE_DIR": str(job.programs_dir / "aoti_cache")}

    def warm_up_compiler(self, job: Job) -> None:
        """Compiles what every library shares."""
        import torch

        module, args = inductor_cache.tiny_model()
        package = job.work_dir / "tiny.pt2"
        torch.export.save(torch.export.export(module, args), package)
        self._compile(job, package, "tiny")

    def prepare(self, job: Job) -> Artefact:
        """Runs the driver's command line."""
        start = time.perf_counter()
        library = self._compile(job, job.model_dir / "model.pt2", f"{job.model}_aoti")
        compile_s = time.perf_counter() - start
        note = "compile time inside is that of the command, with Python's start"
        return Artefact(model_files=(library,), compile_s=compile_s, note=note)

    def _compile(self, job: Job, package: Path, name: str) -> Path:
        """The library of an exported program."""
        command = [
            sys.executable,
            "-m",
            "compiler.driver",
            str(package),
            "-o",
            str(job.work_dir),
            "--name",
            name,
        ]
        if job.cxx:
            command += ["--cxx", job.cxx]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise Unavailable(f"compiler.driver failed: {complaint(result.stderr)}")
        library = job.work_dir / f"lib{name}.so"
        if not library.exists():
            raise Unavailable(f"compiler.driver wrote no {library.name}: {complaint(result.stderr)}")
        return library

    def load(self, job: Job, artefact: Artefact) -> Runner:
        """One instance with its own number of threads."""
        aoti_runtime = optional_package("aoti_runtime")
        model = aoti_runtime.load(str(artefact.model_files[0]), num_threads=job.threads)
        if "bfloat16" not in [*job.types["inputs"], *(output.dtype for output in model.outputs)]:
            arrays = job.inputs()
            return Runner(lambda: model.run(*arrays), lambda results: [np.from_dlpack(r) for r in results])
        from torch.utils.dlpack import from_dlpack  # numpy has no bfloat16

        tensors = job.tensors()
        return Runner(
            lambda: model.run(*tensors), lambda results: [to_array(from_dlpack(r)) for r in results]
        )

    def cold_start_command(self, job: Job, artefact: Artefact) -> list[str]:
        """A C++ program that opens the library."""
        root = Path(__file__).resolve().parents[2]
        program = build(
            Program(
                name="cold_start_ours",
                source="cold_start_ours.cc",
                compiler=job.cxx or "c++",
                flags=(f"-I{root / 'shim/include'}", f"-I{root / 'runtime/include'}", "-ldl"),
            ),
            job.programs_dir,
        )
        return [str(program), str(artefact.model_files[0])]


def complaint(text: str) -> str:
    """What a command line says is wrong: its last line that begins with `error:`, else its last line."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    errors = [line.removeprefix("error:").strip() for line in lines if line.startswith("error:")]
    return (errors or lines or ["no message"])[-1]
