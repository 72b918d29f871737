"""The Python and the C++ wrapper of several models say the same, line for line: kernels, shim calls, memory, comments."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from pathlib import Path

import pytest
import torch

from compiler.driver import aot, export_example, export_program, side_by_side
from compiler.support.options import CompileOptions

MODELS = {
    "my_model": "models.my_model",
    "sequences": "tests.e2e.sequences",
    "images": "tests.e2e.images",
    "integers": "tests.e2e.integers",
    "data_sizes": "tests.e2e.data_sizes",
    "sizes": "tests.e2e.sizes",
    "control_flow": "tests.e2e.control_flow",
    "stateful": "tests.e2e.stateful",
    "random": "tests.e2e.random_model",
    "custom_op": "models.custom_op.moving_average",
    "written_arguments": "models.custom_op.running_statistics",
}
# (what Python says, what C++ says): in each line of a plan both occur equally often.
PAIRS = {
    "launch": (r"rt\.kernels\.(\w+)\(", r"kernels->(\w+)\("),
    "arena": (r"= rt\.arena\((\d+),", r"aoti_arena<\w+>\(args, (\d+)\)"),
    "slot": (r"= rt\.slot\((\d+),", r"aoti_arena<\w+>\(args, slots\[(\d+)\]\)"),
    "output": (r"= (rt\.empty_strided)\(", r"(aoti_torch_empty_strided)\("),
    "shim": (r"rt\.shim\.(\w+)\(", r"(aoti_torch_cpu_\w+)\("),
    "comment": (r"^ *# (.*)$", r"^ *// (.*)$"),
    "read": (r"^ *(u\d+) = rt\.read_size\(", r"const int64_t (u\d+) = "),
    "check": (r"rt\.(check_sizes)\(", r"(AOTI_CHECK_SIZES)\((?!buf\d+_memory)"),
    "free": (r"^ *del (\w+)", r"^ *(\w+)_owner\.reset\(\);"),
    "reuse": (r"# (reuse)$", r"// (reuse); "),
    "view": (
        r"^ *(\w+) = rt\.view\((?!.*# reuse)",
        r"(?:\*const |RAIIAtenTensorHandle )(\w+?)(?:_owner\(\w+\);| = .*;)  // view\b",
    ),
    "copy": (r"rt\.(copy_)\(", r"aoti_torch_(copy_)\("),
    "op": (r"rt\.op\(['\"]([\w:.]+)\(", r"// (\w+::[\w.]+)\("),
    "seed": (r"\b(rng_seed|rng_run)\b", r"\b(rng_seed|rng_run)\b"),
    "branch": (r"^ *if rt\.item\((\w+)\):", r"^ *if \(\*(\w+)\) \{"),
    "otherwise": (r"^ *(else):", r"^ *\} (else) \{"),
    "loop": (r"^ *while (True):", r"^ *for (\(;;\)) \{"),
    "leave": (r"if not rt\.item\((\w+)\): break", r"if \(!\*(\w+)\) break;"),
}
NAMES = (
    "launch",
    "arena",
    "slot",
    "shim",
    "comment",
    "read",
    "free",
    "view",
    "op",
    "seed",
    "branch",
    "otherwise",
    "leave",
)  # where what is named must be the same too

# What a model is in this table for.
SHOWS = {
    "sequences": ("arena", "output", "reuse"),
    "data_sizes": ("read", "check", "free"),
    "sizes": ("slot",),
    "control_flow": ("branch", "otherwise", "loop", "leave", "view"),
    "stateful": ("reuse",),
    "random": ("seed",),
    "custom_op": ("op",),
    "written_arguments": ("op", "copy", "slot"),
}


@pytest.mark.parametrize("name", MODELS)
def test_line_for_line(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    example = export_example.normalise(importlib.import_module(MODELS[name]).build(), name)
    export_program.save(export_program.export(example), tmp_path / "model.pt2")
    request = aot.Request(CompileOptions(name), tmp_path / "model.pt2", None, stop_after="wrapper")
    plan = aot.compile_model(request, lambda *_: None).plan
    assert plan is not None
    seen: Counter[str] = Counter()
    for python, cpp in side_by_side.rows(plan):
        for what, (in_python, in_cpp) in PAIRS.items():
            found = [
                re.findall(p, "\n".join(rows), re.MULTILINE)
                for p, rows in ((in_python, python), (in_cpp, cpp))
            ]
            assert len(found[0]) == len(found[1]), (what, python, cpp)
            if what in NAMES:
                assert found[0] == found[1], (what, python, cpp)
            seen[what] += len(found[0])
    assert all(seen[what] for what in SHOWS.get(name, ())), seen
    assert seen["launch"] == sum(type(line).__name__ == "Launch" for line in plan.all_lines()) > 0
    text = side_by_side.text(plan)
    assert text.count("\n") == 1 + sum(max(len(p), len(c)) for p, c in side_by_side.rows(plan))
