"""The three models on random inputs: no further from float64 eager than twice eager's own distance, with nothing added.

Enters, by environment: the libraries (AOTI_MY_MODEL_LIBRARY, AOTI_MINILM_LIBRARY, AOTI_RESNET18_LIBRARY), MINILM_WEIGHTS.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import aoti_runtime
import numpy as np
import pytest
import torch

from models import minilm, my_model, resnet18
from tests.e2e.case_runs import compiled, eager

Example = tuple[torch.nn.Module, tuple[torch.Tensor, ...]]
MODELS: dict[str, Callable[[], Example]] = {
    "my_model": my_model.build,
    "minilm": lambda: minilm.build(os.environ["MINILM_WEIGHTS"]),
    "resnet18": resnet18.build,
}


@pytest.mark.parametrize("name", MODELS)
def test_no_further_than_twice_eagers_distance(name: str) -> None:
    library = os.path.abspath(os.environ[f"AOTI_{name.upper()}_LIBRARY"])
    models = [aoti_runtime.load(library, num_models=1, num_threads=threads) for threads in (1, 2)]
    torch.manual_seed(0)
    module, _ = MODELS[name]()  # the library's weights: the export tool's seed is 0
    for seed in range(4):
        torch.manual_seed(seed + 1)
        _, inputs = MODELS[name]()
        (near,), (exact,) = eager(module, inputs, torch.float32), eager(module, inputs, torch.float64)
        allowed = 2 * np.abs(near - exact).max()
        for model in models:
            (ours,) = compiled(model, inputs)
            distance = np.abs(ours - exact).max()
            print(f"{name}, seed {seed}: {distance:.3e} from float64, eager {allowed / 2:.3e}")
            assert 0 < distance <= allowed
