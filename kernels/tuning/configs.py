"""How a template is set up for a problem: its compile-time arguments, warps and stages. What the database stores and codegen prints.

Enters: numbers. Leaves: a `Config`, to and from JSON, and what follows from it: programs of the launch, workspace, shared memory.
`template` is the name of the jit function in kernels/triton; `constants` are those of its compile-time arguments that differ from their
defaults and do not follow from the problem.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kernels.tuning.problems import Attention, Convolution, Problem, Product

TENSOR_MAPS = "tensor maps"  # descriptors made by the host
WORKSPACE = "workspace"  # float32 memory, and semaphores that are zero before the first launch
DEPENDENT_LAUNCH = "dependent launch"  # the attribute of programmatic stream serialisation
EVERYTHING = frozenset({TENSOR_MAPS, WORKSPACE, DEPENDENT_LAUNCH})
PERSISTENT = "gemm_persistent"  # the template whose programs take tiles in turn


@dataclass(frozen=True)
class Config:
    template: str
    constants: tuple[tuple[str, int], ...]
    num_warps: int
    num_stages: int = 1

    def get(self, name: str, default: int = 0) -> int:
        return dict(self.constants).get(name, default)

    def to_json(self) -> dict[str, Any]:
        return {
            "template": self.template,
            "constants": dict(self.constants),
            "num_warps": self.num_warps,
            "num_stages": self.num_stages,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Config:
        """Raises KeyError or ValueError for what is not a config."""
        constants = tuple((str(k), int(v)) for k, v in data["constants"].items())
        return Config(str(data["template"]), constants, int(data["num_warps"]), int(data["num_stages"]))

    @property
    def needs(self) -> frozenset[str]:
        """What the host must be able to give the launch."""
        found = {
            TENSOR_MAPS: self.get("TMA"),
            WORKSPACE: self.get("SPLIT_K", 1) > 1 or self.get("SPLITS", 1) > 1,
            DEPENDENT_LAUNCH: self.get("PDL"),
        }
        return frozenset(need for need, wanted in found.items() if wanted)

    def __str__(self) -> str:
        constants = " ".join(f"{k}={v}" for k, v in self.constants)
        return f"{self.template} {constants} warps={self.num_warps} stages={self.num_stages}"


def cdiv(a: int, b: int) -> int:
    return -(-a // b)


def power_of_two(value: int) -> int:
    """The smallest one that is not below."""
    return 1 << max(0, value - 1).bit_length()


def grid(problem: Problem, config: Config, multiprocessors: int) -> tuple[int, int, int]:
    """Programs of the launch, as the templates' documentation states them."""
    split = config.get("SPLIT_K", 1)
    if isinstance(problem, Product):
        if config.template == "gemv":
            return cdiv(problem.n, config.get("BLOCK_N")), split, problem.batches
        tiles = cdiv(problem.m, config.get("BLOCK_M")) * cdiv(problem.n, config.get("BLOCK_N"))
        if config.template == "gemm_persistent":
            return min(tiles * problem.batches, multiprocessors), 1, 1
        return tiles, split, problem.batches
    if isinstance(problem, Attention):
        packed = bool(config.get("PACKED"))
        group = problem.heads // problem.kv_heads
        rows = problem.queries * (group if packed else 1)
        heads = problem.kv_heads if packed else problem.heads
        return cdiv(rows, config.get("BLOCK_M")), heads, problem.batches * config.get("SPLITS", 1)
    tiles_m = cdiv(problem.pixels, config.get("BLOCK_M"))
    if config.template == "depthwise":
        return tiles_m, cdiv(problem.groups * problem.oc, config.get("BLOCK_N")), 1
    return tiles_m * cdiv(problem.oc, config.get("BLOCK_N")), split, problem.groups


def workspace(problem: Problem, config: Config, multiprocessors: int) -> tuple[int, int]:
    """(floats of workspace, semaphores) that the launch needs; (0, 0) when nothing is split."""
    x, y, z = grid(problem, config, multiprocessors)
    if isinstance(problem, Attention):
        splits = config.get("SPLITS", 1)
        tiles = x * y * z // splits
        numel = config.get("BLOCK_M") * (power_of_two(problem.depth) + 2)
    else:
        splits = config.get("SPLIT_K", 1)
        tiles = x * z
        rows = (
            power_of_two(problem.m)
            if isinstance(problem, Product) and config.template == "gemv"
            else config.get("BLOCK_M")
        )
        numel = rows * config.get("BLOCK_N")
    return (tiles * splits * numel, tiles) if splits > 1 else (0, 0)


def is_convolution_of_taps(problem: Convolution, config: Config) -> bool:
    """Whether a step of the loop mixes taps (kernels/triton/convolution.py, TAPS)."""
    return problem.c < config.get("BLOCK_K")
