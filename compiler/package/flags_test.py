"""Flags here and in Bazel's rules are the same."""

from __future__ import annotations

import ast
from pathlib import Path

from compiler.package import flags
from compiler.package.toolchain import Toolchain

BAZEL_FLAGS = Path(__file__).resolve().parents[2] / "tools/bazel/model_flags.bzl"
CLANG = Toolchain(("clang++",), "clang")


def bazel_values() -> dict[str, object]:
    """The literals of the .bzl file, which reads as Python."""
    tree = ast.parse(BAZEL_FLAGS.read_text())
    return {n.targets[0].id: ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign)}  # type: ignore[attr-defined]


def test_common_flags_agree() -> None:
    assert set(bazel_values()["MODEL_COPTS"]) <= set(flags.COMMON)  # type: ignore[call-overload]
    assert list(bazel_values()["KERNEL_COPTS"]) == list(flags.KERNEL)  # type: ignore[call-overload]
    assert list(bazel_values()["MODEL_LINKOPTS"]) == list(flags.MODEL_LINK)  # type: ignore[call-overload]


def test_instruction_sets_agree() -> None:
    isa_copts = bazel_values()["ISA_COPTS"]
    assert isinstance(isa_copts, dict) and tuple(isa_copts) == flags.known_isas()
    for isa, wanted in isa_copts.items():
        assert flags.kernel_flags(CLANG, isa)[-len(wanted) :] == tuple(wanted)


def test_nothing_depends_on_the_machine() -> None:
    everything = [
        *flags.COMMON,
        *flags.KERNEL,
        *flags.LINK,
        *(f for i in flags.known_isas() for f in flags.kernel_flags(CLANG, i)),
    ]
    assert not [f for f in everything if "native" in f or "/" in f]
