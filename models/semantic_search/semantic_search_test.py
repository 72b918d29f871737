"""The program from its command line to its output, against scores of the published model (make_search_reference.py)."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

TESTDATA = Path(__file__).parent / "testdata"
LINES = TESTDATA / "search_lines.txt"
# Embeddings are within 1e-5 of eager, the program prints four digits.
TOLERANCE = 1e-4


def search(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the program that Bazel (or the caller) names."""
    program = str(Path(os.environ["SEMANTIC_SEARCH"]).absolute())
    environment = {name: value for name, value in os.environ.items() if name != "BUILD_WORKING_DIRECTORY"}
    return subprocess.run(
        [program, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env=environment,
        check=False,
    )


def parse(output: str) -> list[tuple[float, int, str]]:
    """(score, line number, text) of every printed line."""
    rows = []
    for line in output.splitlines():
        match = re.fullmatch(r" *(-?\d\.\d{4})  line +(\d+)  (.*)", line)
        assert match, line
        rows.append((float(match[1]), int(match[2]), match[3]))
    return rows


def expected() -> dict[str, list[tuple[float, int]]]:
    """Query -> (score, line number), best first."""
    found: dict[str, list[tuple[float, int]]] = {}
    for line in (TESTDATA / "search_expected.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            rows = found.setdefault(line.removeprefix("# "), [])
        else:
            score, number = line.split()
            rows.append((float(score), int(number)))
    return found


@pytest.mark.parametrize("query", expected())
def test_ranks_as_the_published_model(query: str) -> None:
    done = search("--query", query, "--top=100", str(LINES))
    assert done.returncode == 0, done.stderr
    rows, wanted = parse(done.stdout), expected()[query]
    texts = LINES.read_text(encoding="utf-8").splitlines()
    assert len(rows) == len(wanted) == sum(bool(t) for t in texts)
    assert all(text == texts[number - 1] for _, number, text in rows)
    assert [s for s, _, _ in rows] == sorted((s for s, _, _ in rows), reverse=True)
    scores = {number: score for score, number in wanted}
    assert all(abs(score - scores[number]) < TOLERANCE for score, number, _ in rows)
    assert rows[0][1] == wanted[0][1]
    assert done.stderr == ""


def test_top_and_threads() -> None:
    one = search("--query=how to bake bread", "--top", "3", "--threads=1", str(LINES))
    two = search("--query=how to bake bread", "--top=3", "--threads=2", str(LINES))
    assert len(parse(one.stdout)) == 3
    assert one.stdout == two.stdout


def test_relative_paths(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("one\ntwo\n")
    done = search("--query=two", "notes.txt", cwd=tmp_path)
    assert [number for _, number, _ in parse(done.stdout)] == [2, 1]


def test_long_lines_are_cut_with_a_note(tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_text("short\n" + "bread " * 500 + "\n" + "bread " * 126 + "\n")
    done = search("--query=bread", str(file))
    assert done.returncode == 0
    assert "note: 1 of 3 lines have more than 128 tokens (the first is line 2)" in done.stderr
    # What is cut away does not count: the second line is the third one's 126 words and more of them.
    scores = {number: score for score, number, _ in parse(done.stdout)}
    assert scores[2] == scores[3]


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "evil.txt"
    file.write_bytes(b"a\x1b[2Jb\tc\n")
    assert parse(search("--query=a", str(file)).stdout)[0][2] == "a?[2Jb\tc"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot open: No such file or directory"),
        (b"", "is empty"),
        (b"\n\n", "all lines are blank"),
        (b"ok\n\xff\n", "line 2, byte 1: not UTF-8"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "file.txt"
    if content is not None:
        file.write_bytes(content)
    done = search("--query=a", str(file))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"error: {file}: {message}" if content is None else f"error: {file}: ")
    assert message in done.stderr


def test_bad_command_lines() -> None:
    done = search(str(LINES))
    assert done.returncode == 2 and "--query is missing" in done.stderr and "usage:" in done.stderr
    assert search("--help").returncode == 0 and "usage:" in search("--help").stdout
