"""Keeps TorchInductor's caches from making a compilation look faster than a first one, and its header from
making it slower.

Inductor keeps results below TORCHINDUCTOR_CACHE_DIR, where a fresh folder for each job makes every
compilation a first one, and a precompiled header below the temporary folder, once for each machine: compiling
`tiny_model` makes it before anything is timed.
"""

from __future__ import annotations

from typing import Any

from tools.bench.contender import Job


def environment(job: Job) -> dict[str, str]:
    """Variables that give this job its own cache."""
    return {"TORCHINDUCTOR_CACHE_DIR": str(job.work_dir / "inductor_cache")}


def tiny_model() -> tuple[Any, tuple[Any, ...]]:
    """(module, args) of the smallest model whose compilation makes the header."""
    import torch

    class Sine(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.sin(x)

    return Sine(), (torch.zeros(16),)
