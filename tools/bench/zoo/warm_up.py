"""What only the first compilation on a machine does, done before any is timed: the runtime's objects in OUT/cache, AOTInductor's header.

warm_up(options)      -> "" or the reason why it failed
cache_of(options, folder)      a cache for one compilation: the runtime's objects are in it, kernels of earlier compilations are not;
                               zig's own cache is below it (`zig_cache`)

Invariant: nothing but `warm_up` writes to OUT/cache and OUT/zig.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools.bench import inductor_cache, limits, zig_cache
from tools.bench.contender import Job
from tools.bench.zoo import stages
from tools.bench.zoo.options import Options, complaint


def warm_up(options: Options) -> str:
    """Compiles a tiny model with every compiler of the run."""
    folder = options.folder / "warm_up"
    folder.mkdir(exist_ok=True)
    log = folder / "warm_up.log"
    ended = limits.call(lambda: _compile(options, folder), log, options.limits)
    return "" if ended.ok else ended.over or complaint(log.read_text(errors="replace"), ended.status)


def _compile(options: Options, folder: Path) -> int:
    import torch

    model = folder / "model.pt2"
    module, args = inductor_cache.tiny_model()
    torch.export.save(torch.export.export(module, args), model)
    status = stages.compile(
        model,
        folder / "libzoo_warm_up.so",
        options.compiler_words(options.folder / "cache"),
        zig_cache.environment(options.folder / "zig"),
    )
    if status == 0 and "aotinductor" in options.steps:
        stages.warm_up_aotinductor(
            Job("warm_up", 1, folder, folder, options.folder / "programs", options.cxx, {})
        )
    return status


def cache_of(options: Options, folder: Path) -> Path:
    """Made anew below `folder`, with hard links."""
    cache = folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    shutil.copytree(options.folder / "cache", cache, copy_function=os.link)
    zig_cache.copied(options.folder / "zig", cache / "zig")
    return cache
