"""Gives every FX node its `Origin`: name (that of a body's node begins with the body: `true_graph_0.mul`), ATen operator and the line of
the model that made it.

The line is the innermost frame of the node's stack trace that is not torch's own code:
    File "models/x.py", line 12, in forward ... File "torch/nn/modules/linear.py", line 134, in forward   ->   models/x.py:12 in forward
"""

from __future__ import annotations

import os
import re

import torch
import torch.fx

from compiler.frontend.blocks import bodies
from compiler.support.origins import Origin

_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')

# How frames of PyTorch's own files begin: made portable by our exporter, in this process's torch, or without a file.
_TORCH = ("torch/", "<", os.path.dirname(torch.__file__) + os.sep)


def attach(module: torch.fx.GraphModule, inside: str = "") -> None:
    """Sets `meta["origin"]` on all nodes of the graph and of the bodies in it; `inside`: the bodies around the graph, each with a dot."""
    for node in module.graph.nodes:
        line = location(node.meta.get("stack_trace"))
        node.meta["origin"] = Origin(inside + node.name, _operator(node), line)
    for _, target, body in bodies(module):
        attach(body, f"{inside}{target}.")


def location(trace: str | None) -> str:
    """`models/x.py:12 in forward`, empty where the trace names no line of the model. An absolute path is cut to the file's name: it would
    make the library depend on where it was built."""
    frames = [f for f in _FRAME.findall(trace or "") if not _is_torch(f[0])]
    if not frames:
        return ""
    file, line, function = frames[-1]
    return f"{os.path.basename(file) if os.path.isabs(file) else file}:{line} in {function}"


def _operator(node: torch.fx.Node) -> str:
    if str(node.target) == "auto_functionalized_v2":  # a custom operator that writes to its arguments
        return str(node.args[0])
    original = node.meta.get("original_aten")
    return str(original if original is not None and node.op == "call_function" else node.target)


def _is_torch(file: str) -> bool:
    return file.startswith(_TORCH) or "/site-packages/torch/" in file
