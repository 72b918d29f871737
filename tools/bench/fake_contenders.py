"""Contenders without a model, for the bench's own tests: one that works and one for each way to go wrong.

registry.create("tools.bench.fake_contenders:Crashing") in a worker process
"""

from __future__ import annotations

import os
import time

import numpy as np

from tools.bench.contender import Artefact, Contender, Job, Runner, Unavailable, optional_package


class Working(Contender):
    """Takes a millisecond and prints, as libraries do."""

    name = "working"
    title = "works"

    def prepare(self, job: Job) -> Artefact:
        """One file of five bytes."""
        path = job.work_dir / "model"
        path.write_bytes(b"model")
        return Artefact(model_files=(path,), compile_s=0.5)

    def load(self, job: Job, artefact: Artefact) -> Runner:
        """Outputs tell the bytes of the model, the threads and the CPUs."""
        print("a library talks on stdout")
        size = artefact.model_files[0].stat().st_size
        values = np.array([size, job.threads, len(os.sched_getaffinity(0))], dtype=np.float32)
        return Runner(lambda: time.sleep(0.001), lambda _: [values])


class Missing(Working):
    """Its package is not there."""

    def prepare(self, job: Job) -> Artefact:
        """Imports what nobody has."""
        optional_package("a_package_that_nobody_has")
        return Artefact()


class Refusing(Working):
    """Knows why it cannot."""

    def prepare(self, job: Job) -> Artefact:
        """Says so."""
        raise Unavailable("no accelerator here; use another machine")


class Crashing(Working):
    """Its process ends in the middle of a run."""

    def load(self, job: Job, artefact: Artefact) -> Runner:
        """The first run is fine, the second is the last."""
        runs = iter((True, False))
        return Runner(lambda: next(runs) or os._exit(3), lambda _: [])


class Hanging(Working):
    """Never comes back."""

    def prepare(self, job: Job) -> Artefact:
        """Sleeps for a minute."""
        time.sleep(60)
        return Artefact()
