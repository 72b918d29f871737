"""Runs the function of a model file and checks what it returns.

Enters: the file, the function's name, a seed, files for its arguments. Leaves: an `Example`, the same whatever form the
function's result had. Everything that goes wrong in the model file is a UserError with the line where it did.

    def build(): return Net(), (x,)    ->    Example(module=Net(), args=(x,), kwargs={}, dynamic_shapes=None, origin="a.py:build")
"""

from __future__ import annotations

import importlib.util
import inspect
import random
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch.utils import _pytree as pytree

from compiler.driver.export_paths import portable_path
from compiler.support.diagnostics import UserError

FIELDS = ("module", "args", "kwargs", "dynamic_shapes")
EXPECTED = (
    "expected (module, args), a dict with 'module' and 'args' (and 'kwargs', 'dynamic_shapes' if needed), "
    "or an object with attributes of these names"
)


@dataclass(frozen=True)
class Example:
    """A module in evaluation mode and the inputs to export it with. `origin` is `models/x.py:build`."""

    module: torch.nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    dynamic_shapes: Any
    origin: str


def load(file: Path, function_name: str, seed: int, data: Mapping[str, str]) -> Example:
    """Imports the file, seeds the generators, calls the function with `data` and checks its result."""
    # How sums are split over threads changes their rounding: one thread makes weights and outputs the same everywhere.
    torch.set_num_threads(1)
    origin = f"{portable_path(str(file))}:{function_name}"
    function = _find_function(_import_file(file), file, function_name)
    _check_arguments(function, origin, data)
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    try:
        result = function(**data)
    except Exception as error:
        raise UserError(f"{origin} failed: {describe(error)}") from error
    return normalise(result, origin)


def normalise(result: Any, origin: str) -> Example:
    """An Example from any accepted form; the module is switched to evaluation mode."""
    fields = _fields(result, origin)
    module, args = fields["module"], fields["args"]
    kwargs = {} if fields.get("kwargs") is None else fields["kwargs"]
    if not isinstance(module, torch.nn.Module):
        raise UserError(f"{origin}: module is {_kind(module)}, expected a torch.nn.Module")
    if not isinstance(args, tuple | list):
        raise UserError(
            f"{origin}: args is {_kind(args)}, expected a tuple of the inputs of forward, such as (x,)"
        )
    if not isinstance(kwargs, dict) or not all(isinstance(name, str) for name in kwargs):
        raise UserError(f"{origin}: kwargs is {_kind(kwargs)}, expected a dict from argument name to input")
    args, kwargs = apart((tuple(args), kwargs))
    return Example(module.eval(), args, kwargs, fields.get("dynamic_shapes"), origin)


def apart(inputs: Any) -> Any:
    """The inputs with a copy for each tensor that is given twice: torch.export takes two inputs that are one object for one, so that the
    program would read the last of them for both."""
    seen: set[int] = set()

    def own(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or id(value) not in seen:
            seen.add(id(value))
            return value
        copy = torch.empty(0, dtype=value.dtype, device=value.device)
        place = value.storage_offset(), value.size(), value.stride()
        storage: Any = value.untyped_storage()
        return copy.set_(storage.clone(), *place)  # strides that repeat elements, too

    return pytree.tree_map(own, inputs)


def describe(error: BaseException) -> str:
    """`models/x.py:12 in forward, 'the code': ValueError: reason`, the line being the innermost one outside of torch and this tool."""
    reason = f"{type(error).__name__}: {_first_part(str(error))}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{portable_path(error.filename)}:{error.lineno}: {reason}"
    own_folder = str(Path(__file__).parent)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        library = frame.filename.startswith(("<", own_folder)) or portable_path(frame.filename).startswith(
            "torch/"
        )
        if not library:
            line = f", {frame.line!r}" if frame.line else ""
            return f"{portable_path(frame.filename)}:{frame.lineno} in {frame.name}{line}: {reason}"
    return reason


def _first_part(message: str) -> str:
    """A message of torch without its closing advice on logs of torch's insides; a person can act on the part before it."""
    for marker in (
        "\nFor more information, run with TORCH_LOGS",
        "\n\nThe above exception was",
        "\n\nThe error above occurred",
    ):
        message = message.split(marker)[0]
    return message.strip()


def _import_file(file: Path) -> Any:
    """The file as a module named after its place (`models.my_model`): torch writes that name into the exported program."""
    name = portable_path(str(file)).removesuffix(".py").replace("/", ".")
    if name in sys.modules or not all(part.isidentifier() for part in name.split(".")):
        name = f"exported_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file.absolute())
    if spec is None or spec.loader is None:
        raise UserError(f"{file}: not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        remedy = "imports are found from the folders on PYTHONPATH and, under Bazel, from the target's deps"
        raise UserError(f"cannot import {file}: {describe(error)}\n    {remedy}") from error
    except Exception as error:
        raise UserError(f"cannot import {file}: {describe(error)}") from error
    return module


def _find_function(module: Any, file: Path, name: str) -> Callable[..., Any]:
    function = getattr(module, name, None)
    if function is None:
        own = sorted(
            n for n, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == module.__name__
        )
        there = [n for n in own if not n.startswith("_")]
        raise UserError(
            f"{file} has no function {name!r}; it has: {', '.join(there) or 'none'} (choose one with --function)"
        )
    if not callable(function):
        raise UserError(f"{name!r} in {file} is {_kind(function)}, expected a function")
    return function  # type: ignore[no-any-return]


def _check_arguments(function: Callable[..., Any], origin: str, data: Mapping[str, str]) -> None:
    """The function must be callable with exactly the given `--data` names."""
    signature = inspect.signature(function)
    try:
        signature.bind(**data)
    except TypeError as error:
        given = ", ".join(f"{n}={p}" for n, p in data.items()) or "nothing"
        raise UserError(
            f"{origin}{signature}: {error}; --data gave {given} (give each as --data=NAME=PATH)"
        ) from error


def _fields(result: Any, origin: str) -> dict[str, Any]:
    """`result` as a dict with at least module and args."""
    if isinstance(result, Mapping):
        fields = dict(result)
        unknown = sorted(str(name) for name in fields.keys() - set(FIELDS))
        if unknown:
            raise UserError(
                f"{origin} returned a dict with unknown entries {', '.join(unknown)}; known are {', '.join(FIELDS)}"
            )
    elif hasattr(result, "module") and hasattr(result, "args"):
        fields = {name: getattr(result, name) for name in FIELDS if hasattr(result, name)}
    elif isinstance(result, tuple) and len(result) == 2:
        fields = {"module": result[0], "args": result[1]}
    else:
        raise UserError(f"{origin} returned {_kind(result)}; {EXPECTED}")
    missing = [name for name in ("module", "args") if name not in fields]
    if missing:
        raise UserError(f"{origin} returned {_kind(result)} without {' and '.join(missing)}; {EXPECTED}")
    return fields


def _kind(value: Any) -> str:
    """For messages: `None`, `a Tensor`, `a tuple of 3`."""
    if value is None:
        return "None"
    name = type(value).__name__
    article = "an" if name[0].lower() in "aeiou" else "a"
    size = f" of {len(value)}" if isinstance(value, tuple | list) else ""
    return f"{article} {name}{size}"
