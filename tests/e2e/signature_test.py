"""Calls by the model's own signature: what fits gives what the model returns, what does not is an error that names the argument.

Enters, by environment: AOTI_SIGNATURE_LIBRARY.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import types
from typing import Any

import aoti_runtime
import numpy
import pytest

X, ONES, ROW = (
    numpy.full((2, 3), 2, numpy.float32),
    numpy.ones((2, 3), numpy.float32),
    numpy.ones(3, numpy.float32),
)
HIDDEN = numpy.arange(4, dtype=numpy.float32)


@dataclasses.dataclass
class State:
    hidden: Any
    extra: Any = None


@pytest.fixture(scope="module")
def model() -> Any:
    return aoti_runtime.load(os.path.abspath(os.environ["AOTI_SIGNATURE_LIBRARY"]))


def given(**changes: Any) -> dict[str, Any]:
    return {"x": X, "pair": (ONES, [ROW]), "steps": 3, "state": State(HIDDEN), **changes}


def array(value: Any) -> numpy.ndarray:
    return numpy.from_dlpack(value)


def check(result: Any) -> None:
    assert list(result) == ["y", "state", "list", "mask", "best", "sorted"] and result["mask"] is None
    assert numpy.array_equal(array(result["y"]), (X * 3 + ONES - ROW) * 0.5)
    assert numpy.array_equal(array(result["state"].hidden), HIDDEN + 1) and result["state"].extra is None
    total, nothing, numbers = result["list"]
    assert array(total) == (X * 3).sum() and nothing is None
    check_named_tuples(result["best"], *result["sorted"])
    assert numbers == (2, 2.5, True) and [type(n) for n in numbers] == [int, float, bool]


def check_named_tuples(best: Any, ordered: Any) -> None:
    """What x.max(1) and torch.sort return: by name, and as a tuple."""
    y = X * 3 + ONES - ROW
    values, indices = best
    assert type(best).__name__ == "max" and values is best.values and indices is best.indices
    assert numpy.array_equal(array(values), y.max(1)) and numpy.array_equal(array(indices), y.argmax(1))
    assert type(ordered).__name__ == "sort" and numpy.array_equal(array(ordered.values), y)


def test_names_of_outputs_are_those_of_the_fields(model: Any) -> None:
    assert [o.name for o in model.outputs][-4:] == ["values", "indices", "values_1", "indices_1"]


def test_arguments_by_position_and_by_name(model: Any) -> None:
    check(model(X, (ONES, [ROW]), 3, state=State(HIDDEN), mask=None, scale=0.5))
    check(model(**given()))
    check(model(X, (ONES, [ROW]), state=State(HIDDEN)))


def test_a_container_is_any_that_has_the_branches(model: Any) -> None:
    check(model(**given(pair=[ONES, (ROW,)], state={"hidden": HIDDEN})))
    check(model(**given(state=types.SimpleNamespace(hidden=HIDDEN))))


def test_a_result_is_of_its_own_class_where_that_is_loaded(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(model(**given())["state"], types.SimpleNamespace)
    loaded = types.ModuleType("signature_model")
    loaded.State = State  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "signature_model", loaded)
    assert isinstance(model(**given())["state"], State)


def without(name: str) -> dict[str, Any]:
    return {k: v for k, v in given().items() if k != name}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (given(steps=4), "argument steps is 4; the model was exported with 3, which is part of the compiled code"),
        (given(scale=0.25), "argument scale is 0.25; the model was exported with 0.5"),
        (given(mask=ONES), "argument mask is a tensor; the model was exported with None"),
        (given(x=None), "argument x: expected a tensor, got None"),
        (without("x"), "argument x is missing"),
        (without("state"), "argument state is missing"),
        (given(pair=(ONES,)), "argument pair: expected a sequence of 2, got <class 'tuple'>"),
        (given(pair=(ONES, ROW)), r"argument pair\[1\]: expected a sequence of 1, got <class 'numpy.ndarray'>"),
        (given(state=HIDDEN), "argument state: expected signature_model.State with the field 'hidden', got <class 'numpy"),
        (given(state={"hidden": HIDDEN, "more": 1}), "argument state: expected a dict with the keys"),
        (given(other=1), "unexpected argument other; the model takes x, pair, steps, state, mask, scale"),
        (given(x=ROW), r"input 0 'x'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(model: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(aoti_runtime.Error, match=message):
        model(**arguments)
    check(model(**given()))


def test_too_many_and_twice(model: Any) -> None:
    with pytest.raises(aoti_runtime.Error, match="takes 3 positional arguments, got 4"):
        model(X, (ONES, [ROW]), 3, State(HIDDEN))
    with pytest.raises(aoti_runtime.Error, match="argument x is given twice"):
        model(X, **given())
