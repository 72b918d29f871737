"""Make stock_my_model.so: the example model as PyTorch's own AOTInductor compiles it, for tests that run it without libtorch.

Enters: the torch of this Python and the g++ of this machine. Leaves: the library, stripped, for x86-64-v3 (AVX2) whatever
this machine has. It is committed with its hash and torch's release (stock_my_model.sha256), because making it needs a host
compiler with OpenMP, which no test may rely on. Run it again when torch is updated:

    python tests/interop/make_stock_library.py tests/interop/stock_my_model.so
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch._inductor.config as inductor_config

_COMPILER = """#!/bin/sh
# g++ for one instruction set (inductor asks for that of this machine), without this machine's folders in the result.
for argument do
  shift
  case "$argument" in
    -march=native) set -- "$@" -march=x86-64-v3 ;;
    -g*) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec g++ -ffile-prefix-map=@TORCH@=torch -ffile-prefix-map=@FOLDER@=generated "$@"
"""


class MyModel(torch.nn.Module):
    """The example of AOTInductor's first talk."""

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.cos(torch.mm(torch.sin(x), y))


def compile_module(
    module: torch.nn.Module,
    args: tuple[torch.Tensor, ...],
    dynamic_shapes: Any,
    folder: Path,
    package: Path | None = None,
    weights_outside: bool = False,
) -> Path:
    """The library that stock AOTInductor makes, for AVX2, without this machine's folders in it; where `package` is given, that file, with
    the library inside, and with `weights_outside` the weights beside it."""
    compiler = folder / "gxx"
    script = _COMPILER.replace("@TORCH@", str(Path(torch.__file__).parent)).replace("@FOLDER@", str(folder))
    compiler.write_text(script)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder)
    compiler.chmod(compiler.stat().st_mode | stat.S_IXUSR)
    options: dict[str, Any] = {
        "cpp.cxx": (None, str(compiler)),
        "cpp.simdlen": 256,
        "aot_inductor.package": package is not None,
    }
    if weights_outside:
        options |= {
            "aot_inductor.package_constants_on_disk_format": "binary_blob",
            "aot_inductor.package_constants_in_so": False,
        }
    with torch.no_grad(), inductor_config.patch(options):
        exported = torch.export.export(module, args, dynamic_shapes=dynamic_shapes)
        if package is not None:
            return Path(torch._inductor.aoti_compile_and_package(exported, package_path=str(package)))
        return Path(str(torch._inductor.aot_compile(exported.module(), args)))


def compile_library(folder: Path) -> Path:
    return compile_module(MyModel(), (torch.ones(64, 64), torch.ones(64, 64)), None, folder)


def torch_release() -> str:
    """As the lock has it, without "+cpu"."""
    return str(torch.__version__).partition("+")[0]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Make the stock library of tests/interop.")
    parser.add_argument("output", type=Path)
    output: Path = parser.parse_args(argv).output
    for tool in ("g++", "strip"):
        if shutil.which(tool) is None:
            print(f"make_stock_library: {tool} is not installed", file=sys.stderr)
            return 1
    with tempfile.TemporaryDirectory() as name:
        library = compile_library(Path(name))
        temporary = output.with_name(output.name + ".tmp")
        subprocess.run(["strip", "--strip-all", "-o", str(temporary), str(library)], check=True)
        os.replace(temporary, output)
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    output.with_suffix(".sha256").write_text(f"{digest}  {output.name}\n# torch {torch_release()}\n")
    print(f"{output}: {output.stat().st_size} bytes, sha256 {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
