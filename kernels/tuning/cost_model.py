"""How long a config should take on a GPU: the rule for problems that the database does not hold, and the order in which tools/tune tries.

Enters: a problem, a config, a GPU. Leaves: microseconds. The model, for one launch:

    time = launch + max(memory, cache, rounds * tile) + joining
    memory    the problem's bytes once, at the bandwidth of device memory; a share of it where few bytes are on the way at a time
    cache     bytes that all programs read (each tile reads its operands for itself), at the bandwidth of the L2 cache
    rounds    how often every multiprocessor is given its fill of programs; as many of them run at a time as registers and shared
              memory allow
    tile      steps along K: operations at the share of the multiprocessor's rate that the tile's shape allows, but at least the latency
              of memory, of which pipeline stages and the other programs on the multiprocessor hide their part
    joining   where K or the keys are split: parts written and read through the cache, and one more exchange between programs

The constants were fitted (random search) to the order of 5,300 measurements of tools/tune on an H100, 2026-11-25: among the measured
configs of a problem, the one that the model prefers takes 1.14 times as long as the fastest (geometric mean of 92 problems; at worst 1.8
times, a decoder's attention). They rank configs; as predictions they are off by a third.
"""

from __future__ import annotations

from kernels.tuning.configs import Config, cdiv, grid, power_of_two, workspace
from kernels.tuning.gpus import Gpu
from kernels.tuning.problems import ELEMENT_BYTES, Attention, Convolution, Problem, Product

LAUNCH_US = 0.8
LATENCY_US = 1.0  # of a step whose loads nothing hides
JOIN_US = 1.1  # publishing a part and finding all others there
JOIN_BANDWIDTH = 0.27  # of the cache's, for parts
GATHER_NS = 2.0  # a thread's time for the address and mask of one element of a convolution's operand
SOFTMAX_SHARE = 0.9  # of the matrix rate, between the two products of attention
CROWDED = 2.3  # what 128 accumulators a thread cost
BYTES_ON_THE_WAY = 44 << 10  # of one multiprocessor, that bandwidth needs
REGISTERS = 65536  # of one multiprocessor
OTHER_REGISTERS = 52  # a thread's, beside its accumulators


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
    steps = cdiv(cdiv(depth, block_k), config.get("SPLIT_K", 1))
    programs = _programs(problem, config, gpu)
    rate = gpu.rate(problem.dtype, precision) / gpu.multiprocessors * _shape_share(block_m, block_n, gpu)
    compute = 1e6 * 2 * block_m * block_n * block_k / rate * _crowding(config)
    if isinstance(problem, Convolution):
        compute = max(compute, 1e-3 * GATHER_NS * block_m * block_k / (32 * config.num_warps) / 8)
    read = programs * steps * block_k * (block_m + block_n) * ELEMENT_BYTES[problem.dtype]
    memory = 1e6 * problem.bytes / gpu.bandwidth
    busy = _rounds_us(problem, config, gpu, programs, steps, compute)
    return max(memory, 1e6 * read / gpu.l2_bandwidth, busy) + _joining_us(problem, config, gpu)


def _programs(problem: Problem, config: Config, gpu: Gpu) -> int:
    """Tiles that are computed, each at a time of its own."""
    if config.template == "gemm_persistent":
        assert isinstance(problem, Product)
        rows = cdiv(problem.m, config.get("BLOCK_M"))
        return rows * cdiv(problem.n, config.get("BLOCK_N")) * problem.batches
    return _count(grid(problem, config, gpu.multiprocessors))


def _rounds_us(
    problem: Problem, config: Config, gpu: Gpu, programs: int, steps: float, compute_us: float
) -> float:
    """All programs, on multiprocessors that run several at a time: those share its rate and hide each other's latency."""
    threads = 32 * config.num_warps
    registers = min(255, _accumulators(problem, config) + OTHER_REGISTERS) * threads
    fits = max(
        1,
        min(
            REGISTERS // registers, gpu.shared_bytes // max(1, shared_bytes(problem, config)), 2048 // threads
        ),
    )
    rounds = cdiv(programs, gpu.multiprocessors * fits)
    together = min(fits, cdiv(programs, gpu.multiprocessors))
    waiting = LATENCY_US / max(0.7, config.num_stages - 1) / fits
    step = compute_us * together + waiting
    return (rounds - 1) * steps * (compute_us * fits + waiting) + steps * step + LATENCY_US


def _accumulators(problem: Problem, config: Config) -> int:
    """Of one thread."""
    columns = power_of_two(problem.depth) if isinstance(problem, Attention) else config.get("BLOCK_N")
    extra = config.get("BLOCK_M") * config.get("BLOCK_N") if isinstance(problem, Attention) else 0
    return (config.get("BLOCK_M") * columns + extra) // (32 * config.num_warps)


def _crowding(config: Config) -> float:
    """Above 64 accumulators a thread, the compiler has fewer registers to pipeline with."""
    per_thread = config.get("BLOCK_M") * config.get("BLOCK_N") / (32 * config.num_warps)
    return 1.0 + (CROWDED - 1.0) * max(0.0, per_thread - 64) / 64


def _attention_us(problem: Attention, config: Config, gpu: Gpu) -> float:
    block_m, block_n = config.get("BLOCK_M"), config.get("BLOCK_N")
    programs = _programs(problem, config, gpu)
    seen = 0.5 if problem.causal and problem.queries > block_m else 1.0
    steps = max(1.0, cdiv(cdiv(problem.keys, block_n), config.get("SPLITS", 1)) * seen)
    depth = power_of_two(problem.depth)
    rate = gpu.rate(problem.dtype) / gpu.multiprocessors * _shape_share(block_m, block_n, gpu) * SOFTMAX_SHARE
    crowding = 1.0 + (CROWDED - 1.0) * max(0.0, _accumulators(problem, config) - 64) / 64
    compute = 1e6 * 4 * block_m * block_n * depth / rate * crowding
    memory = 1e6 * problem.bytes / gpu.bandwidth
    busy = _rounds_us(problem, config, gpu, programs, steps, compute)
    return max(memory, busy) + _joining_us(problem, config, gpu)


def _joining_us(problem: Problem, config: Config, gpu: Gpu) -> float:
    floats, semaphores = workspace(problem, config, gpu.multiprocessors)
    return JOIN_US + 1e6 * 2 * 4 * floats / (JOIN_BANDWIDTH * gpu.l2_bandwidth) if semaphores else 0.0


def _shape_share(block_m: int, block_n: int, gpu: Gpu) -> float:
    """Of the matrix rate: small tiles wait for shared memory. 64 rows is the least that wgmma takes."""
    share: float = min(1.0, block_m * block_n / (block_m + block_n) / 64)
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
