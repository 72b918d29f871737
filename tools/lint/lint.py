"""Runs the linters on the source tree: the same for a person (tools/lint/run), for CI and for Bazel's tests.

Enters: flags. Leaves: findings on stdout, a summary on stderr, exit code 1 when there are findings. With --fix, formatters
write and ruff mends what it can.

    tools/lint/run                    everything
    tools/lint/run --fix              formats in place, then checks
    tools/lint/run --only=imports,ruff
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.lint.import_lint import CPP_SUFFIXES, check_tree, read_rules
from tools.lint.source_files import source_files


@dataclass(frozen=True)
class Job:
    """What the linters are run on. Tools are paths of programs; "" means that this one is not available."""

    root: Path
    files: list[str]
    fix: bool
    ruff: str
    clang_format: str
    buildifier: str
    mypy_path: list[str]  # folders of the packages that our code imports

    def having(self, suffixes: tuple[str, ...]) -> list[str]:
        return [file for file in self.files if file.endswith(suffixes)]


def call(job: Job, command: list[str], env: dict[str, str] | None = None) -> bool:
    """Runs a linter in the root; its output is the finding."""
    return subprocess.run(command, cwd=job.root, env=env, check=False).returncode == 0


def imports(job: Job) -> bool:
    findings = check_tree(read_rules(job.root / "tools/lint/rooms.toml"), job.root, job.files)
    print("".join(f"{finding}\n" for finding in findings), end="")
    return not findings


def ruff(job: Job) -> bool:
    check = [
        job.ruff,
        "check",
        "--no-cache",
        "--quiet",
        "--output-format=concise",
        *(["--fix"] if job.fix else []),
    ]
    return call(job, [*check, *job.having((".py",))])


def ruff_format(job: Job) -> bool:
    mode = [] if job.fix else ["--check"]
    return call(job, [job.ruff, "format", "--no-cache", "--quiet", *mode, *job.having((".py",))])


def clang_format(job: Job) -> bool:
    mode = ["-i"] if job.fix else ["--dry-run", "--Werror"]
    return call(job, [job.clang_format, "--style=file", *mode, *job.having(CPP_SUFFIXES)])


def mypy(job: Job) -> bool:
    # packages of PYTHONPATH count as installed: their types are used, their errors are not ours
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(job.mypy_path))
    cache = os.environ.get("TEST_TMPDIR", str(job.root / ".mypy_cache"))
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        "pyproject.toml",
        f"--cache-dir={cache}",
        "--no-error-summary",
    ]
    return call(job, [*command, *job.having((".py",))], env)


def buildifier(job: Job) -> bool:
    files = job.having((".bzl", "BUILD.bazel", "MODULE.bazel", "WORKSPACE"))
    return call(job, [job.buildifier, f"-mode={'fix' if job.fix else 'check'}", "-lint=off", *files])


LINTERS: dict[str, Callable[[Job], bool]] = {
    "imports": imports,
    "ruff": ruff,
    "ruff-format": ruff_format,
    "clang-format": clang_format,
    "buildifier": buildifier,
    "mypy": mypy,
}


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/lint/run", description="Runs the linters on the source tree."
    )
    parser.add_argument("--fix", action="store_true", help="format in place and mend what can be mended")
    parser.add_argument("--only", default="", help=f"some of {','.join(LINTERS)} (default: all)")
    parser.add_argument("--root", type=Path, help="the source tree (default: the workspace)")
    for tool in ("ruff", "clang-format", "buildifier"):
        parser.add_argument(f"--{tool}", default="", help="path of the program")
    return parser.parse_args(arguments)


def workspace() -> Path:
    """The source tree: of `bazel run`, or where a test's link to MODULE.bazel leads."""
    named = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    return Path(named) if named else Path("MODULE.bazel").resolve().parent


def main(arguments: list[str]) -> int:
    flags = parse(arguments)
    root = (flags.root or workspace()).resolve()
    wanted = flags.only.split(",") if flags.only else list(LINTERS)
    unknown = [name for name in wanted if name not in LINTERS]
    if unknown:
        print(f"lint: unknown linter {', '.join(unknown)}; known: {', '.join(LINTERS)}", file=sys.stderr)
        return 2
    tools = {
        name: os.path.abspath(path) if path else ""
        for name, path in vars(flags).items()
        if name in ("ruff", "clang_format", "buildifier")
    }
    third_party = [folder for folder in sys.path if "/packages/" in folder]
    job = Job(root, source_files(root), flags.fix, mypy_path=third_party, **tools)
    failed = []
    for name in wanted:
        if name == "buildifier" and not job.buildifier:
            print("lint: buildifier left out: tools/lint/run fetches it where there is npm", file=sys.stderr)
            continue
        began = time.monotonic()
        passed = LINTERS[name](job)
        print(
            f"lint: {name:<13} {'ok' if passed else 'FAILED'}  {time.monotonic() - began:.1f} s",
            file=sys.stderr,
        )
        failed += [] if passed else [name]
    if failed:
        print(f"lint: findings of {', '.join(failed)}; `tools/lint/run --fix` mends formats", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
