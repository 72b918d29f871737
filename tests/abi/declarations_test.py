"""The functions of the ABI keep their types: against the frozen list, and against the headers of the pinned torch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.abi.declarations import read

FROZEN = Path("shim/abi/functions.txt")
# Types that our C headers name in their own way.
SAME_TYPES = {
    "c10::Half": "AotiFloat16",
    "c10::BFloat16": "AotiBFloat16",
    "c10::complex<float>": "AotiComplex64",
    "c10::complex<double>": "AotiComplex128",
}
OWN = {"aoti_torch_get_last_error", "aoti_model_api", "aoti_registered_ops"}


@pytest.fixture(scope="module")
def ours() -> dict[str, str]:
    return read([*Path("shim/include/aoti").glob("*.h"), *Path("runtime/include/aoti").glob("*.h")])


def frozen() -> dict[str, str]:
    lines = [line for line in FROZEN.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split(" ", 1) for line in lines)


def test_nothing_was_taken_away_or_changed(ours: dict[str, str]) -> None:
    changed = {name: (old, ours.get(name)) for name, old in frozen().items() if ours.get(name) != old}
    assert not changed, "a change that is not additive needs a new version: shim/abi/CHANGELOG.md"


def test_new_functions_are_listed(ours: dict[str, str]) -> None:
    new = [f"{name} {ours[name]}" for name in sorted(set(ours) - set(frozen()))]
    assert not new, f"add these lines to {FROZEN} and say so in shim/abi/CHANGELOG.md"


def test_types_are_pytorchs(ours: dict[str, str]) -> None:
    include = Path(torch.__file__).parent / "include/torch/csrc"
    headers = ["inductor/aoti_torch/c/shim.h", "inductor/aoti_torch/c/shim_cpu.h", "stable/c/shim.h"]
    headers += ["inductor/aoti_runtime/interface.h", "inductor/aoti_torch/generated/c_shim_aten.h"]
    headers += ["inductor/aoti_torch/generated/c_shim_cpu.h", "inductor/aoti_torch/generated/c_shim_cuda.h"]
    theirs = read(include / name for name in headers)
    assert len(theirs) > 500
    for name, declaration in theirs.items():
        for of_torch, of_ours in SAME_TYPES.items():
            declaration = declaration.replace(of_torch, of_ours)
        theirs[name] = declaration
    different = {name: (text, theirs.get(name)) for name, text in ours.items() if theirs.get(name) != text}
    assert set(different) == OWN, different


def test_whole_model_interface_is_there(ours: dict[str, str]) -> None:
    include = Path(torch.__file__).parent / "include/torch/csrc"
    interface = read([include / "inductor/aoti_runtime/interface.h"])
    assert len(interface) >= 40
    assert set(interface) <= set(ours), sorted(set(interface) - set(ours))


def test_reader(tmp_path: Path) -> None:
    header = tmp_path / "h.h"
    header.write_text(
        "// AOTI_SHIM_API int no(void);\n#define X \\\n AOTI_SHIM_API int no2(void);\n"
        "AOTI_SHIM_API  int32_t f(const char  *name, size_t,\n   void (*done)(void *data, int n), bool flag);\n"
    )
    assert read([header]) == {"f": "int32_t (const char *, size_t, void (*)(void *data, int n), bool)"}
    with header.open("a") as f:
        f.write("AOTI_SHIM_API int32_t f(void);")
    with pytest.raises(ValueError, match="f is declared twice"):
        read([header])
