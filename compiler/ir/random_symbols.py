"""The two numbers that every random number of a run depends on beside its own: the seed, and which run since it was set.

They stand in index expressions like sizes, and kernels get them as arguments; no input gives them, the runtime does (`aoti/model_desc.h`:
AotiRunArgs.rng_seed, rng_run).
"""

from __future__ import annotations

from compiler.ir.expr import Expr, sym

SEED = sym("rng_seed", None, None)
RUN = sym("rng_run", 0, None)
SYMBOLS: tuple[Expr, ...] = (SEED, RUN)
BY_NAME: dict[str, Expr] = {str(s): s for s in SYMBOLS}
