"""What the cost model and the floors know of each GPU.

Rates are those that programs reach, not those of data sheets: bandwidth of a large copy (bytes read plus written), matrix rate of a
large product on random data. Where nobody measured here, the value is the data sheet's times the share that was reached on the
measured ones (0.8 of the matrix rate, 0.9 of the bandwidth); `measured` says which.
"""

from __future__ import annotations

from dataclasses import dataclass

# Bytes of shared memory that a block can have, by architecture: CUDA C++ Programming Guide, "Technical Specifications".
BLOCK_SHARED_BYTES = {80: 163 << 10, 86: 99 << 10, 89: 99 << 10, 90: 227 << 10, 100: 227 << 10, 120: 99 << 10}


@dataclass(frozen=True)
class Gpu:
    """bandwidth, l2_bandwidth: bytes/s. matrix: operations/s of dense products by dtype; "fp32" by ordinary units, "tf32" by matrix units.
    shared_bytes: of one multiprocessor, for all its blocks; block_shared_bytes: the most that one block may have."""

    name: str
    arch: int
    multiprocessors: int
    bandwidth: float
    l2_bandwidth: float
    matrix: dict[str, float]
    shared_bytes: int
    block_shared_bytes: int
    measured: bool

    def rate(self, dtype: str, precision: str = "ieee") -> float:
        if dtype == "fp32":
            return (
                self.matrix["fp32"]
                if precision == "ieee"
                else self.matrix["tf32"] / (3 if precision == "tf32x3" else 1)
            )
        return self.matrix[dtype]

    def floor_us(self, operations: int, moved_bytes: int, dtype: str, precision: str = "ieee") -> float:
        """The larger of the two times that no kernel can beat."""
        return 1e6 * max(operations / self.rate(dtype, precision), moved_bytes / self.bandwidth)


def _matrix(half: float, fp32: float) -> dict[str, float]:
    return {
        "fp16": half,
        "bf16": half,
        "tf32": half / 2,
        "fp8e4nv": 2 * half,
        "fp8e5": 2 * half,
        "i8": 2 * half,
        "fp32": fp32,
    }


GPUS = (
    Gpu("NVIDIA H100 80GB HBM3", 90, 132, 3.0e12, 5.5e12, _matrix(790e12, 55e12), 228 << 10, 227 << 10, True),
    Gpu("NVIDIA H200", 90, 132, 4.3e12, 5.5e12, _matrix(790e12, 55e12), 228 << 10, 227 << 10, True),
    Gpu(
        "NVIDIA A100-SXM4-80GB", 80, 108, 1.8e12, 3.5e12, _matrix(250e12, 17e12), 164 << 10, 163 << 10, False
    ),
    Gpu("NVIDIA B200", 100, 148, 7.0e12, 9.0e12, _matrix(1800e12, 65e12), 228 << 10, 227 << 10, False),
)


def gpu_named(name: str) -> Gpu:
    """Raises KeyError with the known names."""
    for gpu in GPUS:
        if gpu.name == name:
            return gpu
    raise KeyError(f"no figures for the GPU {name!r}; known: {', '.join(g.name for g in GPUS)}")


def gpu_for(arch: int) -> Gpu:
    """The GPU that stands for an architecture (80, 90, 100): the first one listed; the nearest older one where none is."""
    fitting = [g for g in GPUS if g.arch <= arch]
    if not fitting:
        raise KeyError(f"no figures for sm_{arch}; the oldest architecture is sm_{min(g.arch for g in GPUS)}")
    newest = max(g.arch for g in fitting)
    return next(g for g in fitting if g.arch == newest)
