"""What one contender of the comparison must do, and the data that it exchanges with the bench.

A contender goes through three kinds of processes, each started afresh with its CPUs pinned and its
environment set:

    prepare     job -> artefact            compiles model_dir/model.pt2 to files in work_dir
    worker      job, artefact -> runner    loads the files, then is asked again and again for measured runs
    cold start  job, artefact -> command   that needs no Python and prints when its first result was there

Invariants: a contender imports its packages inside these methods only, so that nobody pays for the memory of
another; a worker that needs no torch never imports it. What cannot run raises Unavailable with a sentence, or
whatever the package raises, and is listed with that reason.
"""

from __future__ import annotations

import abc
import importlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_FOLDERS = ("model_dir", "work_dir", "programs_dir")


def optional_package(name: str) -> Any:
    """A package that may be missing where types are checked. Raises ModuleNotFoundError with its name."""
    return importlib.import_module(name)


class Unavailable(Exception):
    """The contender cannot do this; the text says why and, where there is a way, what to do."""


@dataclass(frozen=True)
class Job:
    """One model for one number of threads, and where its files are."""

    model: str
    threads: int
    model_dir: Path  # model.pt2 and recorded.npz, as compiler.driver.export writes them
    work_dir: Path  # empty at first; the contender's own
    programs_dir: Path  # the bench's native programs and compilers' caches, shared by all jobs of a run
    cxx: str  # C++ compiler, with arguments, for ours and the bench's programs; empty: what they find

    data: dict[str, str]  # files that the model's build function wants

    def inputs(self) -> list[Array]:
        """The example inputs, in order."""
        return self.recorded("input")

    def recorded(self, what: str) -> list[Array]:
        """ "input", "eager" (float32 outputs) or "oracle" (float64 outputs), in order."""
        with np.load(self.model_dir / "recorded.npz") as data:
            return [
                data[f"{what}_{i}"] for i in range(sum(name.startswith(f"{what}_") for name in data.files))
            ]

    @property
    def types(self) -> dict[str, Any]:
        """{"inputs": [names of dtypes], "weights": that of most weights}, as the step `describe` wrote them."""
        found: dict[str, Any] = json.loads((self.model_dir / "types.json").read_text())
        return found

    def tensors(self) -> list[Any]:
        """The example inputs as torch's tensors, in the model's own types (bfloat16 is recorded as float32)."""
        import torch

        pairs = zip(self.inputs(), self.types["inputs"], strict=True)
        return [torch.from_numpy(array).to(getattr(torch, name)) for array, name in pairs]

    def to_json(self) -> dict[str, Any]:
        """Plain data for another process."""
        return asdict(self) | {name: str(getattr(self, name)) for name in _FOLDERS}

    @staticmethod
    def from_json(data: dict[str, Any]) -> Job:
        """Inverse of `to_json`."""
        return Job(**data | {name: Path(data[name]) for name in _FOLDERS})


@dataclass(frozen=True)
class Artefact:
    """What `prepare` made: the model's own files, and what has to be deployed with them."""

    model_files: tuple[Path, ...] = ()
    runtime_files: tuple[Path, ...] = ()
    compile_s: float | None = None  # without process start, imports and reading model.pt2
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data for another process."""
        return {
            "model_files": [str(f) for f in self.model_files],
            "runtime_files": [str(f) for f in self.runtime_files],
            "compile_s": self.compile_s,
            "note": self.note,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Artefact:
        """Inverse of `to_json`."""
        return Artefact(
            model_files=tuple(Path(f) for f in data["model_files"]),
            runtime_files=tuple(Path(f) for f in data["runtime_files"]),
            compile_s=data["compile_s"],
            note=data["note"],
        )


@dataclass(frozen=True)
class Runner:
    """A loaded model with its inputs bound: `run` is timed, `outputs` turns its result into arrays."""

    run: Callable[[], Any]
    outputs: Callable[[Any], list[Array]]


class Contender(abc.ABC):
    """One column of the comparison. Subclasses state the class attributes."""

    name: str  # on the command line
    title: str  # in the table
    distributions: tuple[str, ...] = ()  # Python packages whose versions belong into the report
    threads_change_artefact = False  # compile once for each number of threads
    compiles_at_first_run = False  # no artefact: the first run in the worker is the compile time

    def environment(self, job: Job) -> dict[str, str]:
        """Variables for all three kinds of processes."""
        return {"OMP_NUM_THREADS": str(job.threads), "MKL_NUM_THREADS": str(job.threads)}

    def warm_up_compiler(self, job: Job) -> None:
        """Does what only the first compilation on a machine has to do, in a process that is not timed."""
        return  # most contenders have nothing of the kind

    @abc.abstractmethod
    def prepare(self, job: Job) -> Artefact:
        """Compiles job.model_dir/model.pt2 into job.work_dir."""

    @abc.abstractmethod
    def load(self, job: Job, artefact: Artefact) -> Runner:
        """Makes the model ready to run with job.threads threads on the example inputs."""

    def cold_start_command(self, job: Job, artefact: Artefact) -> list[str]:
        """A command for `cold_start.measure`, or Unavailable."""
        raise Unavailable("runs in Python only")
