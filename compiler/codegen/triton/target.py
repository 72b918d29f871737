"""What the requested architectures can do: what a template may be set up with.

Enters: the names of the architectures ("sm_80"). Leaves: one or two `Target`s. One source serves all architectures of a target, so the
least able one decides. Those with tensor maps and those without have a target each: a template is called in two ways where that makes a
difference, and the right kernel is picked at load.

    ("sm_90",)                     ->  (sm_90: 232448 bytes of shared memory, tensor maps, workspace, dependent launch)
    ("sm_80", "sm_90", "sm_100")   ->  (sm_90, sm_100: the same), (sm_80: 166912 bytes, workspace, dependent launch)

Dependent launch is always among them: a kernel waits for its predecessor only in code for architectures that have the instruction (the
compile-time argument PDL of every kernel), and is launched early only there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kernels.tuning.configs import DEPENDENT_LAUNCH, TENSOR_MAPS, WORKSPACE
from kernels.tuning.gpus import BLOCK_SHARED_BYTES

# The architecture whose measurements and cost model choose.
MEASURED_ARCH = 90
TENSOR_MAPS_SINCE = 90


@dataclass(frozen=True)
class Target:
    archs: tuple[str, ...]
    shared_bytes: int  # that a block can have
    able: frozenset[str]  # needs of kernels.tuning.configs that a launch can meet


def targets_of(archs: Sequence[str]) -> tuple[Target, ...]:
    """The most able one first. Without any architecture, one that serves all."""
    if not archs:
        return (_target(tuple(f"sm_{n}" for n in BLOCK_SHARED_BYTES)),)
    newer = tuple(a for a in archs if _number(a) >= TENSOR_MAPS_SINCE)
    older = tuple(a for a in archs if a not in newer)
    return tuple(_target(part) for part in (newer, older) if part)


def _target(archs: tuple[str, ...]) -> Target:
    numbers = [_number(a) for a in archs]
    able = {WORKSPACE, DEPENDENT_LAUNCH}
    if min(numbers) >= TENSOR_MAPS_SINCE:
        able.add(TENSOR_MAPS)
    return Target(archs, min(BLOCK_SHARED_BYTES[n] for n in numbers), frozenset(able))


def _number(arch: str) -> int:
    return int(arch.removeprefix("sm_"))
