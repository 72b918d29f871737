"""OpenVINO: the exported program converted to its own format, run by its CPU plugin in latency mode, in
float32, or in bfloat16 where the model's weights are.

prepare: model.pt2 -> work_dir/model.xml, model.bin    convert_model, weights kept in float32
load:    compile_model with job.threads threads and one stream; input tensors bound once without a copy
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from tools.bench.contender import Array, Artefact, Contender, Job, Runner, optional_package
from tools.bench.programs import Program, build

# What a C program needs to run a model.xml on a CPU.
RUNTIME_LIBRARIES = (
    "libopenvino.so.*",
    "libopenvino_c.so.*",
    "libopenvino_intel_cpu_plugin.so",
    "libopenvino_ir_frontend.so.*",
    "libtbb.so.*",
)


def _numbers(data: Array, is_bfloat16: bool) -> Array:
    """A copy; bfloat16, which numpy lacks, as float32."""
    return (data.view(np.uint16).astype(np.uint32) << 16).view(np.float32) if is_bfloat16 else np.array(data)


class OpenVino(Contender):
    """OpenVINO's CPU plugin (oneDNN and its own kernels, TBB threads)."""

    name = "openvino"
    title = "OpenVINO"
    distributions = ("openvino",)

    def prepare(self, job: Job) -> Artefact:
        """Converts; the plugin compiles kernels each time the model is loaded."""
        import torch

        openvino = optional_package("openvino")
        program = torch.export.load(job.model_dir / "model.pt2")
        start = time.perf_counter()
        openvino.save_model(
            openvino.convert_model(program), job.work_dir / "model.xml", compress_to_fp16=False
        )
        compile_s = time.perf_counter() - start
        libraries = Path(openvino.__file__).parent / "libs"
        runtime = tuple(path for pattern in RUNTIME_LIBRARIES for path in sorted(libraries.glob(pattern)))
        files = (job.work_dir / "model.xml", job.work_dir / "model.bin")
        note = "converts to OpenVINO's format; kernels are made when the model is loaded"
        return Artefact(model_files=files, runtime_files=runtime, compile_s=compile_s, note=note)

    def load(self, job: Job, artefact: Artefact) -> Runner:
        """One inference request with bound inputs."""
        openvino = optional_package("openvino")
        config = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if job.types["weights"] == "bfloat16" else "f32",
            "INFERENCE_NUM_THREADS": job.threads,
            "NUM_STREAMS": 1,
        }
        compiled = openvino.Core().compile_model(artefact.model_files[0], "CPU", config)
        request = compiled.create_infer_request()
        inputs = [np.ascontiguousarray(array) for array in job.inputs()]
        for index, (array, dtype) in enumerate(zip(inputs, job.types["inputs"], strict=True)):
            if dtype == "bfloat16":
                tensor = openvino.Tensor(openvino.Type.bf16, array.shape)
                # its `data` calls the bits float16; the array's numbers are bfloat16 exactly
                tensor.data.view(np.uint16)[...] = array.view(np.uint32) >> 16
            else:
                tensor = openvino.Tensor(array, shared_memory=True)
            request.set_input_tensor(index, tensor)

        def run() -> Any:
            request.infer(share_outputs=True)
            return inputs  # keeps the memory of the bound tensors alive as long as the runner

        def outputs(_: Any) -> list[Array]:
            tensors = request.output_tensors
            return [_numbers(t.data, t.element_type == openvino.Type.bf16) for t in tensors]

        return Runner(run, outputs)

    def cold_start_command(self, job: Job, artefact: Artefact) -> list[str]:
        """A C program over the C interface in the wheel."""
        openvino = optional_package("openvino")
        root = Path(openvino.__file__).parent
        library = next((root / "libs").glob("libopenvino_c.so.*"))
        program = build(
            Program(
                name="cold_start_openvino",
                source="cold_start_openvino.cc",
                compiler="c++",
                flags=(f"-I{root / 'include'}", str(library), f"-Wl,-rpath,{root / 'libs'}"),
            ),
            job.programs_dir,
        )
        return [str(program), str(artefact.model_files[0])]
