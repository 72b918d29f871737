"""The set-up of the private Bazel: complete or not at all, done once, and it names what is missing.

Downloads and the relocation are played by stand-ins; locks, signals, the folder's life and bazelw are the real ones.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import debian_packages
import private_prefix
import pytest
import setup_bazel
from setup_error import SetupError

VERSION = (Path(".bazelversion")).read_text().strip()


class Machine:
    """A home folder, and set-ups in it whose slow or failing step is chosen."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.prefix = home / "prefix"
        self.fetches = home.parent / "fetches"
        self.label, self.java, self.bazel = VERSION, "exit 0", "exit 0"

    def setup(self) -> int:
        return int(setup_bazel.main([str(self.prefix), VERSION]))

    def setup_in_child(self) -> int:
        """The process id of a set-up that runs beside the test."""
        child = os.fork()
        if child == 0:
            os._exit(self.setup())
        return child

    def fetch(self, lock: Path, scratch: Path) -> Path:
        with self.fetches.open("a") as file:
            file.write("x")
        time.sleep(0.2)  # long enough for a second set-up to meet it
        return scratch

    def build(self, staged: Path, home: Path, packages: Path, wheels: Path) -> None:
        for program, body in (("jre/bin/java", self.java), ("bin/bazel", self.bazel)):
            file = staged / program
            file.parent.mkdir(parents=True)
            file.write_text(f"#!/bin/sh\n{body}\n")
            file.chmod(0o755)
        (staged / "install").mkdir()
        (staged / "install/build-label.txt").write_text(self.label)

    def left(self) -> set[str]:
        return {entry.name for entry in self.home.iterdir()} - {"setup.lock"}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path / "home")
    monkeypatch.setattr(setup_bazel, "check_machine", lambda home: None)
    monkeypatch.setattr(setup_bazel, "run", lambda command, why: "")
    monkeypatch.setattr(debian_packages, "fetch", made.fetch)
    monkeypatch.setattr(private_prefix, "build", made.build)
    return made


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited 30 s in vain"
        time.sleep(0.01)


def test_complete_then_nothing_to_do(machine: Machine) -> None:
    assert machine.setup() == 0
    assert (machine.prefix / "ready").exists()
    assert f"override_module=rules_cc={machine.prefix}/" in (machine.prefix / "modules.bazelrc").read_text()
    assert machine.setup() == 0
    assert machine.fetches.read_text() == "x"
    assert machine.left() == {"prefix"}


def test_two_at_once_make_it_once(machine: Machine) -> None:
    children = [machine.setup_in_child() for _ in range(2)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert machine.fetches.read_text() == "x"


def test_killed_between_rename_and_trial(machine: Machine) -> None:
    machine.java = "exec sleep 60"
    child = machine.setup_in_child()
    wait_for(machine.prefix.exists)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert not (machine.prefix / "ready").exists()
    assert len(machine.left()) == 2  # the prefix and the scratch folder
    machine.java = "exit 0"
    assert machine.setup() == 0
    assert machine.left() == {"prefix"}
    assert (machine.prefix / "ready").exists()


def test_terminated_leaves_nothing(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.java = "exec sleep 60"
    child = machine.setup_in_child()
    wait_for(machine.prefix.exists)
    os.kill(child, signal.SIGTERM)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert machine.left() == set()
    assert "stopped by signal 15" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("java", "echo no such thing; exit 3", "the Java runtime does not start"),
        ("bazel", "exit 1", "the private Bazel does not start"),
        ("label", "6.0.0", "Debian's Bazel is 6.0.0, .bazelversion says"),
    ],
)
def test_what_does_not_work_is_named_and_removed(
    machine: Machine, capsys: pytest.CaptureFixture[str], field: str, value: str, sentence: str
) -> None:
    setattr(machine, field, value)
    assert machine.setup() == 1
    assert sentence in capsys.readouterr().err
    assert machine.left() == set()


def test_unwritable_home_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert setup_bazel.main([str(tmp_path / "file/prefix"), VERSION]) == 1
    assert f"error: {tmp_path}/file: " in capsys.readouterr().err


def test_machine_without_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: None if tool.startswith("apt") else tool)
    with pytest.raises(SetupError, match="apt-get, apt-cache not found: .* install bazelisk"):
        setup_bazel.check_machine(tmp_path)


@pytest.mark.parametrize(
    ("folder", "free", "sentence"),
    [
        ("a b", 1 << 40, "cannot hold a path with a space; set AOTI_BAZEL_HOME"),
        ("ab", 5 << 20, "5 MB free, the setup needs"),
    ],
)
def test_unfit_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, free: int, sentence: str
) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: tool)
    monkeypatch.setattr(setup_bazel, "run", lambda command, why: "")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(free, 0, free))
    with pytest.raises(SetupError, match=sentence):
        setup_bazel.check_machine(tmp_path / folder)


def test_lock_line_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("# comment\nbazel=7 sha256:12\n")
    with pytest.raises(SetupError, match=r"lock:2: expected a sha256 of 64 digits"):
        debian_packages.read_lock(tmp_path / "lock")


