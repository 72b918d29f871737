"""The steps of one model, each a process within limits; the result is written after each.

Export, compilation and judgement are forks of this process, which has imported torch, the libraries and the compiler (`preload`): hundreds
of processes would spend most of their time on that. Seconds are therefore those of the step itself.

    ModelSteps(ENTRIES["resnet50"], Options(...)).run()
      -> OUT/resnet50/{model.pt2, recorded.npz, libzoo_resnet50.so, *.log}, OUT/resnet50.json (results.py)

A step whose result is there already is not done again, so that a stopped run goes on where it was.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.bench import limits, zig_cache
from tools.bench.contender import Artefact, Job
from tools.bench.zoo import results, stages
from tools.bench.zoo.entries import Entry
from tools.bench.zoo.options import Options, complaint
from tools.bench.zoo.results import Result
from tools.bench.zoo.warm_up import cache_of


class ModelSteps:
    """`result` is what the model's file holds."""

    def __init__(self, entry: Entry, options: Options) -> None:
        self.entry, self.options = entry, options
        self.folder = options.folder / entry.name
        self.file = options.folder / f"{entry.name}.json"
        head = {"name": entry.name, "family": entry.family, "library": entry.library}
        self.result: Result = results.read(self.file) | head

    def forget(self, step: str) -> None:
        """Removes the results of `step` and of those after it."""
        for later in results.STEPS[results.STEPS.index(step) :]:
            self.result.pop(later, None)

    def missing(self) -> list[str]:
        """The steps that are wanted and can be done."""
        if results.verdict(self.result) not in ("", "right"):
            return []
        return [s for s in self.options.steps if s not in self.result]

    def run(self, progress: Callable[[str], None]) -> Result:
        """Does what is missing, in order, up to a step that fails."""
        do = {
            "export": self._export,
            "compile": self._compile,
            "judge": self._judge,
            "aotinductor": self._aotinductor,
            "speed": self._speed,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        for step in self.missing():
            progress(step)
            self.result[step] = do[step]()
            results.write(self.file, self.result)
            if results.verdict(self.result) in results.STEPS[:3]:
                break
        return self.result

    def _call(self, step: str, function: Callable[[], int]) -> Result:
        """Calls the function in a fork; its facts, with the reason where it failed."""
        return self._facts(step, limits.call(function, self._log(step), self.options.limits))

    def _facts(self, step: str, ended: limits.Ended) -> Result:
        why = (
            ""
            if ended.ok
            else ended.over or complaint(self._log(step).read_text(errors="replace"), ended.status)
        )
        seconds, cpu_seconds = round(ended.seconds, 2), round(ended.cpu_seconds, 2)
        return {"why": why, "seconds": seconds, "cpu_seconds": cpu_seconds, "megabytes": ended.peak_megabytes}

    def _log(self, step: str) -> Path:
        return self.folder / f"{step}.log"

    def _export(self) -> Result:
        return self._call(
            "export", lambda: stages.export(self.entry, self.folder / "model.pt2", self._recorded())
        )

    def _compile(self) -> Result:
        cache = cache_of(self.options, self.folder)
        words, zig = self.options.compiler_words(cache), zig_cache.environment(cache / "zig")
        facts = self._call(
            "compile", lambda: stages.compile(self.folder / "model.pt2", self._library(), words, zig)
        )
        shutil.rmtree(cache)
        counted = re.search(r"(\d+) kernels", self._log("compile").read_text(errors="replace"))
        return facts | ({"kernels": int(counted[1])} if counted else {})

    def _judge(self) -> Result:
        verdict = self.folder / "verdict.json"
        facts = self._call("judge", lambda: stages.judge(self._library(), self._recorded(), verdict))
        return facts if facts["why"] else facts | json.loads(verdict.read_text())

    def _aotinductor(self) -> Result:
        """Compiled as the bench does it, with its defaults; seconds are those of the compiler."""
        job, out = self._job("aotinductor"), self.folder / "aotinductor.json"
        job.work_dir.mkdir(exist_ok=True)
        facts = self._call("aotinductor", lambda: stages.compile_with_aotinductor(self.entry, job, out))
        if facts["why"]:
            return facts
        return facts | {name: round(value, 2) for name, value in json.loads(out.read_text()).items()}

    def _speed(self) -> Result:
        artefacts = {"ours": Artefact(model_files=(self._library(),)).to_json()}
        if not self.result.get("aotinductor", {"why": "not compiled"})["why"]:
            package = self._job("aotinductor").work_dir / "compiled.pt2"
            artefacts["aotinductor"] = Artefact(model_files=(package,)).to_json()
        job, out = self._job("speed"), self.folder / "speed.json"
        types = {"inputs": [str(array.dtype) for array in job.inputs()], "weights": "float32"}
        (self.folder / "types.json").write_text(json.dumps(types))
        data = {"job": job.to_json(), "artefacts": artefacts, "rounds": 3, "min_time_s": 0.2}
        request = self.folder / "speed_request.json"
        request.write_text(json.dumps(data))
        ended = limits.run_module(
            "tools.bench.zoo.speed", (request, out), self._log("speed"), self.options.limits
        )
        facts = self._facts("speed", ended)
        return facts if facts["why"] else facts | json.loads(out.read_text())

    def _library(self) -> Path:
        return self.folder / f"libzoo_{self.entry.name}.so"

    def _recorded(self) -> Path:
        return self.folder / "recorded.npz"

    def _job(self, what: str) -> Job:
        return Job(model=self.entry.name, threads=1, model_dir=self.folder, work_dir=self.folder / what,
                   programs_dir=self.options.folder / "programs", cxx=self.options.cxx, data={})  # fmt: skip


def facts_line(result: dict[str, Any]) -> str:
    """`exported 8.1 s, compiled 5.2 s, right (3.1e-07, eager 2.9e-07), 11.2 ms (eager 15.3)`."""
    words = {
        "export": "exported",
        "compile": "compiled",
        "judge": "right",
        "aotinductor": "AOTInductor compiled",
        "speed": "timed",
    }
    parts = []
    for step in results.STEPS:
        facts = result.get(step)
        if facts is None:
            continue
        if facts["why"]:
            first = facts["why"].splitlines()
            parts.append(f"{step} failed: {' '.join(line.strip() for line in first[:3])[:200]}")
        elif step == "judge":
            parts.append(f"right ({facts['distance']:.1e}, eager {facts['eager_distance']:.1e})")
        elif step == "speed":
            parts.append(
                ", ".join(f"{n} {facts[n]:.3g} ms" for n in ("ours", "eager", "aotinductor") if n in facts)
            )
        else:
            parts.append(f"{words[step]} {facts['seconds']:.1f} s")
    return ", ".join(parts)
