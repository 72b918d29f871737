"""The libraries of MiniLM on real sentences: within 1e-5 of the published model's embeddings (eager float32)."""

from __future__ import annotations

import os
from typing import Any

import aoti_runtime
import numpy as np
import pytest

TOLERANCE = 1e-5
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def reference() -> dict[str, Array]:
    with np.load("models/testdata/minilm_reference.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def any_size() -> aoti_runtime.Model:
    return aoti_runtime.load(os.environ["AOTI_MINILM_ANY_LIBRARY"], num_models=1)


def check(found: Array, expected: Array) -> None:
    assert np.abs(found - expected).max() < TOLERANCE
    assert np.abs(np.linalg.norm(found, axis=-1) - 1).max() < TOLERANCE


def test_one_text_of_128_tokens(reference: dict[str, Array]) -> None:
    model = aoti_runtime.load(os.environ["AOTI_MINILM_LIBRARY"], num_models=1)
    texts = zip(reference["input_ids"], reference["attention_mask"], reference["embedding"], strict=True)
    for ids, mask, expected in texts:
        (result,) = model.run(ids[None], mask[None])
        check(np.from_dlpack(result), expected[None])


def test_all_texts_at_once(reference: dict[str, Array], any_size: aoti_runtime.Model) -> None:
    (result,) = any_size.run(reference["input_ids"], reference["attention_mask"])
    check(np.from_dlpack(result), reference["embedding"])


def test_each_text_without_its_padding(reference: dict[str, Array], any_size: aoti_runtime.Model) -> None:
    texts = zip(reference["input_ids"], reference["attention_mask"], reference["embedding"], strict=True)
    lengths = set()
    for ids, mask, expected in texts:
        length = int(mask.sum())
        lengths.add(length)
        (result,) = any_size.run(ids[None, :length].copy(), mask[None, :length].copy())
        check(np.from_dlpack(result), expected[None])
    assert len(lengths) > 3
