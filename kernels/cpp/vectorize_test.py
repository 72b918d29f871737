"""Every loop of vectorize_cases.cc becomes vector code, for AVX2 and for AVX-512.

Bazel hands in the compiler's remarks (vectorization.bzl). Elsewhere the test asks the clang that AOTI_TEST_CXX names:

    AOTI_TEST_CXX="clang++ --target=x86_64-linux-gnu" pytest kernels/cpp/vectorize_test.py
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCE = HERE / "vectorize_cases.cc"
FLAGS = {
    "x86_64_v3": ["-march=x86-64-v3"],
    "x86_64_v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
}
LANES = {"x86_64_v3": 8, "x86_64_v4": 16}


def remarks_of(isa: str) -> str:
    recorded = HERE / f"vectorize_cases_{isa}.remarks"
    if recorded.exists():
        return recorded.read_text()
    compiler = os.environ.get("AOTI_TEST_CXX")
    if compiler is None:
        pytest.fail("set AOTI_TEST_CXX to a clang that compiles for x86-64, or run this test by Bazel")
    command = [
        *shlex.split(compiler), "-std=c++17", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fno-exceptions",
        *FLAGS[isa], f"-DAOTI_ISA={isa}", f"-I{ROOT}", f"-I{ROOT}/runtime/include", "-Rpass=loop-vectorize",
        "-Rpass-missed=loop-vectorize", "-c", str(SOURCE), "-o", "/dev/null",
    ]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stderr


def lines_with_loops() -> dict[int, str]:
    """Line number -> text, of the loops that must be vectorised (the outer loop over rows of a tile is none of them)."""
    lines = SOURCE.read_text().splitlines()
    begin, end = lines.index("// begin: every line with a loop must be vectorised"), lines.index("// end")
    found = {}
    for number, line in enumerate(lines[begin:end], begin + 1):
        if line.startswith(("CASE1(", "CASE2(")) or ("for (" in line and "rows" not in line):
            found[number] = line.strip()
    return found


@pytest.mark.parametrize("isa", sorted(FLAGS))
def test_every_loop_is_vectorised_at_full_width(isa: str) -> None:
    remarks = remarks_of(isa)
    widths: dict[int, int] = {}
    for line, width in re.findall(
        r"vectorize_cases\.cc:(\d+):\d+: remark: vectorized loop \(vectorization width: (\d+)", remarks
    ):
        widths[int(line)] = max(int(width), widths.get(int(line), 0))
    loops = lines_with_loops()
    assert len(loops) >= 30
    narrow = {
        f"{number}: {text}": widths.get(number, 1)
        for number, text in loops.items()
        if widths.get(number, 1) < LANES[isa]
    }
    assert not narrow, f"loops that are not {LANES[isa]} wide, with their width:\n" + "\n".join(
        f"{k} -> {v}" for k, v in narrow.items()
    )


def test_the_cases_cover_every_vector_function() -> None:
    declared = set()
    for header in (HERE / "vec_math").glob("*.h"):
        if header.name not in ("libm.h", "select.h"):
            declared |= set(re.findall(r"^AOTI_INLINE float aoti_(\w+)f\(", header.read_text(), re.MULTILINE))
    cases = set(re.findall(r"^CASE[12]\((\w+)\)", SOURCE.read_text(), re.MULTILINE))
    assert declared == cases
