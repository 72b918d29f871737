"""State of a container over several runs, threads and updates, against the same steps written in numpy (docs/state.md)."""

from __future__ import annotations

import os
import threading
from typing import Any

import aoti_runtime
import numpy
import pytest


def collatz(number: int) -> int:
    """How often it is halved, or tripled with one added, until it is 1."""
    return 0 if number == 1 else 1 + collatz(number // 2 if number % 2 == 0 else 3 * number + 1)


class Expected:
    """What tests/e2e/stateful.py does."""

    def __init__(self) -> None:
        self.cache, self.count = numpy.zeros((2, 8, 4), numpy.float32), 0
        self.steps = 0
        self.scale, self.a, self.b = (numpy.full(3, v, numpy.float32) for v in (1, 0, 1))

    def run(self, x: Any, y: Any) -> dict[str, Any]:
        self.cache[:, self.count] = x
        self.count += 1
        self.steps += sum(collatz(i) for i in range(1, self.count + 1))
        self.a, self.b = self.b, self.a + self.scale
        self.scale = self.scale * 2
        return {
            "total": self.cache.sum(1), "x_again": x, "count": numpy.array([self.count]), "nothing": None, "number": 3,
            "doubled": y * 2, "mixed": self.a + 10 * self.b, "steps": numpy.array([self.steps]), "cache": self.cache.copy(),
        }  # fmt: skip


def _load(instances: int = 1) -> Any:
    return aoti_runtime.load(os.path.abspath(os.environ["AOTI_STATEFUL_LIBRARY"]), num_models=instances)


def _step(model: Any, expected: Expected, seed: int) -> list[Any]:
    """One run of both, compared. Returns the compiled model's outputs."""
    generator = numpy.random.default_rng(seed)
    x, y = (generator.standard_normal(s, numpy.float32) for s in ((2, 4), (5,)))
    wanted = expected.run(x, y)
    got: list[Any] = model.run(x, y)
    numpy.testing.assert_array_equal(y, wanted["doubled"])  # the caller's array
    assert [o.name for o in model.outputs] == list(wanted)
    for name, value in zip(wanted, got, strict=True):
        if wanted[name] is None:
            assert value is None
        else:
            numpy.testing.assert_allclose(numpy.from_dlpack(value), wanted[name], rtol=1e-6, err_msg=name)
    return got


def test_state_is_kept_from_run_to_run() -> None:
    model, expected = _load(), Expected()
    first = _step(model, expected, 0)
    before = numpy.from_dlpack(first[-1]).copy()
    for seed in range(1, 6):
        _step(model, expected, seed)
    numpy.testing.assert_array_equal(numpy.from_dlpack(first[-1]), before)  # an output is nobody's state


def test_two_containers_have_nothing_in_common() -> None:
    one, other = _load(), _load()
    expected = Expected()
    _step(one, expected, 0)
    _step(one, expected, 1)
    _step(other, Expected(), 2)


def test_instances_share_the_state_and_run_one_after_the_other() -> None:
    model = _load(instances=4)
    counts: list[int] = []
    lock = threading.Lock()

    def work() -> None:
        for _ in range(2):
            got = model.run(numpy.ones((2, 4), numpy.float32), numpy.ones(5, numpy.float32))
            with lock:
                counts.append(int(numpy.from_dlpack(got[2])[0]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(counts) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_step_beyond_the_cache_is_an_error_that_names_the_line() -> None:
    model, expected = _load(), Expected()
    for seed in range(8):
        _step(model, expected, seed)
    with pytest.raises(aoti_runtime.Error, match=r"stateful\.py:\d+"):
        model.run(numpy.ones((2, 4), numpy.float32), numpy.ones(5, numpy.float32))


def test_state_can_be_set() -> None:
    model, expected = _load(), Expected()
    _step(model, expected, 0)
    expected.count, expected.cache = 5, numpy.full((2, 8, 4), 0.5, numpy.float32)
    model.update_constants({"count": numpy.array([5]), "cache": expected.cache})
    _step(model, expected, 1)
    _step(model, expected, 2)


def test_swapping_the_weights_takes_the_state_along() -> None:
    model, expected = _load(), Expected()
    _step(model, expected, 0)
    model.swap_constants()
    _step(model, expected, 1)
    model.update_constants({"count": numpy.array([3])})
    expected.count = 3
    model.swap_constants()
    _step(model, expected, 2)


def test_state_of_the_inactive_set_comes_with_it() -> None:
    model, expected = _load(), Expected()
    _step(model, expected, 0)
    model.update_constants({"count": numpy.array([6])}, inactive=True)
    _step(model, expected, 1)
    model.swap_constants()
    expected.count = 6
    _step(model, expected, 2)


def test_an_input_that_is_written_shares_no_memory() -> None:
    model = _load()
    memory = numpy.ones(10, numpy.float32)
    with pytest.raises(
        aoti_runtime.Error, match="input 1 'y', which the model writes to, and input 0 'x' share memory"
    ):
        model.run(memory[:8].reshape(2, 4), memory[5:])
    model.run(memory[:8].reshape(2, 4), numpy.ones(5, numpy.float32))
