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
- Parameters and buffers are constants, packed once. Where one was changed in place since (its version counter says so), all are taken
  anew.
- One call at a time runs in a compiled graph; other threads wait.
"""

from __future__ import annotations

import functools
import itertools
import tempfile
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.fx.traceback import preserve_node_meta

from compiler.driver import side_by_side
from compiler.driver.jit_build import Built, build
from compiler.driver.jit_runtime import JitRuntime
from compiler.support.diagnostics import UserError

_numbers = itertools.count()
# Sizes that depend on data stay in the graph, which would otherwise end at each of them.
_CAPTURE: dict[str, Any] = {"capture_scalar_outputs": True, "capture_dynamic_output_shape_ops": True}
_compiled: weakref.WeakSet[CompiledGraph] = weakref.WeakSet()


@dataclass(frozen=True)
class JitOptions:
    """threads: of a run, 0 for torch.get_num_threads(). cxx: the C++ compiler, "" for $CXX or that of the PATH. dump: a folder for the
    text of every stage, or None. cache: a folder of compiled objects, None for the usual one."""

    threads: int = 0
    cxx: str = ""
    dump: Path | None = None
    cache: Path | None = None


def compile(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """`function`, a module or a plain function on tensors, compiled at its first call. `options` are the fields of `JitOptions`."""
    backend_of_options = functools.partial(backend, options=JitOptions(**options))
    compiled = torch.compile(function, backend=backend_of_options, dynamic=False)

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
    _refuse_symbols(example_inputs)
    made = CompiledGraph(graph, example_inputs, options or JitOptions())
    _compiled.add(made)
    return made


def compiled() -> list[CompiledGraph]:
    """The graphs that are alive, in the order in which they were compiled."""
    return sorted(_compiled, key=lambda c: c.number)


@dataclass(eq=False)
class CompiledGraph:
    """One captured graph. `python_text` is the wrapper that runs; `wrappers()` shows it beside the one for ahead of time."""

    graph: torch.fx.GraphModule
    example_inputs: Sequence[Any]
    options: JitOptions
    number: int = field(default_factory=lambda: next(_numbers))

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._build()

    def _build(self) -> None:
        constant = [_is_constant(x) for x in self.example_inputs]
        self._kept = [n for n, fixed in enumerate(constant) if not fixed]
        self._constants = [x for x, fixed in zip(self.example_inputs, constant, strict=True) if fixed]
        self._versions = [c._version for c in self._constants]
        module = _WithConstants(self.graph, self.example_inputs, constant)
        inputs = tuple(self.example_inputs[n] for n in self._kept)
        with torch._guards.tracing(None):  # Dynamo's own sizes are none of this program's
            program = torch.export.export(module, inputs, strict=False)
        with tempfile.TemporaryDirectory(prefix="aoti-jit-") as folder:
            made = build(program, self.options.threads or torch.get_num_threads(), self.options.cxx,
                         self.options.dump, self.options.cache, Path(folder))  # fmt: skip
        self._take(made)

    def _take(self, made: Built) -> None:
        self.plan, self.python_text = made.plan, made.python_text
        self._run = made.run
        self._runtime: JitRuntime = made.runtime

    def wrappers(self) -> str:
        """Python and C++ of the plan in two columns, line for line."""
        return side_by_side.text(self.plan)

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        with self._lock:
            if [c._version for c in self._constants] != self._versions:
                self._build()
            return self._run(self._runtime, tuple(args[n] for n in self._kept))


class _WithConstants(torch.nn.Module):
    """The captured graph with its parameters inside, so that export sees constants. Nodes keep the source lines that Dynamo gave them."""

    def __init__(
        self, graph: torch.fx.GraphModule, example_inputs: Sequence[Any], constant: Sequence[bool]
    ) -> None:
        super().__init__()
        self.graph_module = graph
        self.slots: list[str] = []
        for number, (value, fixed) in enumerate(zip(example_inputs, constant, strict=True)):
            name = f"constant_{number}" if fixed else ""
            if fixed:
                self.register_buffer(name, value.detach())
            self.slots.append(name)

    def forward(self, *inputs: torch.Tensor) -> Any:
        remaining = iter(inputs)
        args = [getattr(self, name) if name else next(remaining) for name in self.slots]
        with preserve_node_meta():
            return torch.fx.Interpreter(self.graph_module).run(*args)


def _is_constant(value: Any) -> bool:
    """Whether an input of the graph is a parameter or a buffer of the module: Dynamo marks these as static."""
    return isinstance(value, torch.nn.Parameter) or hasattr(value, "_dynamo_static_input_type")


def _refuse_gradients(inputs: Sequence[Any]) -> None:
    if torch.is_grad_enabled() and any(isinstance(x, torch.Tensor) and x.requires_grad for x in inputs):
        raise UserError(
            "the compiled model is for inference, but gradients are being recorded for its inputs or parameters; "
            "call it under torch.inference_mode() or torch.no_grad()"
        )


def _refuse_symbols(inputs: Sequence[Any]) -> None:
    if any(isinstance(x, torch.SymInt) for x in inputs):
        raise UserError(
            "the captured graph has sizes that may change; expected fixed ones: use jit.compile, or torch.compile(..., dynamic=False)"
        )
