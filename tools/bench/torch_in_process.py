"""PyTorch inside Python: eager, and `torch.compile`. Neither leaves files.

Both run the model's own class, built again from its seed, and not the exported program, whose call checks its
inputs.

    Eager().load(job, Artefact()).run()  ->  module(*inputs) in inference mode
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tools.bench import inductor_cache
from tools.bench.contender import Array, Artefact, Contender, Job, Runner
from tools.bench.model_names import MODELS


def _bind(job: Job, compile_module: Callable[[Any], Any]) -> Runner:
    """The model's own class, passed through `compile_module`, on the example inputs: what a user runs."""
    import torch

    from compiler.driver import export_example

    entry = MODELS[job.model]
    example = export_example.load(entry.source_file(), entry.function, seed=0, data=job.data)
    torch.set_num_threads(job.threads)  # after building, which uses one
    module = compile_module(example.module)
    inputs = job.tensors()

    def run() -> Any:
        with torch.inference_mode():
            return module(*inputs)

    return Runner(run, to_arrays)


def to_arrays(result: Any) -> list[Array]:
    """The tensors of any nest of lists, tuples, dicts and dataclasses, in the order of an exported program's outputs."""
    from torch.utils import _pytree

    return [to_array(tensor) for tensor in _pytree.tree_leaves(result)]


def to_array(tensor: Any) -> Array:
    """A tensor as an array; bfloat16, which numpy lacks, as float32."""
    import torch

    array: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return array


class Eager(Contender):
    """The model's own Python class, operator by operator."""

    name = "eager"
    title = "PyTorch eager"
    distributions = ("torch",)

    def prepare(self, job: Job) -> Artefact:
        """Nothing to compile."""
        return Artefact()

    def load(self, job: Job, artefact: Artefact) -> Runner:
        """The module as its build function gives it."""
        return _bind(job, lambda module: module)


class Compiled(Contender):
    """`torch.compile` with its defaults; compiles at the first run."""

    name = "compile"
    title = "torch.compile"
    distributions = ("torch",)
    compiles_at_first_run = True

    def environment(self, job: Job) -> dict[str, str]:
        """No result of an earlier compilation is used."""
        return super().environment(job) | inductor_cache.environment(job)

    def warm_up_compiler(self, job: Job) -> None:
        """Inductor compiles a common header once on each machine."""
        import torch

        module, args = inductor_cache.tiny_model()
        compiled: Any = torch.compile(module)
        compiled(*args)

    def prepare(self, job: Job) -> Artefact:
        """Compiles in the worker instead."""
        return Artefact(note="compiles in the process, at the first run")

    def load(self, job: Job, artefact: Artefact) -> Runner:
        """The compiled module; the caller's first run compiles."""
        import torch

        return _bind(job, torch.compile)
