"""Machine code of a model's GPU kernels: compiled for every requested architecture, on any machine, several at a time.

Enters: the specs, the generated Triton source, architectures. Leaves: `Images`: the bytes of NAME.images.bin, and where in it the
code of each kernel for each architecture lies, with what a launch needs.

Invariants
- Each function is compiled once for each architecture; PTX of the lowest one comes along, for architectures that no code was made for.
- The bytes depend on the source, the architectures and Triton's release only: no path, no time, no order of processes.
- Triton runs in processes of its own (`image_worker.py`); this module never imports it.

    triton_poi_fused_sin_0, ("sm_80", "sm_90")  ->  images (80, cubin), (90, exact cubin), (80, ptx)
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compiler.ir.dtypes import DType
from compiler.ir.kernel import KernelSpec
from compiler.support.diagnostics import UserError
from kernels.tuning.gpus import BLOCK_SHARED_BYTES

# Compute capability of each architecture that the pinned Triton makes code for, and whether that code runs on exactly this one.
ARCHITECTURES: Mapping[str, tuple[int, bool]] = {
    "sm_80": (80, False),
    "sm_86": (86, False),
    "sm_89": (89, False),
    "sm_90": (90, True),
    "sm_100": (100, True),
    "sm_120": (120, True),
}
ALIGNMENT_BYTES = 64
MAIN = "triton_kernels.py"  # the file that defines the kernels; others are imported by it
DEPENDENT_SINCE = 90  # the capability from which on a kernel can wait for its predecessor (griddepcontrol)
TRITON_TYPES = {
    "bool": "i1", "uint8": "u8", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "float16": "fp16", "bfloat16": "bf16",
    "float32": "fp32", "float64": "fp64",
}  # fmt: skip


@dataclass(frozen=True)
class Image:
    """One piece of code: kind "cubin", "exact" (for this capability only) or "ptx" (for it and later ones)."""

    sm: int
    kind: str
    offset_bytes: int
    size_bytes: int
    threads: int
    shared_bytes: int
    cluster: int
    scratch_bytes: int
    dependent: bool = False  # launched while its predecessor ends, for which it waits
    maps: tuple[
        Mapping[str, Any], ...
    ] = ()  # what the tensor maps among its parameters must be like (`image_worker.py`)


@dataclass(frozen=True)
class Images:
    """`kernels`: function -> its images. `data`: all of them, one after the other."""

    kernels: dict[str, list[Image]]
    data: bytes


def check_architectures(wanted: Sequence[str]) -> tuple[str, ...]:
    """The architectures without repetition. Raises UserError for one that is not known, or none."""
    unknown = [a for a in wanted if a not in ARCHITECTURES]
    if unknown or not wanted:
        raise UserError(
            f"--cuda-archs={','.join(wanted)}: unknown architecture {', '.join(unknown) or '(none)'}; known: {', '.join(ARCHITECTURES)}"
        )
    return tuple(dict.fromkeys(wanted))


def compile_images(
    specs: Sequence[KernelSpec], files: Mapping[str, str], archs: Sequence[str], jobs: int
) -> Images:
    """`files`: name -> text of the generated sources, among them `MAIN`.
    Raises UserError with Triton's message when a kernel does not compile."""
    wanted = {s.function: s.archs or tuple(archs) for s in specs}
    by_function = {s.function: s for s in specs}
    work = [
        _job(by_function[function], arch, arch == _lowest(own))
        for function, own in wanted.items()
        for arch in own
    ]
    with tempfile.TemporaryDirectory(prefix="aoti-triton-") as folder:
        return _collect(by_function, wanted, _run(work, files, Path(folder), jobs))


def _lowest(archs: Sequence[str]) -> str:
    """The one whose PTX comes along."""
    return min(archs, key=lambda a: ARCHITECTURES[a][0])


def _job(spec: KernelSpec, arch: str, with_ptx: bool) -> dict[str, object]:
    """The parameters in the order of `codegen/triton/writer.py`."""
    values: dict[str, list[object]] = {a.name: ["pointer", _triton_type(a.dtype)] for a in spec.arguments}
    values.update({str(s): ["scalar", "i64"] for s in spec.sizes})
    launch, capability = spec.template_launch, ARCHITECTURES[arch][0]
    if launch:
        values.update({m.name: ["map", _triton_type(m.dtype), *m.block] for m in launch.maps})
        values.update(
            {"workspace": ["pointer", "fp32"], "semaphores": ["pointer", "i32"]} if launch.semaphores else {}
        )
    return {
        "function": spec.function, "arch": capability, "values": values, "dependent": capability >= DEPENDENT_SINCE,
        "num_warps": spec.num_warps, "ptx": with_ptx, **_options(spec),
    }  # fmt: skip


