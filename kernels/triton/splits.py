"""One launch that computes a tile in several parts and finishes it: the last part to arrive adds them all up.

Enters: this part's tile, a workspace of float32 [tiles, SPLITS, ROWS, COLUMNS] whose contents mean nothing, and one int32
semaphore for each tile, zero before the launch. Leaves: whether this program is the last one, the sum of all parts, and the
semaphore at zero again, so that nothing has to be cleared between launches.

The parts are added in their order, whatever the order of arrival: the result does not change from run to run. That costs one more
read of the last part than adding it from registers would.

Memory order: the barrier puts every thread's stores before the atomic of one of them, which releases them to the device; who reads the
full count has acquired all of them. Parts are read past the first-level cache (".cg"), which is not coherent.
"""

import triton
import triton.language as tl


@triton.jit
def publish(part, offsets, workspace, semaphore, tile, split, SPLITS: tl.constexpr, NUMEL: tl.constexpr):
    """Stores this part; returns whether all parts of the tile are there. `offsets`: of the tile's elements in a part of NUMEL."""
    slot = workspace + (tl.cast(tile, tl.int64) * SPLITS + split) * NUMEL
    tl.store(slot + offsets, part)
    tl.debug_barrier()
    return tl.atomic_add(semaphore, 1, sem="acq_rel", scope="gpu") == SPLITS - 1


@triton.jit
def collect(offsets, workspace, tile, SPLITS: tl.constexpr, NUMEL: tl.constexpr):
    """The sum of all parts of a tile, in order."""
    slot = workspace + tl.cast(tile, tl.int64) * SPLITS * NUMEL
    total = tl.load(slot + offsets, cache_modifier=".cg")
    for split in range(1, SPLITS):
        total += tl.load(slot + split * NUMEL + offsets, cache_modifier=".cg")
    return total
