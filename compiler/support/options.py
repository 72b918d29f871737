"""What a compilation is asked to do, and the context that every pass is handed (there are no ambient globals)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from compiler.support.diagnostics import Problem


@dataclass(frozen=True)
class CompileOptions:
    """Options of one compilation; the driver's flags map to them one to one."""

    name: str
    shim: str = "static"  # "static", "shared" or "torch"
    isa: tuple[str, ...] = ("x86-64-v3", "x86-64-v4")
    weights: str = (
        "embedded"  # "embedded" in the library, or "file": NAME.weights.bin beside it, or in a package
    )
    fuse_limit: int = -1  # stop fusing after this many fusions; -1: no limit (for bisection)
    explain_fusion: bool = False
    winograd: bool = True  # 3x3 convolutions may take Winograd's algorithm where it pays
    kernels_per_file: int = 8
    device: str = "cpu"  # "cpu" or "cuda": where the model runs
    cuda_archs: tuple[str, ...] = ()  # "sm_80", ...: machine code is made for each; only with device "cuda"
    parallel_grain_bytes: int = 1 << 16  # a chunk of a parallel loop moves at least this many bytes


def no_dump(stage: str, text: str) -> None:
    """What `Context.dump` does where nobody asked for dumps."""


@dataclass
class Context:
    """Handed to every pass: `run(x, ctx) -> x`."""

    options: CompileOptions
    problems: list[Problem] = field(default_factory=list)  # collected by a stage, raised together at its end
    dump: Callable[[str, str], None] = no_dump  # (stage name, text of the stage's result)

    @property
    def dumps(self) -> bool:
        """Whether somebody reads dumps, so that their text is worth making."""
        return self.dump is not no_dump
