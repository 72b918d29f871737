"""The session of docs/debugging.md, run as it stands there: each command works, and prints and leaves what the page says."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aoti_runtime
import numpy as np
import pytest
import torch

from compiler.driver import cli
from models import my_model

ROOT = Path(__file__).absolute().parents[2]
PAGE = ROOT / "docs" / "debugging.md"
NUMBER = re.compile(r"\d+(\.\d+)?(e[-+]?\d+)?")


@dataclass(frozen=True)
class Step:
    """A command of the page, the lines that the page prints under it, and what it really did."""

    command: str
    shown: tuple[str, ...]
    code: int
    out: str
    err: str


def page() -> Iterator[tuple[str, tuple[str, ...]]]:
    """(command, lines under it) of every indented block. A block with a `$` has output; any other has commands alone."""
    for block in re.findall(r"(?:^    .*\n)+", PAGE.read_text(), re.MULTILINE):
        lines = [line[4:] for line in block.splitlines()]
        if not any(line.startswith("$ ") for line in lines):
            yield from ((re.split(r"\s{2,}#", line)[0], ()) for line in lines)
            continue
        commands = [n for n, line in enumerate(lines) if line.startswith("$ ")]
        for first, end in zip(commands, [*commands[1:], len(lines)], strict=True):
            yield lines[first][2:], tuple(lines[first + 1 : end])


def _program(words: list[str]) -> int:
    """Runs a program, its output in place of ours; the exit code."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return done.returncode


def run(command: str) -> int:
    """The exit code. The compiler runs in this process; the compiler of C++ and the folder of the checkout are the test's."""
    words = [w for w in shlex.split(command) if w != "CXX=clang++"]
    if words[0] == "aoti":
        return cli.main(words)
    if words[0] == "python":
        return _program([sys.executable, *words[1:]])
    return _program(
        [str(ROOT) if w == "." else str(Path(w).absolute()) if w.endswith(".sh") else w for w in words]
    )


def edit(file: str) -> int:
    """What stands for a person in `$EDITOR FILE`: another way of writing the same schedule."""
    text = Path(file).read_text()
    changed = text.replace("cpp_fused_sin_0", "cpp_fused_my_sin_0")
    assert changed != text
    Path(file).write_text(changed)
    return 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("session")
    torch.manual_seed(0)
    torch.export.save(torch.export.export(*my_model.build()), made / "my_model.pt2")
    return made


@pytest.fixture(scope="module")
def session(folder: Path) -> list[Step]:
    """All commands but Bazel's, in the order of the page, in one folder."""
    steps = []
    with contextlib.chdir(folder):
        for command, shown in page():
            if command.startswith("./bazelw "):
                continue
            out, err = io.StringIO(), io.StringIO()
            plain, _, target = command.partition(" > ")
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = edit(plain.split()[1]) if plain.startswith("$EDITOR ") else run(plain)
            if target.strip() not in ("", "/dev/null"):
                Path(target.strip()).write_text(out.getvalue())
            steps.append(Step(command, shown, code, out.getvalue(), err.getvalue()))
    return steps


# By a part of the command, in the order of the page: what must be true of the step.
def _stage(step: Step, folder: Path) -> None:
    assert step.out.startswith("program my_model_aoti\n") and "yield" in step.out


def _wrappers(step: Step, folder: Path) -> None:
    assert re.search(
        r"rt\.kernels\.cpp_fused_sin_0\(x, buf0\) +\| kernels->cpp_fused_sin_0\(ctx, x, buf0\);", step.out
    )


def _dump(step: Step, folder: Path) -> None:
    texts = {f.name for f in (folder / "dump").iterdir()}
    assert {"index.txt", "provenance.json", "00_frontend.txt"} <= texts
    assert {"frontend", "lowering", "scheduler", "codegen", "wrapper"} <= {
        t.split("_", 1)[-1].removesuffix(".txt") for t in texts
    }
    assert len(json.loads((folder / "dump" / "provenance.json").read_text())["kernels"]) == 2


def _report(step: Step, folder: Path) -> None:
    assert "<code>cpp_fused_sin_0</code>" in (folder / "my_model.html").read_text()