def test_packages_that_debian_no_longer_has() -> None:
    pins = [debian_packages.Pin("one", "1", "0" * 64), debian_packages.Pin("two", "2", "0" * 64)]
    with pytest.raises(SetupError, match="Debian no longer has two"):
        debian_packages.choose_versions(pins, "one | 1 | http://mirror sid/main\n")
    with pytest.raises(SetupError, match="is the network"):
        debian_packages.choose_versions(pins, "")


@pytest.mark.parametrize(
    ("version", "content", "refused"),
    [
        ("1", b"locked", ""),
        ("2", b"newer", ""),
        ("1", b"forged", "sha256 of one_1_amd64.deb is not the lock's"),
    ],
)
def test_archives_of_pinned_versions_have_the_pinned_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, content: bytes, refused: str
) -> None:
    unpacked: list[str] = []
    monkeypatch.setattr(debian_packages, "run", lambda command, why: unpacked.append(command[2]))
    pins = [debian_packages.Pin("one", "1", hashlib.sha256(b"locked").hexdigest())]
    (tmp_path / f"one_{version}_amd64.deb").write_bytes(content)
    (tmp_path / "two_3_amd64.deb").write_bytes(b"locked")  # the digest of another package does not help
    if refused:
        with pytest.raises(SetupError, match=refused):
            debian_packages.check_and_unpack(pins, [f"one={version}"], tmp_path, tmp_path)
        assert unpacked == []
    else:
        debian_packages.check_and_unpack(pins, [f"one={version}"], tmp_path, tmp_path)
        assert unpacked == [str(tmp_path / f"one_{version}_amd64.deb")]


class Wrapper:
    """A copy of bazelw with a Python that only writes down how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree("tools/bazel/offline", folder / "tools/bazel/offline")
        for name in ("bazelw", ".bazelversion", "MODULE.bazel"):
            shutil.copy(name, folder / name)
        self.calls = folder / "calls"
        self.python = self.program(folder / "python", f'echo "$@" >> {self.calls}; exit 1')

    def program(self, path: Path, body: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)
        return path

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": "/usr/bin:/bin",
            "AOTI_PYTHON": str(self.python),
            "AOTI_BAZEL_HOME": f"{self.folder}/home",
        }
        return subprocess.run(
            [str(self.folder / "bazelw"), *arguments],
            env={**environment, "AOTI_BAZEL_OFFLINE": "1", **settings},
            capture_output=True,
            text=True,
            check=False,
        )

    def prefix(self) -> Path:
        """Where the last call of the set-up was told to make the private Bazel."""
        return Path(self.calls.read_text().splitlines()[-1].split()[-2])


@pytest.fixture
def wrapper(tmp_path: Path) -> Wrapper:
    return Wrapper(tmp_path)


def test_bazelw_makes_what_is_not_ready(wrapper: Wrapper) -> None:
    assert wrapper.run("version").returncode == 1
    prefix = wrapper.prefix()
    bazel = wrapper.program(prefix / "bin/bazel", 'printf "%s\\n" "$@"')
    assert wrapper.run("version").returncode == 1  # a half-made one is no Bazel
    assert len(wrapper.calls.read_text().splitlines()) == 2
    (prefix / "ready").touch()
    done = wrapper.run("version")
    assert done.returncode == 0, done.stderr
    assert f"--bazelrc={prefix}/modules.bazelrc" in done.stdout.splitlines()
    assert done.stdout.splitlines()[-1] == "version"
    done = wrapper.run("build", "--noenable_bzlmod", "//x")
    assert f"--bazelrc={prefix}/workspace.bazelrc" in done.stdout.splitlines()
    assert len(wrapper.calls.read_text().splitlines()) == 2
    assert bazel.exists()


def test_bazelw_names_what_is_missing(wrapper: Wrapper) -> None:
    done = wrapper.run("version", AOTI_BAZEL_OFFLINE="0")
    assert (done.returncode, done.stderr) == (
        1,
        "bazelw: AOTI_BAZEL_OFFLINE=0, but neither bazelisk nor bazel is on the PATH\n",
    )
    done = wrapper.run("version", AOTI_BAZEL_OFFLINE="yes")
    assert (done.returncode, done.stderr) == (
        1,
        "bazelw: AOTI_BAZEL_OFFLINE is 'yes'; expected 0, 1 or nothing\n",
    )


def test_bazelw_takes_the_bazel_of_the_path(wrapper: Wrapper) -> None:
    wrapper.program(wrapper.folder / "bin/bazelisk", 'echo "$@"')
    path = f"{wrapper.folder}/bin:/usr/bin:/bin"
    assert wrapper.run("version", AOTI_BAZEL_OFFLINE="", PATH=path).stdout == "version\n"
    wrapper.program(wrapper.folder / "bin/bazelisk", "echo no registry >&2; exit 1")
    (marker,) = (wrapper.folder / "home").glob("registry-ok-*")
    marker.unlink()
    done = wrapper.run("version", AOTI_BAZEL_OFFLINE="", PATH=path)
    assert "taking the private Bazel" in done.stderr
    assert wrapper.prefix().is_relative_to(wrapper.folder / "home")
