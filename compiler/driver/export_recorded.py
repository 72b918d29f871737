"""The recorded file: example inputs and the outputs eager PyTorch gives for them, for tests that need no torch.

Enters: an `Example` and its exported program. Leaves: an `.npz` file of arrays
    input_<i>    the i-th tensor of the inputs, in the order of the program's signature
    strides_<i>  the strides of input_<i> in elements, where it is not contiguous (the array itself always is)
    eager_<i>    the i-th tensor of eager's outputs
    oracle_<i>   the same computed in float64 throughout (equal to eager_<i> where the output is no floating-point tensor)

    my_model: input_0 [64, 64] f32, input_1 [64, 64] f32, eager_0 [64, 64] f32, oracle_0 [64, 64] f64

Invariants: bfloat16, which numpy lacks, is stored as float32 (exact); inputs are stored as they were before the model ran; no
output holds a NaN, for which no comparison could hold; equal arrays give equal bytes.
"""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy
import torch
from torch.utils import _pytree as pytree

from compiler.driver.export_example import Example, describe
from compiler.driver.export_oracle import float64_by_default, float64_module, widen
from compiler.support.diagnostics import UserError


@torch.no_grad()
def record(example: Example, program: torch.export.ExportedProgram) -> dict[str, numpy.ndarray]:
    """Runs eager and the float64 oracle on the example inputs."""
    arrays: dict[str, numpy.ndarray] = {}
    names = program.graph_signature.user_inputs
    leaves = pytree.tree_leaves((example.args, _in_signature_order(example, program)))
    for name, leaf in zip(names, leaves, strict=True):
        if isinstance(leaf, torch.Tensor):
            _check_no_nan(example.origin, f"example input {name}", leaf)
            i = _count(arrays, "input_")
            arrays[f"input_{i}"] = to_numpy(leaf)
            if not leaf.is_contiguous():
                arrays[f"strides_{i}"] = numpy.array(leaf.stride(), numpy.int64)
    wide_args, wide_kwargs = widen(copy.deepcopy((example.args, example.kwargs)))
    with _buffers_kept(example.module):
        eager = _run(example.origin, "eager", example.module, *copy.deepcopy((example.args, example.kwargs)))
    with float64_by_default():
        oracle = _run(example.origin, "float64 eager", float64_module(program), wide_args, wide_kwargs)
    for i, (output, exact) in enumerate(zip(eager, oracle, strict=True)):
        _check_no_nan(example.origin, f"output {i} of eager", output)
        arrays[f"eager_{i}"] = to_numpy(output)
        arrays[f"oracle_{i}"] = to_numpy(exact)
    return arrays


@contextmanager
def _buffers_kept(module: torch.nn.Module) -> Iterator[None]:
    """Puts the module's buffers back to their values: a run may change them, and the exported program shares them."""
    kept = [(buffer, buffer.clone()) for buffer in module.buffers()]
    yield
    for buffer, value in kept:
        buffer.copy_(value)


def write(file: Path, arrays: Mapping[str, numpy.ndarray]) -> None:
    """An uncompressed `.npz` with names in order and a fixed date."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            # ZipInfo's default date is 1980-01-01, where writestr with a plain name would take the clock's.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                numpy.lib.format.write_array(
                    entry, numpy.asarray(arrays[name], order="C"), allow_pickle=False
                )


def to_numpy(tensor: torch.Tensor) -> numpy.ndarray:
    """A copy as numpy array, bfloat16 as float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor.clone()).numpy()


def _in_signature_order(example: Example, program: torch.export.ExportedProgram) -> dict[str, Any]:
    """Keyword arguments in the order the program takes them."""
    order = program.call_spec.in_spec.child(1).context
    return {name: example.kwargs[name] for name in order}


def _count(arrays: Mapping[str, numpy.ndarray], prefix: str) -> int:
    return sum(name.startswith(prefix) for name in arrays)


def _run(origin: str, what: str, module: torch.nn.Module, args: Any, kwargs: Any) -> list[torch.Tensor]:
    """The tensors among the module's outputs."""
    try:
        outputs = module(*args, **kwargs)
    except Exception as error:
        raise UserError(f"{origin}: {what} failed on the example inputs. {describe(error)}") from error
    return [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, torch.Tensor)]


def _check_no_nan(origin: str, what: str, tensor: torch.Tensor) -> None:
    nans = int(tensor.isnan().sum()) if tensor.is_floating_point() else 0
    if nans:
        raise UserError(
            f"{origin}: {what} has NaN at {nans} of {tensor.numel()} places, so no compiled result could be compared with it; "
            "give example inputs and weights for which the model gives numbers"
        )
