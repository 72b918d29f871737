"""One library against its recorded outputs: the criterion of every NAME_test, as a verdict in place of a test.

Enters: a library, the file of its recorded outputs. Leaves: {"why": "", "distance": 3.1e-07, "eager_distance": 2.9e-07}; `why` is empty
where every output is right, the distances are the largest to float64 of all outputs. Whoever calls does so in a process of its own: a
library may crash.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy

from tests.harness import recorded_inputs, recorded_test
from tools.bench import numerics
from tools.bench.contender import optional_package


def judge(library: Path, recorded_file: Path) -> dict[str, Any]:
    """Runs the library once on the recorded inputs."""
    with numpy.load(recorded_file) as file:
        recorded = dict(file)
    eager, oracle = (recorded_test.numbered(recorded, kind) for kind in ("eager", "oracle"))
    aoti_runtime = optional_package("aoti_runtime")
    try:
        model = aoti_runtime.load(str(library), num_models=1, num_threads=1)
        outputs = [numpy.from_dlpack(output) for output in model.run(*recorded_inputs.inputs(recorded))]
    except aoti_runtime.Error as error:
        return {"why": f"does not run: {error}"}
    verdict: dict[str, Any] = {"why": _why(outputs, eager, oracle)}
    # Where both are infinite there is no distance; the criterion has compared them.
    finite = [numpy.isfinite(o) for o in oracle]
    for name, values in (("distance", outputs), ("eager_distance", eager)):
        if len(values) == len(oracle) and all(
            v.shape == o.shape for v, o in zip(values, oracle, strict=True)
        ):
            inside = [v[f] for v, f in zip(values, finite, strict=True)]
            verdict[name] = numerics.distance(inside, [o[f] for o, f in zip(oracle, finite, strict=True)])
    return verdict


def _why(outputs: list[Any], eager: list[Any], oracle: list[Any]) -> str:
    if len(outputs) != len(eager):
        return f"{len(outputs)} outputs, expected {len(eager)}"
    for i, (ours, theirs, truth) in enumerate(zip(outputs, eager, oracle, strict=True)):
        try:
            recorded_test.check(i, ours, theirs, truth)
        except AssertionError as error:
            return str(error).strip()
    return ""
