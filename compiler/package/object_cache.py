"""Compiled objects by the content they were made from: nothing is compiled twice, nothing stale is used.

Enters: a source file, flags, the folders of its headers. Leaves: the path of an object file. The key is a hash of the compiler's
identity, the flags, the source's text and the text of every header that it could include; so no dependency files are needed, and two
processes that compile at once at worst do the same work. An object appears under its name only when it is complete. What was not used
for longest goes when the folder grows beyond its limit (cache_limit.py).

    cache = ObjectCache(folder, toolchain)
    cache.compile(CompileJob(Path("model.cpp"), ("-O2",), (Path("include"),)))   -> folder/objects/3f/3f9a....o
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from compiler.package import cache_limit
from compiler.package.toolchain import Toolchain, run
from compiler.support.diagnostics import UserError
from compiler.support.disk import is_no_space, no_space

HEADER_SUFFIXES = (".h", ".hpp", ".inc")


@dataclass(frozen=True)
class CompileJob:
    """One object. Folders of `include_roots` are given to the compiler; headers under `header_folders` and beside the source are
    what it may read from there. `extra` are further files that the source reads (e.g. weights)."""

    source: Path
    flags: tuple[str, ...]
    include_roots: tuple[Path, ...] = ()
    header_folders: tuple[Path, ...] = ()
    extra: tuple[Path, ...] = ()
    path_flags: tuple[str, ...] = ()  # name files of `extra`; not part of the key, unlike `flags`


class ObjectCache:
    """`folder` may be shared by processes. `hits` and `misses` count what this one asked for."""

    def __init__(self, folder: Path, toolchain: Toolchain) -> None:
        self.folder = folder.absolute()  # compilers are run in other folders
        self.toolchain = toolchain
        self.hits = 0
        self.misses = 0

    def compile(self, job: CompileJob) -> Path:
        """The object of `job`, compiled now or before. Raises UserError with the compiler's output."""
        return self.get(self._key(job), lambda out: self._compile(job, out), f"compiling {job.source.name}")

    def get(self, key: str, make: Callable[[Path], None], what: str) -> Path:
        """The file of this key; `make(path)` writes it where it is missing."""
        path = self.folder / "objects" / key[:2] / f"{key}.o"
        if path.exists():
            self.hits += 1
            cache_limit.used(path)
            return path
        self.misses += 1
        if self.misses == 1:
            cache_limit.trim(self.folder / "objects")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".making-", suffix=".o")
            os.close(handle)
            try:
                make(Path(name))
                os.replace(name, path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as e:
            if is_no_space(e):
                raise no_space(what, path.parent) from None
            raise UserError(
                f"{what}: cannot write the cache in {self.folder}: {e.strerror} (choose another with --cache=DIR)"
            ) from None
        return path

    def _compile(self, job: CompileJob, out: Path) -> None:
        includes = [f"-I{root}" for root in job.include_roots]
        args = [*job.flags, *includes, *job.path_flags, "-c", job.source.name, "-o", str(out)]
        run(self.toolchain, args, job.source.parent, f"compiling {job.source.name}")

    def _key(self, job: CompileJob) -> str:
        digest = hashlib.sha256(self.toolchain.identity.encode())
        for flag in job.flags:
            digest.update(b"\0" + flag.encode())
        digest.update(b"\0\0" + job.source.name.encode() + b"\0" + job.source.read_bytes())
        for folder in (job.source.parent, *job.header_folders):
            digest.update(b"\0" + headers_hash(folder))
        for path in job.extra:
            digest.update(b"\0" + file_hash(path))
        return digest.hexdigest()


@lru_cache(maxsize=64)
def headers_hash(folder: Path) -> bytes:
    """A hash of names and texts of all headers under `folder`; read once in the life of a process."""
    digest = hashlib.sha256()
    for path in sorted(_header_files(folder)):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.digest()


def _header_files(folder: Path) -> Sequence[Path]:
    """Those of tests left out: nothing that goes into a library reads them."""
    walk = [
        (base, files)
        for base, _, files in os.walk(folder)
        if "testing" not in Path(base).relative_to(folder).parts
    ]
    return [Path(base) / f for base, files in walk for f in files if f.endswith(HEADER_SUFFIXES)]


def file_hash(path: Path) -> bytes:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").digest()


def default_folder() -> Path:
    """`$AOTI_CACHE_DIR`, else `aotinductor` in the user's cache folder."""
    if named := os.environ.get("AOTI_CACHE_DIR"):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "aotinductor"
