"""The library of MiniLM on real sentences: within 1e-5 of the published model's embeddings (eager float32)."""

from __future__ import annotations

import os

import aoti_runtime
import numpy as np

TOLERANCE = 1e-5


def test_embeddings_are_those_of_the_published_model() -> None:
    model = aoti_runtime.load(os.environ["AOTI_MINILM_LIBRARY"], num_models=1)
    reference = np.load("models/testdata/minilm_reference.npz")
    for ids, mask, expected in zip(
        reference["input_ids"], reference["attention_mask"], reference["embedding"], strict=True
    ):
        (result,) = model.run(ids[None], mask[None])
        found = np.from_dlpack(result)[0]
        assert np.abs(found - expected).max() < TOLERANCE
        assert abs(float(np.linalg.norm(found)) - 1) < TOLERANCE
