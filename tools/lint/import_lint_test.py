"""Each rule of the import lint on a small tree: what it finds, and what it lets pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.lint.import_lint import check_tree, imported_modules, read_rules

RULES = """
test_support = ["b/example_"]
[[room]]
path = "a"
[[room]]
path = "a/inner"
imports = ["a"]
[[room]]
path = "b"
imports = ["a"]
includes = ["shim"]
tests = ["c"]
[[room]]
path = "c"
[[room]]
path = "shim"
[[order]]
path = "a"
kinds = ["loop", "schedule"]
[[forbidden]]
module = "torch._inductor"
rooms = ["a"]
why = "our own"
[[forbidden_include]]
prefixes = ["ATen/"]
except = ["shim/src/torch"]
why = "only there"
"""

CASES = [
    ("b/x.py", "from a import y\n", ""),
    ("b/x.py", "import a.y\nimport os, numpy\n", ""),
    ("b/x.py", "from c.y import f\n", "b/x.py:1: imports c, which b may not see (allowed: a)"),
    ("b/x_test.py", "from c.y import f\n", ""),
    ("b/example_y.py", "from c.y import f\n", ""),
    ("b/x.py", "def f():\n    import c.y\n", "b/x.py:2: imports c"),
    ("c/x.py", "import a.inner\n", "c/x.py:1: imports a/inner, which c may not see (allowed: nothing else)"),
    ("a/inner/x.py", "from .. import y\n", ""),
    ("a/x.py", "import torch.fx\n", ""),
    ("a/x.py", "from torch import _inductor\n", "a/x.py:1: imports torch._inductor: our own"),
    ("a/loop_text.py", "from a import schedule\n", "a/loop_text.py:1: imports a/schedule.py, which is later"),
    ("a/schedule.py", "from a import loop\n", ""),
    ("b/x.cc", '#include "aoti/status.h"\n#include <vector>\n', ""),
    ("c/x.cc", '\n#include "aoti/status.h"\n', "c/x.cc:2: includes shim, which c may not see"),
    ("b/x.h", "#  include <ATen/ATen.h>\n", "b/x.h:1: includes ATen/ATen.h: only there"),
    ("shim/src/torch/x.h", "#include <ATen/ATen.h>\n", ""),
    ("d/x.py", "", "d/x.py:1: lies in no room"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for path in (
        "a/y.py",
        "a/loop.py",
        "a/schedule.py",
        "a/inner/z.py",
        "c/y.py",
        "shim/include/aoti/status.h",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "rooms.toml").write_text(RULES)
    return tmp_path


@pytest.mark.parametrize(("path", "text", "expected"), CASES)
def test_finding(tree: Path, path: str, text: str, expected: str) -> None:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text)
    findings = [str(finding) for finding in check_tree(read_rules(tree / "rooms.toml"), tree, [path])]
    if expected:
        assert len(findings) == 1
        assert findings[0].startswith(expected)
    else:
        assert findings == []


def test_rules_that_name_an_unknown_room_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rooms.toml").write_text('[[room]]\npath = "a"\nimports = ["b"]\n')
    with pytest.raises(ValueError, match="room a names b, which is no room; known: a"):
        read_rules(tmp_path / "rooms.toml")


def test_imports_are_found_wherever_they_stand() -> None:
    source = "import a.b\nfrom c import d as e, f\ndef g():\n    from . import h\n"
    found = sorted(imported_modules(source, "x/y/z.py"))
    assert found == [(1, "a.b"), (2, "c.d"), (2, "c.f"), (4, "x.y.h")]
