"""One config of one problem on the GPU: compiled in another process, checked, then timed.

Enters: a problem's operands on the GPU, a compiled cubin. Leaves: a `Measurement`: microseconds, or why there is none. A
wrong result is never timed: the output is poisoned before the check, every element is compared, and semaphores must be zero again.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import torch

from kernels.triton.calls import Call, call
from kernels.triton.compile_kernel import Cubin
from kernels.tuning.configs import Config
from kernels.tuning.gpus import Gpu
from kernels.tuning.problems import Problem
from tools.tune.driver import Driver, DriverError, Kernel
from tools.tune.operands import Operands
from tools.tune.timing import time_us


@dataclass(frozen=True)
class Measurement:
    config: Config
    us: float  # infinite when there is none
    error: float = 0.0
    reason: str = ""


class Bench:
    """Measures configs of one problem. Its memory is freed with it."""

    def __init__(self, driver: Driver, problem: Problem, operands: Operands, gpu: Gpu) -> None:
        self.driver = driver
        self.problem = problem
        self.operands = operands
        self.gpu = gpu
        self.workspace = torch.empty(0, device="cuda")
        self.semaphores = torch.zeros(1 << 16, dtype=torch.int32, device="cuda")

    def measure(self, config: Config, cubin: Cubin | str, expected_us: float) -> Measurement:
        if isinstance(cubin, str):
            return Measurement(config, float("inf"), reason=cubin)
        if cubin.shared_bytes > self.gpu.block_shared_bytes:
            return Measurement(config, float("inf"), reason=f"{cubin.shared_bytes} bytes of shared memory")
        it = call(self.problem, config, self.gpu.multiprocessors)
        if it.semaphores > self.semaphores.numel():
            return Measurement(config, float("inf"), reason=f"{it.semaphores} semaphores")
        if it.workspace_floats > self.workspace.numel():
            self.workspace = torch.empty(it.workspace_floats, device="cuda")
        self.workspace.fill_(float("nan"))
        try:
            kernel = self.driver.load(cubin)
        except DriverError as error:
            return Measurement(config, float("inf"), reason=str(error))
        try:
            return self._checked(it, config, kernel, expected_us)
        finally:
            torch.cuda.synchronize()
            kernel.close()

    def _checked(self, it: Call, config: Config, kernel: Kernel, expected_us: float) -> Measurement:
        values = [self._values(it, kernel.cubin, s) for s in range(len(self.operands.sets))]
        dependent = bool(config.get("PDL"))

        def launch(i: int) -> None:
            stream = torch.cuda.current_stream().cuda_stream
            kernel.launch(it.grid, values[i % len(values)], stream, dependent)

        out = self.operands.sets[0]["out"]
        out.fill_(float("nan"))
        launch(0)
        torch.cuda.synchronize()
        error = self.operands.error(out)
        if not error <= self.operands.limit:
            return Measurement(
                config, float("inf"), error, f"wrong: {error:.3g}, allowed {self.operands.limit:.3g}"
            )
        us = time_us(launch, expected_us)
        if self.semaphores.any():
            self.semaphores.zero_()
            return Measurement(config, float("inf"), error, "a semaphore was left set")
        again = self.operands.error(out)  # after many launches, some of which may have overlapped
        if not again <= self.operands.limit and len(self.operands.sets) == 2:
            return Measurement(config, float("inf"), again, f"wrong after many launches: {again:.3g}")
        return Measurement(config, us, error)

    def _values(self, it: Call, cubin: Cubin, which: int) -> list[Any]:
        tensors = {**self.operands.sets[which], "workspace": self.workspace, "semaphores": self.semaphores}
        maps = {m.parameter: (m, meta) for m, meta in zip(it.tensor_maps, cubin.tensor_maps, strict=True)}
        values: list[Any] = []
        for name in it.operands:
            address = tensors[name].data_ptr()
            if name not in maps:
                values.append(ctypes.c_uint64(address))
                continue
            described, meta = maps[name]
            values.append(self.driver.tensor_map(address, meta, described.sizes, described.strides))
            values += [ctypes.c_int32(size) for size in described.sizes]
            values += [ctypes.c_int64(stride) for stride in described.strides]
        return values
