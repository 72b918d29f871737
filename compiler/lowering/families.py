"""Imports every family of lowerings, which registers them."""

from __future__ import annotations

import importlib

FAMILIES = (
    "pointwise",
    "pointwise_composites",
    "pointwise_choices",
    "special",
    "activations",
    "factories",
    "views",
    "joining",
    "reductions",
    "normalization",
    "indexing",
    "ordering",
    "selecting",
    "random_numbers",
    "scatter_reduce",
    "matmul",
    "attention",
    "convolution",
    "pooling",
    "adaptive_max",
    "linalg",
    "control_flow",
    "triton_kernels",
    "written_arguments",
)


def load() -> None:
    """Registers all lowerings; doing it again costs nothing."""
    for name in FAMILIES:
        importlib.import_module(f"compiler.lowering.{name}")
