"""The compilation of one config, in a process of its own: it needs Triton's compiler, and neither torch nor a GPU.

Enters: a problem and a config. Leaves: the machine code, or why there is none.
"""

from __future__ import annotations

from dataclasses import replace

from kernels.triton.calls import call
from kernels.triton.compile_kernel import Cubin, compile_kernel
from kernels.tuning.configs import Config
from kernels.tuning.gpus import Gpu
from kernels.tuning.problems import Problem


def compile_config(problem: Problem, config: Config, gpu: Gpu) -> Cubin | str:
    """Without the assembly, which nobody asks for."""
    it = call(problem, config, gpu.multiprocessors)
    options = {"launch_pdl": True} if config.get("PDL") else {}
    try:
        cubin = compile_kernel(it.function, it.values, gpu.arch, it.num_warps, it.num_stages, **options)
        return replace(cubin, assembly="")
    except Exception as error:  # Triton's errors have no common base
        return f"{type(error).__name__}: {str(error)[:300]}"
