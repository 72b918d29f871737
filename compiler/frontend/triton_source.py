"""The source of a Triton kernel with all that it uses, as a module of its own.

Enters: a function that `triton.jit` decorated. Leaves: the text of a module that defines it, and everything of the model's that it names:
other jit functions, compile-time numbers. What is Triton's own is imported.

    from mylib import WIDTH, square           import triton
    @triton.jit                               import triton.language as tl
    def k(x, out, BLOCK: tl.constexpr):  ->   WIDTH = tl.constexpr(8)
        ... square(tl.load(x + i * WIDTH))    @triton.jit
                                              def square(v): ...
                                              @triton.jit
                                              def k(x, out, BLOCK: tl.constexpr): ...

Invariants: two functions or numbers of one name get different ones, so names of the text mean what they meant where they were written.
Anything else that a kernel names is refused by name.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import types
from collections.abc import Mapping
from typing import Any

from compiler.ir.triton_kernel import literal


class NotPortable(Exception):
    """Something that a kernel uses cannot be written beside it; the message names it."""


def module_of(kernel: Any) -> tuple[str, str]:
    """The module's text, and the kernel's name in it. Raises NotPortable."""
    writer = _Writer()
    name = writer.function(kernel)
    head = ["import triton", "import triton.language", *sorted(writer.imports)]
    return "\n".join(head) + "\n\n" + "\n\n".join(writer.definitions) + "\n", name


class _Writer:
    """`names`: what was written or imported, by identity and by name."""

    def __init__(self) -> None:
        self.imports: set[str] = set()
        self.definitions: list[str] = []
        self._names: dict[int, str] = {}
        self._taken: dict[str, object] = {"triton": None}
        self._kept: list[object] = []  # identities stay in use

    def function(self, kernel: Any) -> str:
        """Writes a jit function after all that it uses; its name."""
        if id(kernel) in self._names:
            return self._names[id(kernel)]
        name = self._name(kernel.fn.__name__, kernel)
        tree = ast.parse(kernel.src)
        scope = _scope(kernel)
        changed = {kernel.fn.__name__: name}
        own = _own_names(tree)
        for used in _names_read(tree):
            if used not in changed and used not in own and used in scope:
                changed[used] = self._value(kernel.fn.__name__, used, scope[used])
        if hidden := sorted(own.intersection(changed.values())):
            raise NotPortable(
                f"{kernel.fn.__name__} has a variable {hidden[0]}, the name of something that it uses: rename it"
            )
        decorator = "@triton.jit(noinline=True)" if kernel.noinline else "@triton.jit"
        self.definitions.append(f"{decorator}\n{_renamed(kernel.src, tree, changed)}".rstrip())
        return name

    def _value(self, user: str, name: str, value: Any) -> str:
        """What `name` of `user` is called in the text."""
        from triton.runtime.jit import JITFunction

        if isinstance(value, types.ModuleType):
            return self._module(user, name, value)
        if isinstance(value, JITFunction) and not _is_tritons(value.fn):
            return self.function(value)
        if _is_constexpr(value) or type(value).__name__ == "dtype":
            return self._number(user, name, value)
        if callable(value) and _is_tritons(getattr(value, "fn", value)):
            function = getattr(value, "fn", value)
            return self._import(name, value, f"from {function.__module__} import {function.__name__} as ")
        if name in vars(builtins):
            return name
        raise NotPortable(
            f"{user} uses {name}, a {type(value).__name__}: give it as a tl.constexpr or make it a function under triton.jit"
        )

    def _module(self, user: str, name: str, module: types.ModuleType) -> str:
        if module.__name__.partition(".")[0] not in ("triton", "math"):
            raise NotPortable(
                f"{user} uses the module {module.__name__}: import what it needs of it by name, under triton.jit"
            )
        return self._import(name, module, f"import {module.__name__} as ")

    def _import(self, name: str, value: object, line: str) -> str:
        if id(value) not in self._names:
            if name == "triton" and line == "import triton as ":
                return name
            self.imports.add(line + self._name(name, value))
        return self._names[id(value)]

    def _number(self, user: str, name: str, value: Any) -> str:
        found, kept = self._taken.get(name), _text(value)
        if kept is None:
            raise NotPortable(f"{user} uses {name}, a tl.constexpr of {type(value.value).__name__}")
        if name in self._taken and isinstance(found, str) and found == kept:
            return name
        name = self._name(name, kept)
        self.definitions.append(f"{name} = {kept}")
        return name

    def _name(self, wanted: str, thing: object) -> str:
        name, count = wanted, 0
        while name in self._taken:
            count += 1
            name = f"{wanted}_{count}"
        self._taken[name] = thing
        self._names[id(thing)] = name
        self._kept.append(thing)
        return name


def _scope(kernel: Any) -> Mapping[str, Any]:
    """What names mean inside the function, where they are not its own."""
    return {**kernel.fn.__globals__, **inspect.getclosurevars(kernel.fn).nonlocals}


def _is_tritons(function: object) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == "triton"


def _is_constexpr(value: object) -> bool:
    return type(value).__name__ == "constexpr" and type(value).__module__.startswith("triton.")


def _text(value: Any) -> str | None:
    """A compile-time value as source; None where it has none."""
    if type(value).__name__ == "dtype":
        return f"triton.language.{dtype_name(value)}"
    inner = value.value
    if type(inner).__name__ == "dtype":
        return f"triton.language.constexpr({_text(inner)})"
    plain = isinstance(inner, (bool, int, float, str, type(None)))
    return f"triton.language.constexpr({literal(inner)})" if plain else None


def dtype_name(value: Any) -> str:
    """The name of a type in triton.language: `tl.float32` calls itself fp32."""
    import triton.language as tl

    names = (n for n, found in sorted(vars(tl).items()) if isinstance(found, tl.dtype) and found == value)
    return str(next(names))


def _own_names(tree: ast.AST) -> set[str]:
    """What the function itself binds."""
    arguments = [
        a
        for n in ast.walk(tree)
        if isinstance(n, ast.arguments)
        for a in (*n.posonlyargs, *n.args, *n.kwonlyargs)
    ]
    stored = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)]
    return {*(a.arg for a in arguments), *stored}


def _names_read(tree: ast.AST) -> list[str]:
    """In order, each once; those of annotations and defaults too."""
    return list(
        dict.fromkeys(n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
    )


def _renamed(source: str, tree: ast.AST, names: Mapping[str, str]) -> str:
    """The text with free names replaced where they have another name now; everything else as it was written, comments too."""
    lines = source.encode().splitlines(keepends=True)
    places = [
        (n.lineno, n.col_offset, n.id)
        for n in ast.walk(tree)
        if isinstance(n, ast.Name) and names.get(n.id, n.id) != n.id
    ]
    for line, column, old in sorted(places, reverse=True):
        text = lines[line - 1]
        lines[line - 1] = text[:column] + names[old].encode() + text[column + len(old.encode()) :]
    whole = b"".join(lines).decode()
    (function,) = (n for n in ast.iter_child_nodes(tree) if isinstance(n, ast.FunctionDef))
    return re.sub(rf"\bdef\s+{function.name}\b", f"def {names[function.name]}", whole, count=1)
