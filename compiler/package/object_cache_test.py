"""The object cache: what is compiled again, what is not, and what is left behind by failures."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from compiler.package import object_cache, toolchain
from compiler.package.object_cache import CompileJob, ObjectCache
from compiler.package.toolchain_test import script
from compiler.support.diagnostics import UserError

COPY = 'if [ "$1" = --version ]; then echo v1; exit 0; fi\nfor last; do :; done\ncat *.cpp *.h > "$last" 2>/dev/null; true'


@pytest.fixture
def cache(tmp_path: Path) -> ObjectCache:
    return ObjectCache(tmp_path / "cache", toolchain.find(script(tmp_path, COPY)))


@pytest.fixture
def job(tmp_path: Path) -> CompileJob:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "a.cpp").write_text("int a;")
    (folder / "a.h").write_text("// header")
    object_cache.headers_hash.cache_clear()
    return CompileJob(folder / "a.cpp", ("-O2",))


def test_second_time_is_a_hit(cache: ObjectCache, job: CompileJob) -> None:
    assert cache.compile(job) == cache.compile(job)
    assert (cache.hits, cache.misses) == (1, 1)
    assert "int a;" in cache.compile(job).read_text()


def test_everything_that_matters_is_in_the_key(cache: ObjectCache, job: CompileJob, tmp_path: Path) -> None:
    seen = {cache.compile(job)}
    seen.add(cache.compile(replace(job, flags=("-O3",))))
    (job.source.parent / "a.h").write_text("// another header")
    object_cache.headers_hash.cache_clear()
    seen.add(cache.compile(job))
    weights = tmp_path / "w.bin"
    weights.write_bytes(b"1")
    seen.add(cache.compile(replace(job, extra=(weights,))))
    weights.write_bytes(b"2")
    seen.add(cache.compile(replace(job, extra=(weights,))))
    job.source.write_text("int b;")
    seen.add(cache.compile(job))
    assert len(seen) == 6 and cache.hits == 0


def test_paths_of_read_files_are_not_in_the_key(cache: ObjectCache, job: CompileJob, tmp_path: Path) -> None:
    one = cache.compile(replace(job, path_flags=("-DFILE=one",)))
    assert cache.compile(replace(job, path_flags=("-DFILE=two",))) == one


def test_failure_leaves_nothing(tmp_path: Path, job: CompileJob) -> None:
    failing = script(
        tmp_path,
        '[ "$1" = --version ] && exit 0; for last; do :; done; echo half > "$last"; exit 1',
        "failing",
    )
    cache = ObjectCache(tmp_path / "cache", toolchain.find(failing))
    with pytest.raises(UserError, match="compiling a.cpp failed"):
        cache.compile(job)
    assert [f for _, _, files in os.walk(cache.folder) for f in files] == []


def test_a_folder_that_cannot_be_written(tmp_path: Path, job: CompileJob) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    cache = ObjectCache(tmp_path / "cache", toolchain.find(script(tmp_path, COPY)))
    with pytest.raises(UserError, match="cannot write the cache in .*--cache=DIR"):
        cache.compile(job)


def test_default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AOTI_CACHE_DIR", "/x/y")
    assert object_cache.default_folder() == Path("/x/y")
    monkeypatch.delenv("AOTI_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/c")
    assert object_cache.default_folder() == Path("/c/aotinductor")


def test_the_folder_is_kept_below_its_limit(
    cache: ObjectCache, job: CompileJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AOTI_CACHE_MB", "0")
    first = cache.compile(job)
    (cache.folder / "objects" / ".trimmed").unlink(missing_ok=True)
    os.utime(first, (0, 0))
    ObjectCache(cache.folder, cache.toolchain).compile(replace(job, flags=("-O3",)))
    assert not first.exists()