def _options(spec: KernelSpec) -> dict[str, object]:
    """What Triton is told beside types and warps. In our kernels libdevice keeps denormal numbers, as eager PyTorch does; a kernel of the
    model's own is compiled as Triton's launcher would."""
    launch, call = spec.template_launch, spec.user_call
    if call is None:
        return {"num_stages": launch.num_stages if launch else 1, "options": {"enable_reflect_ftz": False}}
    registers = {"maxnreg": call.max_registers} if call.max_registers else {}
    return {"num_stages": call.num_stages, "options": {"num_ctas": call.num_ctas, **registers}}


def _triton_type(dtype: DType) -> str:
    return TRITON_TYPES[dtype.name]


def _run(
    work: Sequence[dict[str, object]], files: Mapping[str, str], folder: Path, jobs: int
) -> dict[tuple[str, int], Path]:
    """Runs the workers; the folder of each (function, architecture)."""
    for name, text in files.items():
        (folder / name).write_text(text)
    count = max(1, min(jobs, -(-len(work) // 4)))
    parts = [work[k::count] for k in range(count)]
    with ThreadPoolExecutor(max_workers=count) as pool:
        list(pool.map(lambda k: _worker(folder, k, parts[k]), range(count)))
    return {(str(j["function"]), int(str(j["arch"]))): folder / f"{j['function']}.{j['arch']}" for j in work}


def _worker(folder: Path, number: int, part: Sequence[dict[str, object]]) -> None:
    request = folder / f"request{number}.json"
    request.write_text(json.dumps(part))
    env = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(folder),
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TRITON_CACHE_DIR": str(folder / f"cache{number}"),
        "TRITON_DISABLE_LINE_INFO": "1",  # it holds the paths of this machine
    }
    command = [
        sys.executable,
        "-m",
        "compiler.package.image_worker",
        str(folder / MAIN),
        str(request),
    ]
    done = subprocess.run(
        command, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode == 0:
        return
    if "No module named 'triton'" in done.stdout:
        raise UserError(
            "--device=cuda needs Triton 3.7.1 beside the compiler: pip install triton==3.7.1 (no GPU is needed); Bazel brings its own"
        )
    raise UserError(f"compiling GPU kernels failed:\n{done.stdout.rstrip()}")


def _collect(
    specs: Mapping[str, KernelSpec],
    functions: Mapping[str, Sequence[str]],
    found: dict[tuple[str, int], Path],
) -> Images:
    """All images in one blob: kernels in their order, architectures in theirs, PTX last. Equal bytes are kept once."""
    images = Images({}, b"")
    data, places = bytearray(), {}  # type: bytearray, dict[bytes, int]
    for function, archs in functions.items():
        images.kernels[function] = []
        for arch in archs:
            sm, exact = ARCHITECTURES[arch]
            kinds = [("exact" if exact else "cubin", "cubin")] + (
                [("ptx", "ptx")] if arch == _lowest(archs) else []
            )
            for kind, suffix in kinds:
                path = found[function, sm].with_name(f"{function}.{sm}.{suffix}")
                code = path.read_bytes() + (b"\0" if kind == "ptx" else b"")
                meta = json.loads(path.with_name(f"{function}.{sm}.json").read_text())
                _check_shared(specs[function], arch, meta["shared_bytes"])
                offset = places.setdefault(hashlib.sha256(code).digest(), len(data))
                if offset == len(data):
                    data += code + bytes(-len(code) % ALIGNMENT_BYTES)
                images.kernels[function].append(_image(sm, kind, offset, len(code), meta))
    return Images(images.kernels, bytes(data))


def _check_shared(spec: KernelSpec, arch: str, shared_bytes: int) -> None:
    """Refuses a kernel that no block of the architecture has room for: it would fail in the first run."""
    most = BLOCK_SHARED_BYTES[ARCHITECTURES[arch][0]]
    if shared_bytes <= most:
        return
    what, chosen = (spec.user_call.function, spec.user_call.chosen) if spec.user_call else (spec.function, "")
    raise UserError(
        f"the Triton kernel {what} needs {shared_bytes} bytes of shared memory, and a block has {most} on {arch}. {chosen}: put one with "
        f"smaller blocks or fewer stages first, or leave {arch} out of --cuda-archs\n    at {spec.origins[0].location}"
    )


def _image(sm: int, kind: str, offset: int, size: int, meta: dict[str, Any]) -> Image:
    return Image(
        sm,
        kind,
        offset,
        size,
        32 * meta["num_warps"],
        meta["shared_bytes"],
        meta["num_ctas"],
        meta["global_scratch_bytes"],
        meta["dependent"],
        tuple(meta["maps"]),
    )
