"""Compiles generated sources and links them into one shared library, outside Bazel, with any clang or gcc.

Enters: folders with the wrapper's and the kernels' sources, the weights file, a toolchain and a link flavour. Leaves: `lib<NAME>.so` (for
"shared" also `libaoti_shim.so`), written whole or not at all. Objects come from the cache where they can: the runtime's and the
shim's are the same for all models, a kernel's only change with its text.

    flavour   linked with                      symbols of the shim                    needs at run time
    static    runtime, lean shim               inside, hidden                         glibc (libc, libm, libpthread, libdl)
    shared    runtime, libaoti_shim.so         in libaoti_shim.so beside the library  and that
    torch     runtime, a stub of libtorch_cpu  left for libtorch                      libtorch_cpu.so (on a GPU libtorch_cuda.so, too)
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from compiler.package import elf, page_writer
from compiler.package.flags import COMMON, LINK, kernel_flags
from compiler.package.object_cache import CompileJob, ObjectCache
from compiler.package.toolchain import Toolchain, run
from compiler.support.diagnostics import UserError

SHIMS = ("static", "shared", "torch")
SHARED_SHIM = "libaoti_shim.so"
_SYSTEM_LIBRARIES = ("libc.so", "libm.so", "libpthread.so", "libdl.so", "ld-linux", "libgcc_s.so")
_TORCH = ("libtorch_cpu.so", "libtorch_cuda.so")
# The functions of the second one, of those that model libraries call.
_TORCH_CUDA = "shim/abi/libtorch_cuda_2.13.txt"
_EXPORTS = "{{\n  global: AOTInductor*; aoti_model_api; {name}_api;\n  local: *;\n}};\n"
_JIT_EXPORTS = "{\n  global: aoti_jit_*;\n  local: *;\n};\n"
MODEL_RUNTIME = ("runtime/model", "runtime/cpu")
JIT_RUNTIME = ("runtime/jit", "runtime/cpu")
_RUNTIME_HEADERS = (*MODEL_RUNTIME, "runtime/cuda", "runtime/jit", "shim/cuda")


class LibraryBuilder:
    """Compiles in `jobs` processes at a time. `root` is the folder that holds runtime/, shim/ and kernels/."""

    def __init__(
        self, root: Path, cache: ObjectCache, shim: str, isa: Sequence[str], jobs: int, device: str = "cpu"
    ) -> None:
        self.root = root
        self.cache = cache
        self.shim = shim
        self.isa = tuple(isa)
        self.device = device
        self.pool = ThreadPoolExecutor(max_workers=max(1, jobs), thread_name_prefix="compile")
        self.support: list[Future[Path]] = []
        self.shim_objects: list[Future[Path]] = []
        self.own: list[Future[Path]] = []  # of the model

    def close(self) -> None:
        """Waits for the compilers that are still running; drops what has not begun."""
        self.pool.shutdown(wait=True, cancel_futures=True)

    @property
    def toolchain(self) -> Toolchain:
        return self.cache.toolchain

    def start_support(self, runtime: Sequence[str] = MODEL_RUNTIME) -> None:
        """Begins with everything that does not depend on the model: the engine of the kernels, `runtime`, and for a model its shim."""
        on_gpu = self.device == "cuda"
        for source in [] if on_gpu else _library_sources(self.root / "kernels/cpp/engine"):
            self.support += self._kernel(source)
        extra = ("runtime/cuda", "shim/cuda") if on_gpu else ()
        for folder in (*runtime, *extra):
            self.support += [
                self._submit(s, COMMON, _RUNTIME_HEADERS) for s in _library_sources(self.root / folder)
            ]
        if runtime != MODEL_RUNTIME:
            return
        kernels = _library_sources(self.root / "shim/src/ops")
        self.support += [self._submit(s, COMMON, ("shim/src/ops",)) for s in kernels]
        if self.shim == "torch":
            folder = self.root / "shim/src/torch"
            self.support += [self._submit(s, COMMON, ("shim/src/torch",)) for s in _library_sources(folder)]
            return
        flags = (*COMMON, "-DAOTI_SHIM_EXPORTS") if self.shim == "shared" else COMMON
        for folder in ("shim/src", *(("shim/src/cuda",) if on_gpu else ())):
            sources = _library_sources(self.root / folder)
            self.shim_objects += [self._submit(s, flags, ("shim/src", "shim/cuda")) for s in sources]

    def start_kernels(self, folder: Path) -> None:
        """Begins with every kernel file of `folder`, once for each instruction set."""
        for source in sorted(folder.glob("*.cpp")):
            self.own += self._kernel(source)

    def start_sources(self, *sources: Path) -> None:
        """Begins with files that are the same for every instruction set."""
        self.own += [self._submit(s, COMMON, _RUNTIME_HEADERS) for s in sources]

    def start_wrapper(self, folder: Path, weights: Path, images: Path | None = None) -> None:
        """Begins with the wrapper's files; `weights` and `images` must be complete."""
        data = {"weights.cpp": ("AOTI_WEIGHTS_FILE", weights)}
        if images is not None:
            data["images.cpp"] = ("AOTI_IMAGES_FILE", images)
        for source in sorted(folder.glob("*.cpp")):
            self.own.append(self._submit(source, COMMON, (), data.get(source.name)))

    def link(self, name: str, out: Path) -> None:
        """Waits for all objects and links model `name` into `out`."""
        objects = _results(self.own + self.support)
        shim = _results(self.shim_objects)
        with tempfile.TemporaryDirectory(prefix="aoti-link-") as scratch:
            self._link(Path(scratch), name, objects, shim, out)
        self._check(out)

    def link_kernels(self, out: Path) -> None:
        """Waits for all objects and links them, without a model and without a shim, into `out` (runtime/jit/jit_host.h)."""
        objects = _results(self.own + self.support)
        exports = out.with_name("exports.map")
        exports.write_text(_JIT_EXPORTS)
        self._link_one([*LINK, f"-Wl,--version-script={exports}", *map(str, objects), "-lm"], out)

    def _kernel(self, source: Path) -> list[Future[Path]]:
        """One object for each instruction set."""
        return [self._submit(source, kernel_flags(self.toolchain, isa), ("kernels/cpp",)) for isa in self.isa]

    def _submit(
        self,
        source: Path,
        flags: tuple[str, ...],
        headers: tuple[str, ...],
        data: tuple[str, Path] | None = None,
    ) -> Future[Path]:
        """`headers`: folders, beside the contract's, whose headers the source may read. `data`: a file that the assembler reads, and
        the macro with its path."""
        include = (self.root / "shim/include", self.root / "runtime/include", self.root)
        folders = (*include[:2], *(self.root / h for h in headers))
        extra = (data[1],) if data else ()
        paths = (f'-D{data[0]}="{data[1].resolve()}"',) if data else ()
        return self.pool.submit(self.cache.compile, CompileJob(source, flags, include, folders, extra, paths))

    def _link(
        self, scratch: Path, name: str, objects: Sequence[Path], shim: Sequence[Path], out: Path
    ) -> None:
        exports = scratch / "exports.map"
        exports.write_text(_EXPORTS.format(name=name))
        args = [*LINK, f"-Wl,-soname,{out.name}", f"-Wl,--version-script={exports}", *map(str, objects)]
        if self.shim == "static":
            args += map(str, shim)
        elif self.shim == "shared":
            library = out.parent / SHARED_SHIM
            self._link_one([*LINK, f"-Wl,-soname,{SHARED_SHIM}", *map(str, shim), "-lm"], library)
            args += [str(library), "-Wl,-rpath,$ORIGIN"]
        else:
            args += ["-Wl,--no-as-needed", *map(str, self._torch_stubs(scratch, objects)), "-Wl,--as-needed"]
        self._link_one([*args, "-lm", "-ldl"], out)

    def _link_one(self, args: Sequence[str], out: Path) -> None:
        """Links and copies under other names first, so that a library is either whole or absent."""
        linked, partial = out.with_name(f".{out.name}.linked"), out.with_name(f".{out.name}.partial")
        try:
            run(self.toolchain, [*args, "-o", str(linked)], out.parent, f"linking {out.name}")
            page_writer.copy(linked, partial)
            os.replace(partial, out)
        finally:
            linked.unlink(missing_ok=True)
            partial.unlink(missing_ok=True)

    def _torch_stubs(self, scratch: Path, objects: Sequence[Path]) -> Iterator[Path]:
        """Empty libraries named as libtorch's that define just the functions that are left for it: they make the model library name
        libtorch as needed, without which Python's local loading of libtorch would leave them undefined."""
        wanted: set[str] = set()
        defined: set[str] = set()
        for path in objects:
            symbols = elf.read(path)
            wanted.update(n for n in symbols.imported() if n.startswith(("aoti_", "torch_")))
            defined.update(s.name for s in symbols.symbols if s.defined)
        listed = (self.root / _TORCH_CUDA).read_text().splitlines() if self.device == "cuda" else []
        of_cuda = {line for line in listed if not line.startswith("#")}
        yield self._stub(scratch, "libtorch_cpu.so", wanted - defined - of_cuda)
        if self.device == "cuda":
            yield self._stub(scratch, "libtorch_cuda.so", (wanted - defined) & of_cuda)

    def _stub(self, scratch: Path, name: str, functions: Iterable[str]) -> Path:
        source, stub = scratch / f"{name}.c", scratch / name
        source.write_text("".join(f"void {n}(void);\nvoid {n}(void) {{}}\n" for n in sorted(functions)))
        args = [
            "-x",
            "c",
            "-shared",
            "-fPIC",
            "-nostdlib",
            f"-Wl,-soname,{name}",
            str(source),
            "-o",
            str(stub),
        ]
        run(self.toolchain, args, scratch, f"making the stub of {name}")
        return stub

    def _check(self, out: Path) -> None:
        """A model library that needs more than the system's C libraries would not start elsewhere."""
        allowed = _SYSTEM_LIBRARIES + {"shared": (SHARED_SHIM,), "torch": _TORCH}.get(self.shim, ())
        extra = [n for n in elf.read(out).needed if not n.startswith(allowed)]
        if extra:
            out.unlink()
            raise UserError(
                f"{out.name} would need {', '.join(extra)}, which the {self.shim} flavour must not; use another --cxx"
            )


def _library_sources(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.glob("*.cc") if not p.name.endswith("_test.cc"))
    if not found:
        raise UserError(f"no C++ sources in {folder}: the checkout is not complete")
    return found


def _results(futures: Iterable[Future[Path]]) -> list[Path]:
    return [f.result() for f in futures]
