"""Ahead-of-time compilation of one model: stages, generated files, and (unless only sources are wanted) the linked library.

Enters: a `Request`. Leaves: the files that it names, or a CompilerError and nothing: all are made before the
first is moved to its place, each whole, and the manifest, which tells of the rest, last. C++ compilers run beside Python:
runtime and shim from the start (the cache has them nearly always), kernels as soon as codegen has printed them, while weights are
packed and the wrapper is planned.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from compiler.driver import outputs, provenance
from compiler.driver.intermediate import Start, begin
from compiler.driver.pipeline import STAGE_NAMES, Compilation, run_stages
from compiler.ir.wrapper import Plan
from compiler.package import gpu_images, header, image_tables, manifest, toolchain, weights
from compiler.package.library import SHARED_SHIM, LibraryBuilder
from compiler.package.object_cache import ObjectCache, default_folder, file_hash
from compiler.support.diagnostics import InternalError, UserError
from compiler.support.dump import Dumper
from compiler.support.options import CompileOptions, Context, no_dump

if TYPE_CHECKING:
    from compiler.ir.graph import ModelGraph


@dataclass(frozen=True)
class Request:
    """What one run is asked to do. `model`, `start_text` (the path of an IR's text) or `graph` must be there."""

    options: CompileOptions
    model: Path | None
    paths: outputs.OutputPaths | None  # None: nothing is written but the text of stage `stop_after`
    graph: ModelGraph | None = None  # what the frontend made of a model in memory; the stages begin behind it
    start_text: Path | None = None
    stop_after: str = ""
    prints_code: bool = False  # C++ or Python is wanted, not the text of an IR
    dump: Path | None = None
    cxx: str = ""
    jobs: int = 0  # 0: as many as processors
    cache: Path | None = None  # of compiled objects
    op_sources: tuple[Path, ...] = ()  # kernels of custom operators


Report = Callable[[str, float, str], None]


def compile_model(request: Request, report: Report) -> Compilation:
    """Runs `request`. Raises UserError or InternalError."""
    _check(request)
    dumper = Dumper(request.dump) if request.dump else None
    c = Compilation(
        Context(request.options, dump=dumper or no_dump),
        dumping=dumper is not None,
        model=request.model,
        graph=request.graph,
    )
    if request.paths is None:
        _run(c, request, request.stop_after, report)
    else:
        _compile_files(c, request, request.paths, report)
    if dumper and c.graph is not None and c.plan is not None:
        dumper.write("provenance.json", provenance.join(c).to_json())
    return c


def _compile_files(c: Compilation, request: Request, paths: outputs.OutputPaths, report: Report) -> None:
    """All stages, and their files in place."""
    builder = _builder(request) if paths.library else None
    try:
        with outputs.Scratch(paths, request.options.name) as scratch:
            job = _Job(c, request, paths, scratch, builder, report)
            job.generate()
            job.package()
            job.link()
            job.publish()
    finally:
        if builder:
            builder.close()


def _check(request: Request) -> None:
    """Refuses early what would only show after seconds of work."""
    for source in request.op_sources:
        if not source.is_file():
            raise UserError(f"--op-sources: {source} does not exist; expected C or C++ sources")
    if request.model is not None and not request.model.is_file():
        what = "is a folder" if request.model.is_dir() else "does not exist"
        raise UserError(
            f"the model {request.model} {what}; expected a .pt2 file made by torch.export.save (or compiler.driver.export)"
        )
    if request.model is None and request.start_text is None and request.graph is None:
        raise UserError("no model was given: name a .pt2 file, or --compile-from=FILE with the text of an IR")


def _run(c: Compilation, request: Request, last: str, report: Report) -> None:
    """All stages up to `last`, from the model, a graph or an IR's text."""
    first = STAGE_NAMES[1 if request.graph else 0]
    start = begin(request.start_text) if request.start_text else Start(first)
    if not start.first:
        if request.paths is not None or not request.prints_code:
            raise UserError(
                f"{request.start_text} can only be printed as code: add --compile-to=cpp (or python, for a plan)"
            )
        start.enter(c)
        return
    if STAGE_NAMES.index(start.first) > STAGE_NAMES.index(last):
        raise UserError(f"--compile-from is the text of a later stage than --compile-to={last}")
    if start.needs_model and request.model is None:
        raise UserError(f"{request.start_text} names constants: give the .pt2 that has their data as well")
    gc.disable()  # collections while torch is imported cost a third of the time of a small model
    try:
        if start.model_until and request.model is not None:
            run_stages(c, STAGE_NAMES[0], start.model_until, report)
        start.enter(c)
        run_stages(c, start.first, last, report)
    finally:
        gc.enable()


def _builder(request: Request) -> LibraryBuilder:
    root = Path(__file__).resolve().parents[2]
    cache = ObjectCache(request.cache or default_folder(), toolchain.find(request.cxx))
    jobs = request.jobs or os.cpu_count() or 1
    options = request.options
    builder = LibraryBuilder(root, cache, options.shim, options.isa, jobs, options.device)
    builder.start_support()
    builder.start_sources(*request.op_sources)
    return builder


class _Job:
    """The steps of one compilation to files, in order; each leaves its results in `scratch`."""

    def __init__(self, c: Compilation, request: Request, paths: outputs.OutputPaths, scratch: outputs.Scratch,
                 builder: LibraryBuilder | None, report: Report) -> None:  # fmt: skip
        self.c = c
        self.request = request
        self.paths = paths
        self.scratch = scratch
        self.builder = builder
        self.report = report
        self.name = request.options.name
        self.weights_file = scratch.folder / f"{self.name}.weights.bin"
        self.images_file = scratch.folder / f"{self.name}.images.bin" if paths.images else None
        self.library_file = scratch.folder / paths.library.name if paths.library else None
        self.manifest: dict[str, manifest.Json] = {}

    def generate(self) -> None:
        """All stages; the kernels are being compiled from the moment they are known."""
        _run(self.c, self.request, "codegen", self.report)
        kernels = self.scratch.write_tree("kernels", self.c.kernel_files)
        if self.builder and self.images_file is None:
            self.builder.start_kernels(kernels)
        run_stages(self.c, "wrapper", "wrapper", self.report)

    def package(self) -> None:
        """Wrapper sources, weights, header, manifest."""
        c, began = self.c, time.perf_counter()
        if c.plan is None or c.schedule is None or c.weights is None:
            raise InternalError("the wrapper stage left no plan")
        if self.images_file is not None:
            self._images(c.plan, self.images_file)
        self.scratch.write_tree("wrapper", c.wrapper_files)
        with self.scratch.guard():
            weights_hash = weights.write(c.weights, c.schedule.program, self.weights_file)
        self.scratch.write(f"{self.name}.h", header.write(c.plan))
        files = {f"kernels/{n}": t for n, t in c.kernel_files.items()}
        files.update((f"wrapper/{n}", t) for n, t in c.wrapper_files.items())
        model_hash = file_hash(self.request.model).hex() if self.request.model else ""
        self.manifest = manifest.build(c.plan, c.specs, self.request.options, files, model_hash, weights_hash)
        self.report("package", time.perf_counter() - began, f"{c.plan.weights_bytes} bytes of weights")

    def _images(self, plan: Plan, path: Path) -> None:
        """Compiles the GPU's kernels; adds their table to the wrapper's files."""
        began, options = time.perf_counter(), self.request.options
        jobs = self.request.jobs or os.cpu_count() or 1
        images = gpu_images.compile_images(self.c.specs, self.c.kernel_files, options.cuda_archs, jobs)
        if images.kernels:
            text = image_tables.write(plan, self.c.specs, images, options.cuda_archs)
            self.c.wrapper_files["images.cpp"] = text
        with self.scratch.guard():
            path.write_bytes(images.data)
        summary = (
            f"{len(images.kernels)} kernels for {', '.join(options.cuda_archs)}, {len(images.data)} bytes"
        )
        self.report("images", time.perf_counter() - began, summary)

    def link(self) -> None:
        """The library, where one is wanted."""
        if self.builder is None or self.library_file is None:
            return
        began = time.perf_counter()
        self.builder.start_wrapper(self.scratch.folder / "wrapper", self.weights_file, self.images_file)
        self.builder.link(self.name, self.library_file)
        manifest.add_library(self.manifest, self.library_file)
        cache = self.builder.cache
        self.report(
            "library",
            time.perf_counter() - began,
            f"{cache.misses} objects compiled, {cache.hits} from the cache",
        )

    def publish(self) -> None:
        """Everything to its place; the manifest, which tells of the rest, last."""
        scratch, paths = self.scratch, self.paths
        manifest_file = scratch.write(f"{self.name}.manifest.json", manifest.text(self.manifest))
        scratch.publish_tree(scratch.folder / "kernels", paths.kernels_dir)
        scratch.publish_tree(scratch.folder / "wrapper", paths.wrapper_dir)
        scratch.publish(scratch.folder / f"{self.name}.h", paths.header)
        scratch.publish(self.weights_file, paths.weights)
        if self.images_file and paths.images:
            scratch.publish(self.images_file, paths.images)
        if self.library_file and paths.library:
            if self.request.options.shim == "shared":
                scratch.publish(scratch.folder / SHARED_SHIM, paths.library.with_name(SHARED_SHIM))
            scratch.publish(self.library_file, paths.library)
        scratch.publish(manifest_file, paths.manifest)
