"""PyTorch's AOTInductor: a `.pt2` package that its own loader runs, from Python or from C++ over libtorch.

    prepare: model.pt2 -> work_dir/compiled.pt2    aoti_compile_and_package, for the threads of the run
    load:    AOTIModelPackageLoader without its locks, called with a list of tensors

Two variants: its defaults, and `freezing`, which folds weights into constants and packs them for oneDNN.
(`max_autotune` on top was tried on MiniLM and ResNet-18: 1.5 to 3 times the compile time, no gain beyond the
noise.)
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

from tools.bench import inductor_cache
from tools.bench.contender import Artefact, Contender, Job, Runner, Unavailable
from tools.bench.programs import Program, build
from tools.bench.torch_in_process import to_arrays

# What a C++ program that loads a package needs of the torch wheel's lib folder; the rest of it is Python's.
RUNTIME_LIBRARIES = ("libtorch.so", "libtorch_cpu.so", "libc10.so", "libgomp*.so*")


class AotInductor(Contender):
    """AOTInductor as `torch._inductor.aoti_compile_and_package` is by default."""

    name = "aotinductor"
    title = "AOTInductor"
    distributions = ("torch",)
    threads_change_artefact = True  # Inductor chooses by the number of threads it sees while compiling
    freezing = False

    def environment(self, job: Job) -> dict[str, str]:
        """No result of an earlier compilation is used."""
        return super().environment(job) | inductor_cache.environment(job)

    def warm_up_compiler(self, job: Job) -> None:
        """The header that Inductor compiles once on each machine."""
        module, args = inductor_cache.tiny_model()
        import torch

        self._compile(torch.export.export(module, args), job)

    def prepare(self, job: Job) -> Artefact:
        """Compiles and packages with the host's g++ or $CXX, as its users do."""
        import torch

        compiler = os.environ.get("CXX", "g++")
        if shutil.which(compiler) is None:
            raise Unavailable(f"AOTInductor compiles with {compiler}, which is not on the PATH")
        torch.set_num_threads(job.threads)
        program = torch.export.load(job.model_dir / "model.pt2")
        start = time.perf_counter()
        package = self._compile(program, job)
        compile_s = time.perf_counter() - start
        libraries = Path(torch.__file__).parent / "lib"
        runtime = tuple(path for pattern in RUNTIME_LIBRARIES for path in sorted(libraries.glob(pattern)))
        return Artefact(model_files=(package,), runtime_files=runtime, compile_s=compile_s)

    def _compile(self, program: Any, job: Job) -> Path:
        """An exported program -> work_dir/compiled.pt2."""
        import torch

        package = job.work_dir / "compiled.pt2"
        with torch.inference_mode():
            torch._inductor.aoti_compile_and_package(
                program, package_path=str(package), inductor_configs={"freezing": self.freezing}
            )
        return package

    def load(self, job: Job, artefact: Artefact) -> Runner:
        """The package's loader itself: its Python wrapper only adds time."""
        import torch

        torch.set_num_threads(job.threads)
        model = torch._inductor.aoti_load_package(str(artefact.model_files[0]), run_single_threaded=True)
        inputs = job.tensors()
        run = model.loader.run
        return Runner(lambda: run(inputs), to_arrays)

    def cold_start_command(self, job: Job, artefact: Artefact) -> list[str]:
        """A C++ program over libtorch's package loader; g++ because libtorch is made for libstdc++."""
        import torch

        root = Path(torch.__file__).parent
        program = build(
            Program(
                name="cold_start_aotinductor",
                source="cold_start_aotinductor.cc",
                compiler="g++",
                flags=(
                    *(f"-I{root / folder}" for folder in ("include", "include/torch/csrc/api/include")),
                    f"-L{root / 'lib'}",
                    f"-Wl,-rpath,{root / 'lib'}",
                    "-Wl,--no-as-needed",
                    "-ltorch_cpu",
                    "-lc10",
                    "-ltorch",
                ),
            ),
            job.programs_dir,
        )
        return [str(program), str(artefact.model_files[0])]


class AotInductorFreezing(AotInductor):
    """AOTInductor with weights folded and packed: the peer to beat on a CPU."""

    name = "aotinductor-freezing"
    title = "AOTInductor, freezing"
    freezing = True
