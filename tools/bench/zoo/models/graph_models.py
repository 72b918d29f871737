"""Graph networks of torch_geometric with random weights over a random graph: gcn() -> (module, (features, edges))."""

from __future__ import annotations

import importlib

import torch
from torch import Tensor, nn

Example = tuple[nn.Module, tuple[Tensor, ...]]

NODES, EDGES, FEATURES = 50, 200, 16


def _network(name: str, **fields: object) -> Example:
    models = importlib.import_module("torch_geometric.nn.models")
    module: nn.Module = getattr(models, name)(FEATURES, 32, num_layers=2, out_channels=7, **fields)
    return module, (torch.randn(NODES, FEATURES), torch.randint(0, NODES, (2, EDGES)))


def gcn() -> Example:
    """Normalised sums over neighbours; self-loops are in the data."""
    return _network("GCN", add_self_loops=False)


def gat() -> Example:
    """Attention over neighbours."""
    return _network("GAT", heads=4, add_self_loops=False)


def graph_sage() -> Example:
    """Means over neighbours."""
    return _network("GraphSAGE")


def gin() -> Example:
    """Sums over neighbours, then an MLP."""
    return _network("GIN")
