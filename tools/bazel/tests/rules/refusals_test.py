"""Wrong arguments of aoti_export and aoti_cc_library are refused with a sentence: the argument, what is expected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SAID = json.loads(Path("tools/bazel/tests/rules/said.json").read_text())

FINE = {
    "archs_fine",
    "archs_none",
    "data_fine",
    "device_fine",
    "isa_fine",
    "isa_none",
    "name_fine",
    "test_of_a_file_off",
    "test_of_an_export",
    "weights_fine",
}
MACROS = {
    "archs_empty": 'aoti_cc_library(name = "m", cuda_archs = []): expected a list of architectures: sm_80, ',
    "archs_on_cpu": 'cuda_archs = ["sm_90"]): expected device = "cuda" beside it, or no cuda_archs',
    "archs_twice": '"sm_90" is named twice',
    "archs_unknown": 'unknown architecture "sm_20"; known: sm_80, ',
    "data_list": 'aoti_export(name = "m", data = [":file"]): expected a dictionary {parameter: label}',
    "data_no_parameter": 'data names "my-weights", which cannot be a parameter of a Python function',
    "device_unknown": 'device = "tpu"): expected one of "cpu", "cuda"',
    "isa_empty": "isa = []): expected a list of instruction sets, best first: ",
    "isa_no_list": 'isa = "x86-64-v3"): expected a list of instruction sets, best first: ',
    "isa_twice": '"x86-64-v3" is named twice',
    "isa_two_processors": "one library is for one kind of processor; make two targets, or leave isa out",
    "isa_unknown": 'unknown instruction set "x86-64-v9"; known: ',
    "name_dash": 'aoti_cc_library(name = "my-model"): the name becomes a C++ namespace',
    "name_digit": "expected letters, digits and _, with a letter first",
    "shim_not_on_cuda": 'device = "cuda", shim = "torch"): on this device expected one of "static"',
    "shim_unknown": 'shim = "dynamic"): expected one of "shared", "static", "torch"',
    "test_of_a_file": "a .pt2 file has no recorded outputs for m_test; expected an aoti_export as model, or test = False",
    "weights_unknown": 'weights = "folder"): expected "embedded" (in the library) or "file" (beside it)',
}
ANALYSIS = {
    "code_of_torch": 'was compiled with shim = "torch" and may call operators that only libtorch has; expected shim = "torch" here too',
    "code_of_other_device": 'device = "cuda", but the code of',
    "code_of_other_isa": 'isa = ["x86-64-v3"], but the code of',
    "code_in_a_file": 'weights = "file" names the file in compiled code, so',
    "code_with_options": "compiler_options have no effect on code that",
    "model_is_no_model": "expected an aoti_export, a .pt2 file or another aoti_cc_library",
    "isa_of_other_platform": 'isa = ["aarch64-neon"] cannot be built for this platform (k8); expected some of',
    "data_of_two_files": "is 2 files; expected a target with exactly one",
}


@pytest.mark.parametrize("case", sorted(MACROS))
def test_macro_refuses(case: str) -> None:
    assert MACROS[case] in SAID["macros"][case]


def test_right_arguments_are_accepted() -> None:
    assert {case for case, sentence in SAID["macros"].items() if not sentence} == FINE
    assert set(SAID["macros"]) == FINE | set(MACROS)


@pytest.mark.parametrize("target", sorted(ANALYSIS))
def test_rule_refuses(target: str) -> None:
    assert ANALYSIS[target] in SAID["analysis"][target]
    assert f":{target}: " in SAID["analysis"][target]


def test_every_target_is_read() -> None:
    assert set(SAID["analysis"]) == set(ANALYSIS)
