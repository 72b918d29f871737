"""ONNX Runtime: the exported program as ONNX, run by its CPU provider with all graph optimisations.

    prepare: model.pt2 -> work_dir/model.onnx    torch.onnx.export(dynamo=True), opset 18
    load:    InferenceSession with job.threads threads; inputs bound once, outputs in buffers that it keeps

Opset 18 and not 23, whose Attention operator ONNX Runtime 1.32 refuses for a mask that broadcasts over the
queries.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tools.bench.contender import Artefact, Contender, Job, Runner, Unavailable, optional_package

OPSET = 18


class OnnxRuntime(Contender):
    """ONNX Runtime's CPU provider (MLAS kernels, its own thread pool)."""

    name = "onnxruntime"
    title = "ONNX Runtime"
    distributions = ("onnxruntime", "onnx", "onnxscript")

    def prepare(self, job: Job) -> Artefact:
        """Converts; the session optimises the graph each time it is made."""
        import torch

        onnxruntime = optional_package("onnxruntime")
        program = torch.export.load(job.model_dir / "model.pt2")
        start = time.perf_counter()
        converted = torch.onnx.export(program, dynamo=True, opset_version=OPSET, optimize=True, verbose=False)
        assert converted is not None
        converted.save(job.work_dir / "model.onnx")
        compile_s = time.perf_counter() - start
        libraries = sorted((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*"))
        files = sorted(job.work_dir.glob("model.onnx*"))
        note = "converts to ONNX; the graph is optimised when the session is made"
        return Artefact(
            model_files=tuple(files), runtime_files=tuple(libraries), compile_s=compile_s, note=note
        )

    def load(self, job: Job, artefact: Artefact) -> Runner:
        """A session with its inputs and outputs bound."""
        ort = optional_package("onnxruntime")
        options = ort.SessionOptions()
        options.intra_op_num_threads = job.threads
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        session = ort.InferenceSession(
            str(artefact.model_files[0]), options, providers=["CPUExecutionProvider"]
        )
        binding = session.io_binding()
        for value, array in zip(session.get_inputs(), job.inputs(), strict=True):
            binding.bind_ortvalue_input(value.name, ort.OrtValue.ortvalue_from_numpy(array))
        for value in session.get_outputs():
            binding.bind_output(value.name, "cpu")

        def run() -> Any:
            session.run_with_iobinding(binding)
            return binding

        return Runner(run, lambda bound: list(bound.copy_outputs_to_cpu()))

    def cold_start_command(self, job: Job, artefact: Artefact) -> list[str]:
        """Not measured."""
        raise Unavailable(
            "ONNX Runtime's wheel has its C library but not the header that declares its table of functions"
        )