def _schedule(step: Step, folder: Path) -> None:
    assert re.search(r"^schedule arena \d+$", step.out, re.MULTILINE)


def _edited(step: Step, folder: Path) -> None:
    assert "cpp_fused_my_sin_0" in (folder / "out" / "kernels" / "kernels.h").read_text()
    x, y = (torch.randn(64, 64, generator=torch.Generator().manual_seed(i)) for i in (1, 2))
    (result,) = aoti_runtime.load(str(folder / "out" / "libmy_model_aoti.so"), num_models=1).run(x, y)
    exact = torch.cos(torch.sin(x.double()) @ y.double())
    assert (torch.from_numpy(np.from_dlpack(result).copy()) - exact).abs().max() < 1e-4


def _explained(step: Step, folder: Path) -> None:
    lines = step.out.splitlines()
    verdict = r"(fused \d+|kept apart): \S+ \+ \S+: [A-Z_]+: [a-z].+"
    found = [line for line in lines if re.fullmatch(verdict, line)]
    assert found and lines.index("program my_model_aoti") == len(found)


def _numerics(step: Step, folder: Path) -> None:
    rows = [line.split() for line in step.out.splitlines()]
    assert rows[0] == step.shown[0].split()
    assert [[w for w in row if not NUMBER.fullmatch(w)] for row in rows] == [
        [w for w in line.split() if not NUMBER.fullmatch(w)] for line in step.shown
    ]
    assert all(float(row[3]) <= float(row[5]) for row in rows[1:])


def _unfused(step: Step, folder: Path) -> None:
    assert [line.split()[-1] for line in step.out.splitlines()[1:]] == ["ok"] * 3  # one kernel more


def _last_fusion(step: Step, folder: Path) -> None:
    fused = [line for line in step.out.splitlines() if line.startswith("fused ")]
    assert len(fused) == 1 and fused[0].startswith("fused 1: buf1 + buf2: EPILOGUE: ")


def _reproducer(step: Step, folder: Path) -> None:
    assert {"kernels/cpp_fused_sin_0/run.sh", "kernels/cpp_fused_mm_cos_1/run.sh"} <= set(step.err.split())


def _kernel_alone(step: Step, folder: Path) -> None:
    assert NUMBER.sub("N", step.out.strip()).replace("N", "") == NUMBER.sub("N", step.shown[0]).replace(
        "N", ""
    )
    assert " median of 2000; 49152 bytes moved, " in step.out


EXPECTED: dict[str, Callable[[Step, Path], None]] = {
    "aoti my_model.pt2 --compile-to=lowering": _stage,
    "aoti my_model.pt2 --compile-to=wrappers": _wrappers,
    "aoti my_model.pt2 -o out --dump=dump": _dump,
    "python -m compiler.driver.report my_model.pt2 -o my_model.html": _report,
    "aoti my_model.pt2 --compile-to=scheduler > schedule.txt": _schedule,
    "$EDITOR schedule.txt": lambda step, folder: None,
    "aoti my_model.pt2 --compile-from=schedule.txt -o out": _edited,
    "aoti my_model.pt2 --explain=fusion --compile-to=scheduler": _explained,
    "aoti my_model.pt2 --check-numerics": _numerics,
    "aoti my_model.pt2 --check-numerics --fuse-limit=0": _unfused,
    "aoti my_model.pt2 --explain=fusion --fuse-limit=1 --compile-to=scheduler": _last_fusion,
    "aoti my_model.pt2 --compile-to=codegen --reproducer=kernels > /dev/null": _reproducer,
    "CXX=clang++ kernels/cpp_fused_mm_cos_1/run.sh . --threads 1": _kernel_alone,
}


def test_every_command_of_the_page_is_run() -> None:
    assert [c for c, _ in page() if not c.startswith("./bazelw ")] == list(EXPECTED)
    assert {c.split()[2] for c, _ in page() if c.startswith("./bazelw ")} == {"//tools/inspect"}


@pytest.mark.parametrize("command", EXPECTED)
def test_it_does_what_the_page_says(command: str, session: list[Step], folder: Path) -> None:
    step = next(s for s in session if s.command == command)
    assert step.code == 0, step.err
    EXPECTED[command](step, folder)
