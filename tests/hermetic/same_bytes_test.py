"""A model that is built twice, in two folders, two sandboxes and at two times, gives the same bytes: every file of it."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path("tests/hermetic")
ELSEWHERE = HERE / "elsewhere"
FILES = (
    "libsmall_model_aoti.so",
    "small_model_aoti.h",
    "small_model_aoti.manifest.json",
    "small_model_aoti.weights.bin",
    "small_model_pt2.pt2",
    "small_model_pt2.recorded.npz",
)


@pytest.mark.parametrize("name", FILES)
def test_file_is_the_same(name: str) -> None:
    one, other = (HERE / name).read_bytes(), (ELSEWHERE / name).read_bytes()
    assert one, "an empty file proves nothing"
    assert (HERE / name).resolve() != (ELSEWHERE / name).resolve()
    differing = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    assert one == other, f"{name} differs from byte {differing} on: {one[differing : differing + 40]!r}"


@pytest.mark.parametrize("tree", ["wrapper", "kernels"])
def test_generated_sources_are_the_same(tree: str) -> None:
    one, other = (texts(folder / "small_model_aoti.generated" / tree) for folder in (HERE, ELSEWHERE))
    assert one
    assert one == other


@pytest.mark.parametrize("name", FILES)
def test_no_folder_of_the_build_is_named(name: str) -> None:
    data = (HERE / name).read_bytes()
    for folder in (b"bazel-out", b"execroot", b"sandbox"):
        assert folder not in data


def texts(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
