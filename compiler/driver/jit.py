"""JIT: `torch.compile` through this compiler. The same stages and kernels as ahead of time; the plan is printed in Python and run.

    from compiler.driver import jit

    fast = jit.compile(model)                          # a module or a function
    with torch.inference_mode():
        y = fast(x)
    print(jit.compiled()[-1].python_text)              # the wrapper that ran; .wrappers(): beside its C++
    fast = torch.compile(model, backend=jit.backend)   # the same by torch's own door

Enters: what Dynamo captured, and example inputs. Leaves: a callable on tensors. Errors: UserError with the model's source lines, as
ahead of time.

Invariants
- Inference only: a call that would record gradients is refused.
- Parameters and buffers are constants, packed once. Where one was changed in place since (its version counter says so) or is another
  tensor, all are taken anew. Buffers that the model itself changes are used where they lie, by all variants.
- One call at a time runs in a compiled graph; other threads wait.
- Sizes that Dynamo lets vary are sizes at run time here too; a call whose sizes the plan does not take is compiled for them alone.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import tempfile
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from compiler.driver import side_by_side
from compiler.driver.jit_build import Built, JitOptions, build
from compiler.driver.jit_capture import Capture, Entry, constant_name
from compiler.ir.wrapper import Plan
from compiler.support.diagnostics import UserError

_numbers = itertools.count()
# Sizes that depend on data stay in the graph, which would otherwise end at each of them.
_CAPTURE: dict[str, Any] = {"capture_scalar_outputs": True, "capture_dynamic_output_shape_ops": True}
_compiled: weakref.WeakSet[CompiledGraph] = weakref.WeakSet()


def compile(function: Callable[..., Any], dynamic: bool | None = None, **options: Any) -> Callable[..., Any]:
    """`function`, a module or a plain function on tensors, compiled at its first call. `dynamic`, as of torch.compile: False compiles for
    each size anew, True leaves sizes open at once, None leaves those open that change. `options` are the fields of `JitOptions`."""
    backend_of_options = functools.partial(backend, options=JitOptions(**options))
    compiled = torch.compile(function, backend=backend_of_options, dynamic=dynamic)

    @functools.wraps(function.forward if isinstance(function, torch.nn.Module) else function)
    def call(*args: Any, **kwargs: Any) -> Any:
        # The fast path of torch's transformer modules is one opaque operator in inference; their own code can be compiled.
        fast_path = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            with torch._dynamo.config.patch(**_CAPTURE):
                return compiled(*args, **kwargs)
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)

    return call


def backend(
    graph: torch.fx.GraphModule, example_inputs: Sequence[Any], options: JitOptions | None = None
) -> CompiledGraph:
    """A backend of torch.compile."""
    _refuse_gradients(example_inputs)
    made = CompiledGraph(graph, example_inputs, options or JitOptions())
    _compiled.add(made)
    return made


def compiled() -> list[CompiledGraph]:
    """The graphs that are alive, in the order in which they were compiled."""
    return sorted(_compiled, key=lambda c: c.number)


@dataclass(frozen=True)
class Variant:
    """The graph compiled for some numbers, and for all sizes that `entry` accepts, or (`is_fixed`) for those of one call."""

    numbers: tuple[Any, ...]
    built: Built
    is_fixed: bool
    entry: Entry


class CompiledGraph:
    """One captured graph. `python_text` is the wrapper that runs; `wrappers()` shows it beside the one for ahead of time. `variants`: one,
    unless calls came with other numbers, or with sizes that an earlier one does not take."""

    def __init__(
        self, graph: torch.fx.GraphModule, example_inputs: Sequence[Any], options: JitOptions
    ) -> None:
        self.number = next(_numbers)
        self.options = options
        self.capture = Capture(graph, example_inputs)
        self.variants: list[Variant] = []
        self._lock = threading.Lock()
        self._versions = self._current_versions()
        self._build(example_inputs)

    @property
    def plan(self) -> Plan:
        return self.variants[-1].built.plan

    @property
    def python_text(self) -> str:
        return self.variants[-1].built.python_text

    def wrappers(self) -> str:
        """Python and C++ of the plan in two columns, line for line."""
        return side_by_side.text(self.plan)

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        with self._lock:
            if self.capture.take_constants(args) or self._are_changed():
                self._versions = self._current_versions()
                self.variants.clear()
            built = (self._find(args) or self._build(args)).built
            return built.run(built.runtime, self.capture.tensors(args))

    def _current_versions(self) -> dict[int, int]:
        """By placeholder."""
        return {n: tensor._version for n, tensor in self.capture.constants.items()}

    def _are_changed(self) -> bool:
        """Whether somebody wrote to a constant; state is read where it lies."""
        constants = self.capture.constants
        return any(constants[n]._version != version for n, version in self._versions.items())

    def _find(self, args: Sequence[Any]) -> Variant | None:
        if not self.capture.varies:  # Dynamo's guards let only these sizes in
            return self.variants[0] if self.variants else None
        numbers, tensors = self.capture.numbers(args), self.capture.tensors(args)
        return next((v for v in self.variants if v.numbers == numbers and v.entry.accepts(tensors)), None)

    def _build(self, inputs: Sequence[Any]) -> Variant:
        """With the sizes left open that vary; fixed, where that has been done for these numbers and does not take these sizes, or where
        the graph cannot be compiled so."""
        numbers = self.capture.numbers(inputs)
        is_fixed = not self.capture.varies or any(v.numbers == numbers for v in self.variants)
        if not is_fixed:
            with contextlib.suppress(UserError, torch._dynamo.exc.UserError):
                return self._add(numbers, self._compiled(inputs, keep_open=True), is_fixed=False)
        return self._add(numbers, self._compiled(inputs, keep_open=False), is_fixed=True)

    def _add(self, numbers: tuple[Any, ...], built: Built, is_fixed: bool) -> Variant:
        self.variants.append(Variant(numbers, built, is_fixed, Entry(built.plan)))
        changed = {slot.fqn for slot in built.plan.constants if slot.mutated}
        self._versions = {n: v for n, v in self._versions.items() if constant_name(n) not in changed}
        return self.variants[-1]

    def _compiled(self, inputs: Sequence[Any], keep_open: bool) -> Built:
        # Dynamo's trace is not over: its sizes and guards are none of this program's.
        with torch._guards.tracing(None), tempfile.TemporaryDirectory(prefix="aoti-jit-") as folder:
            program = self.capture.export(inputs, keep_open)
            return build(program, self.options, Path(folder), self.capture.state)


def _refuse_gradients(inputs: Sequence[Any]) -> None:
    if torch.is_grad_enabled() and any(isinstance(x, torch.Tensor) and x.requires_grad for x in inputs):
        raise UserError(
            "the compiled model is for inference, but gradients are being recorded for its inputs or parameters; "
            "call it under torch.inference_mode() or torch.no_grad()"
        )
