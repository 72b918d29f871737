"""The process that compiles GPU kernels: `python -m compiler.package.image_worker triton_kernels.py request.json`.

Enters: the path of the generated Triton source, and a list of jobs (`gpu_images._job`). Leaves, beside the source, for each job
FUNCTION.ARCH.cubin, FUNCTION.ARCH.json with what a launch needs, and FUNCTION.ARCH.ptx where it is wanted. A process of its own, because
Triton's compiler takes a second to import and may end the process that it runs in.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from kernels.triton.compile_kernel import Descriptor, Pointer, Scalar, Value, compile_kernel

# Triton numbers the element types of tensor maps as the device's instructions do; cuda.h has float64 and bfloat16 earlier.
_ELEMENT_TYPE = {8: 10, 9: 8, 10: 9}


def main(source: Path, request: Path) -> None:
    """Runs every job of the request."""
    module = load(source)
    for job in json.loads(request.read_text()):
        run(module, job, source.parent)


def load(source: Path) -> ModuleType:
    """The generated module; Triton reads its functions' text from the file. Modules of the model's own kernels lie beside it."""
    sys.path.insert(0, str(source.parent))
    spec = importlib.util.spec_from_file_location("generated_kernels", source)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def run(module: ModuleType, job: dict[str, Any], folder: Path) -> None:
    """Compiles one function for one architecture."""
    values: dict[str, Any] = {name: _value(*value) for name, value in job["values"].items()}
    values["PDL"] = job["dependent"]
    cubin = compile_kernel(
        getattr(module, job["function"]), values, job["arch"], job["num_warps"], job["num_stages"],
        **job["options"],
    )  # fmt: skip
    stem = folder / f"{job['function']}.{job['arch']}"
    stem.with_name(stem.name + ".cubin").write_bytes(cubin.image)
    if job["ptx"]:
        stem.with_name(stem.name + ".ptx").write_text(cubin.assembly)
    meta = {
        "num_warps": cubin.num_warps, "num_ctas": cubin.num_ctas, "shared_bytes": cubin.shared_bytes,
        "global_scratch_bytes": cubin.global_scratch_bytes, "dependent": job["dependent"],
        "maps": [_map(m) for m in cubin.tensor_maps],
    }  # fmt: skip
    stem.with_name(stem.name + ".json").write_text(json.dumps(meta))


def _value(kind: str, dtype: str, *block: int) -> Value:
    if kind == "map":
        return Descriptor(dtype, block)
    return Pointer(dtype) if kind == "pointer" else Scalar(dtype)


def _map(meta: Mapping[str, Any]) -> dict[str, Any]:
    """What the driver must be told: the element type by the number of CUtensorMapDataType (cuda.h), the block outermost first."""
    element = _ELEMENT_TYPE.get(meta["elem_type"], meta["elem_type"])
    return {
        "data_type": element, "element_bytes": meta["elem_size"], "swizzle": meta["swizzle"],
        "block": list(meta["block_size"]),
    }  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
