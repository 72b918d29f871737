"""How long a config should take on a GPU: the rule for problems that the database does not hold, and the order in which tools/tune tries.

Enters: a problem, a config, a GPU. Leaves: microseconds. The model, for one launch:

    time = launch + max(memory, cache, rounds * tile) + joining
    memory    the problem's bytes once, at the bandwidth of device memory; a share of it where few bytes are on the way at a time
    cache     bytes that all programs read (each tile reads its operands for itself), at the bandwidth of the L2 cache
    rounds    how often every multiprocessor is given a tile: programs / multiprocessors, rounded up
    tile      its operations at one multiprocessor's rate, times what its shape wastes; at least STEP for each step along K
    joining   where K or the keys are split: parts written and read through the cache, and one more exchange between programs

Constants are fitted by eye to the measurements in this folder (tools/tune prints how its order compares with the measured one); they need
to rank configs, not to predict.
"""

from __future__ import annotations

from kernels.tuning.configs import Config, cdiv, grid, power_of_two, workspace
from kernels.tuning.gpus import Gpu
from kernels.tuning.problems import ELEMENT_BYTES, Attention, Problem, Product

LAUNCH_US = 2.0
STEP_US = 0.25  # a step along K, pipelined: what waiting and synchronising cost at least
JOIN_US = 1.5  # publishing a part and finding all others there
BYTES_ON_THE_WAY = 40 << 10  # of one multiprocessor, that bandwidth needs


def predict_us(problem: Problem, config: Config, gpu: Gpu) -> float:
    if config.template in ("gemv", "depthwise"):
        return LAUNCH_US + _streaming_us(problem, config, gpu)
    if isinstance(problem, Attention):
        return LAUNCH_US + _attention_us(problem, config, gpu)
    return LAUNCH_US + _tiles_us(problem, config, gpu)


def _streaming_us(problem: Problem, config: Config, gpu: Gpu) -> float:
    """Bound by memory: what matters is how many bytes are asked for at a time."""
    programs = _count(grid(problem, config, gpu.multiprocessors))
    block = (
        config.get("BLOCK_N") * config.get("BLOCK_K", config.get("BLOCK_M")) * ELEMENT_BYTES[problem.dtype]
    )
    resident = min(cdiv(programs, gpu.multiprocessors), 64 // config.num_warps)
    share = min(1.0, resident * block / BYTES_ON_THE_WAY)
    idle = cdiv(programs, gpu.multiprocessors) * gpu.multiprocessors / programs
    memory = 1e6 * problem.bytes / gpu.bandwidth
    return memory / share * min(idle, 2.0) + _joining_us(problem, config, gpu)


def _tiles_us(problem: Problem, config: Config, gpu: Gpu) -> float:
    """Tiles of a matrix product, on the matrix units."""
    block_m, block_n, block_k = (config.get(f"BLOCK_{c}") for c in "MNK")
    depth = problem.k if isinstance(problem, Product) else _depth(problem)
    precision = problem.precision if isinstance(problem, Product) else "ieee"
    split = config.get("SPLIT_K", 1)
    steps = cdiv(cdiv(depth, block_k), split)
    programs = _count(grid(problem, config, gpu.multiprocessors))
    if config.template == "gemm_persistent":
        assert isinstance(problem, Product)
        programs = cdiv(problem.m, block_m) * cdiv(problem.n, block_n) * problem.batches
    rate = gpu.rate(problem.dtype, precision) / gpu.multiprocessors * _shape_share(block_m, block_n, gpu)
    step = max(1e6 * 2 * block_m * block_n * block_k / rate, STEP_US)
    fits = max(1, min(4, gpu.shared_bytes // max(1, shared_bytes(problem, config))))
    # several tiles on one multiprocessor hide each other's waiting, but share its rate
    rounds = (
        programs / gpu.multiprocessors
        if programs >= 8 * gpu.multiprocessors
        else cdiv(programs, gpu.multiprocessors)
    )
    together = min(fits, rounds)
    tile = steps * max(1e6 * 2 * block_m * block_n * block_k / rate, STEP_US / max(1.0, together)) + step * 2
    element = ELEMENT_BYTES[problem.dtype]
    read = programs * steps * block_k * (block_m + block_n) * element
    memory = 1e6 * problem.bytes / gpu.bandwidth
    busy = max(memory, 1e6 * read / gpu.l2_bandwidth, rounds * tile)
    return busy + _joining_us(problem, config, gpu)


def _attention_us(problem: Attention, config: Config, gpu: Gpu) -> float:
    block_m, block_n = config.get("BLOCK_M"), config.get("BLOCK_N")
    splits = config.get("SPLITS", 1)
    programs = _count(grid(problem, config, gpu.multiprocessors))
    seen = 0.5 if problem.causal and problem.queries > block_m else 1.0
    steps = max(1.0, cdiv(cdiv(problem.keys, block_n), splits) * seen)
    depth = power_of_two(problem.depth)
    rate = gpu.rate(problem.dtype) / gpu.multiprocessors * _shape_share(block_m, block_n, gpu) * 0.6
    step = max(1e6 * 4 * block_m * block_n * depth / rate, 2 * STEP_US)
    rounds = cdiv(programs, gpu.multiprocessors)
    memory = 1e6 * problem.bytes / gpu.bandwidth
    return max(memory, rounds * steps * step) + 2 * STEP_US + _joining_us(problem, config, gpu)


def _joining_us(problem: Problem, config: Config, gpu: Gpu) -> float:
    floats, semaphores = workspace(problem, config, gpu.multiprocessors)
    return JOIN_US + 1e6 * 2 * 4 * floats / gpu.l2_bandwidth if semaphores else 0.0


def _shape_share(block_m: int, block_n: int, gpu: Gpu) -> float:
    """Of the matrix rate: small tiles wait for shared memory. 64 rows is the least that wgmma takes."""
    share = min(1.0, block_m * block_n / (block_m + block_n) / 64)
    return share * (0.5 if gpu.arch >= 90 and block_m < 64 else 1.0)


def shared_bytes(problem: Problem, config: Config) -> int:
    """Of a program's operands in flight."""
    element = ELEMENT_BYTES[problem.dtype]
    if config.template == "depthwise":
        return 0
    if isinstance(problem, Attention):
        depth = power_of_two(problem.depth)
        return element * depth * (config.get("BLOCK_M") + 2 * config.num_stages * config.get("BLOCK_N"))
    rows = config.get("BLOCK_M") + config.get("BLOCK_N")
    return element * config.get("BLOCK_K") * rows * max(1, config.num_stages)


def _depth(problem: Problem) -> int:
    assert not isinstance(problem, (Product, Attention))
    return problem.depth


def _count(programs: tuple[int, int, int]) -> int:
    return programs[0] * programs[1] * programs[2]
