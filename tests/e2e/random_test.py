"""Random numbers of a compiled model: their distributions, and that seed and run alone decide them, whatever the number of threads.

Enters, by environment: AOTI_RANDOM_LIBRARY.
"""

from __future__ import annotations

import math
import os
import threading
from typing import Any

import aoti_runtime
import numpy
import pytest

X = numpy.ones((300, 211), numpy.float32)
COUNT = X.size


def load(threads: int = 1, instances: int = 1) -> Any:
    library = os.path.abspath(os.environ["AOTI_RANDOM_LIBRARY"])
    return aoti_runtime.load(library, num_models=instances, num_threads=threads)


def draw(model: Any) -> dict[str, numpy.ndarray]:
    return {o.name: numpy.from_dlpack(v).copy() for o, v in zip(model.outputs, model.run(X), strict=True)}


def same(a: dict[str, numpy.ndarray], b: dict[str, numpy.ndarray]) -> bool:
    return all(a[name].tobytes() == b[name].tobytes() for name in a)


def test_a_seed_gives_the_same_runs_whatever_the_number_of_threads() -> None:
    runs = []
    for threads in (1, 2, 3):
        model = load(threads)
        model.seed(1234)
        runs.append([draw(model) for _ in range(3)])
    for other in runs[1:]:
        assert all(same(a, b) for a, b in zip(runs[0], other, strict=True))
    first, second, third = runs[0]
    for name in first:
        assert first[name].tobytes() != second[name].tobytes() != third[name].tobytes(), name


def test_seeding_again_begins_anew_and_another_seed_gives_other_numbers() -> None:
    model = load()
    unseeded = draw(model)
    model.seed(0)
    assert same(draw(model), unseeded), "without a seed it is 0"
    model.seed(2**64 - 1)
    first = draw(model)
    draw(model)
    model.seed(2**64 - 1)
    assert same(draw(model), first) and not same(first, unseeded)


@pytest.mark.parametrize("seed", [-1, 2**64, "1"])
def test_what_is_no_seed_is_refused(seed: object) -> None:
    with pytest.raises(TypeError):
        load().seed(seed)


def test_runs_at_the_same_time_are_those_of_one_after_the_other() -> None:
    alone, together = load(), load(instances=2)
    for model in (alone, together):
        model.seed(7)
    expected = {draw(alone)["uniform"].tobytes() for _ in range(8)}
    found: list[bytes] = []
    workers = [
        threading.Thread(target=lambda: found.extend(draw(together)["uniform"].tobytes() for _ in range(4)))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(found) == expected and len(found) == 8


def distance(sample: numpy.ndarray, cumulative: Any) -> float:
    """Kolmogorov and Smirnov's distance, over its 0.1 % point."""
    flat = numpy.sort(sample.ravel().astype(numpy.float64))
    steps, wanted = numpy.arange(flat.size + 1) / flat.size, cumulative(flat)
    most = max(numpy.abs(steps[1:] - wanted).max(), numpy.abs(steps[:-1] - wanted).max())
    return float(most * math.sqrt(flat.size) / 1.95)


def normal(x: numpy.ndarray) -> numpy.ndarray:
    return numpy.array([0.5 * math.erfc(-(v - 1) / 2 / math.sqrt(2)) for v in x])


@pytest.mark.parametrize("seed", [0, 1, 99])
def test_distributions(seed: int) -> None:
    model = load(2)
    model.seed(seed)
    found = draw(model)
    for name in ("uniform", "wide"):
        assert found[name].min() >= 0 and found[name].max() < 1 and distance(found[name], lambda x: x) < 1
        assert (
            abs(float(numpy.corrcoef(found[name][:, :-1].ravel(), found[name][:, 1:].ravel())[0, 1])) < 0.02
        )
    assert distance(found["normal"], normal) < 1
    faces = numpy.bincount(found["dice"].ravel(), minlength=7)
    assert faces[0] == 0 and ((faces[1:] - COUNT / 6) ** 2).sum() / (COUNT / 6) < 25
    assert abs(found["coins"].mean() - 0.3) < 0.01 and set(numpy.unique(found["coins"])) == {0.0, 1.0}
    assert abs((found["kept"] == 0).mean() - 0.25) < 0.01 and abs(found["kept"].mean() - 1) < 0.02
    assert numpy.array_equal(numpy.sort(found["order"]), numpy.arange(1000))
    assert abs(found["both"].mean() - 211 / 2) < 2
