"""Holds every Python import and every C++ include against the rooms of rooms.toml.

Enters: the root of the source tree, a file of rules. Leaves: findings, each with a place, what is wrong and what to do.

    compiler/lowering/lower.py:7: imports compiler/scheduler, which compiler/lowering may not see (allowed: compiler/ir,
    compiler/support); move what both need to a room that both may see, or change tools/lint/rooms.toml with a reason

Imports inside functions and under TYPE_CHECKING count too.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
# Where `#include "aoti/x.h"` is looked for
CONTRACT_ROOTS = ("shim/include", "runtime/include")
CPP_SUFFIXES = (".c", ".cc", ".cpp", ".h")


@dataclass(frozen=True)
class Room:
    path: str
    imports: tuple[str, ...]
    includes: tuple[str, ...]
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    rooms: tuple[Room, ...]
    order: tuple[tuple[str, tuple[str, ...]], ...]  # (folder, kinds of files, earlier ones first)
    forbidden: tuple[tuple[str, tuple[str, ...], str], ...]  # (module, rooms, why)
    test_support: tuple[str, ...]  # how the paths of files begin that only tests use
    forbidden_includes: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...]  # (prefixes, who may, why)

    def room_of(self, path: str) -> Room | None:
        """The room with the longest path that holds `path`."""
        found = [room for room in self.rooms if inside(path, room.path)]
        return max(found, key=lambda room: len(room.path), default=None)


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def read_rules(path: Path) -> Rules:
    """The rules of a file; raises ValueError for a room that is named and does not exist."""
    data = tomllib.loads(path.read_text())
    rooms = tuple(
        Room(r["path"], *(tuple(r.get(key, ())) for key in ("imports", "includes", "tests")))
        for r in data["room"]
    )
    known = {room.path for room in rooms}
    for room in rooms:
        for name in (*room.imports, *room.includes, *room.tests):
            if name not in known:
                raise ValueError(
                    f"{path}: room {room.path} names {name}, which is no room; known: {', '.join(sorted(known))}"
                )
    return Rules(
        rooms,
        tuple((o["path"], tuple(o["kinds"])) for o in data.get("order", ())),
        tuple((f["module"], tuple(f["rooms"]), f["why"]) for f in data.get("forbidden", ())),
        tuple(data.get("test_support", ())),
        tuple(
            (tuple(f["prefixes"]), tuple(f["except"]), f["why"]) for f in data.get("forbidden_include", ())
        ),
    )


def imported_modules(source: str, path: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of each import; `from a import b` gives `a.b`, which may be a name in `a`."""
    for node in ast.walk(ast.parse(source, path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            folder = (
                PurePosixPath(path).parents[node.level - 1].as_posix().replace("/", ".") if node.level else ""
            )
            base = ".".join(part for part in (folder, node.module or "") if part)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def included_files(source: str) -> Iterator[tuple[int, str]]:
    for match in INCLUDE.finditer(source):
        yield source.count("\n", 0, match.start(1)) + 1, match.group(1)


def is_test(rules: Rules, path: str) -> bool:
    stem = PurePosixPath(path).stem
    return stem.endswith("_test") or "/testing/" in path or path.startswith(rules.test_support)


def check_edge(rules: Rules, path: str, line: int, verb: str, target: str) -> Finding | None:
    """A finding when the room of `path` may not see that of `target` (a path in the tree)."""
    own, other = rules.room_of(path), rules.room_of(target)
    if own is None or other is None or own == other:
        return None
    allowed = own.imports if verb == "imports" else own.includes
    if is_test(rules, path):
        allowed += own.tests
    if other.path in allowed:
        return None
    return Finding(
        path,
        line,
        f"{verb} {other.path}, which {own.path} may not see (allowed: {', '.join(allowed) or 'nothing else'}); move what both "
        "need to a room that both may see, or change tools/lint/rooms.toml with a reason",
    )


def check_order(rules: Rules, path: str, line: int, target: str) -> Finding | None:
    """A finding when a file imports a later kind of its own room."""
    for folder, kinds in rules.order:
        if not (inside(path, folder) and inside(target, folder)) or is_test(rules, path):
            continue
        ranks = [
            next((i for i, k in enumerate(kinds) if re.match(rf"{k}(_|$)", PurePosixPath(p).stem)), None)
            for p in (path, target)
        ]
        if ranks[0] is not None and ranks[1] is not None and ranks[1] > ranks[0]:
            return Finding(
                path, line, f"imports {target}, which is later in the order {' -> '.join(kinds)} of {folder}"
            )
    return None


def check_python(rules: Rules, root: Path, path: str) -> Iterator[Finding]:
    room = rules.room_of(path)
    for line, module in imported_modules((root / path).read_text(), path):
        for name, rooms, why in rules.forbidden:
            named = module == name or module.startswith(name + ".")
            held = room is not None and any(inside(room.path, folder) for folder in rooms)
            if named and held and not (is_test(rules, path) and name == "torch"):
                yield Finding(path, line, f"imports {name}: {why}")
        target = source_of(root, module)
        if target is not None:
            found = check_edge(rules, path, line, "imports", target) or check_order(rules, path, line, target)
            if found:
                yield found


def source_of(root: Path, module: str) -> str | None:
    """The file or folder in the tree that a dotted name means; None for other packages."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        base = "/".join(parts[:length])
        if (root / f"{base}.py").is_file():
            return f"{base}.py"
        if (root / base).is_dir():
            return base
    return None


def check_cpp(rules: Rules, root: Path, path: str) -> Iterator[Finding]:
    for line, name in included_files((root / path).read_text()):
        for prefixes, folders, why in rules.forbidden_includes:
            if name.startswith(prefixes) and not any(inside(path, folder) for folder in folders):
                yield Finding(path, line, f"includes {name}: {why}")
        places = [f"{r}/{name}" for r in CONTRACT_ROOTS] + [name]
        target = next((place for place in places if (root / place).is_file()), None)
        found = check_edge(rules, path, line, "includes", target) if target else None
        if found:
            yield found


def check_tree(rules: Rules, root: Path, paths: list[str]) -> list[Finding]:
    """All findings in the files `paths` (relative to `root`), in their order."""
    findings: list[Finding] = []
    for path in paths:
        python, cpp = path.endswith(".py"), path.endswith(CPP_SUFFIXES)
        if (python or cpp) and rules.room_of(path) is None:
            findings.append(Finding(path, 1, "lies in no room; name its folder in tools/lint/rooms.toml"))
        if python:
            findings += check_python(rules, root, path)
        elif cpp:
            findings += check_cpp(rules, root, path)
    return findings
