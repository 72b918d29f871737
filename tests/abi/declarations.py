"""The C functions that the contract's headers declare, as one normal text each.

Enters: header files (C11). Leaves: function name -> declaration without comments, marks and parameter names: types and their
order, which is what a caller's binary depends on.

    AOTI_SHIM_API AOTITorchError aoti_torch_clone(AtenTensorHandle self, AtenTensorHandle *ret);
      ->  "aoti_torch_clone": "AOTITorchError (AtenTensorHandle, AtenTensorHandle *)"
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*", re.MULTILINE | re.DOTALL)
_FUNCTION = re.compile(
    r"AOTI_(?:SHIM_API|MODEL_EXPORT|TORCH_EXPORT|API)\s+([\w\s*:]+?)\b(\w+)\(((?:[^()]|\([^()]*\))*)\)\s*;"
)
_NAME_AT_END = re.compile(r"^(.*[\s*])\w+$", re.DOTALL)


def read(headers: Iterable[Path]) -> dict[str, str]:
    """Name -> normal text. ValueError for a function that is declared twice, differently."""
    found: dict[str, str] = {}
    for header in headers:
        text = _PREPROCESSOR.sub("", _COMMENT.sub(" ", header.read_text()))
        for result, name, parameters in _FUNCTION.findall(text):
            types = [] if parameters.strip() == "void" else [_type(p) for p in _split(parameters)]
            declaration = f"{_spaces(result)} ({', '.join(types)})"
            if found.setdefault(name, declaration) != declaration:
                raise ValueError(f"{header}: {name} is declared twice: {found[name]} and {declaration}")
    return found


def _split(parameters: str) -> list[str]:
    """At commas that are not inside a parameter of function type."""
    parts, depth = [""], 0
    for c in parameters:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return parts


def _type(parameter: str) -> str:
    text = _spaces(parameter)
    if "(" in text:  # a function pointer: its own name goes, its parameters stay as written
        return re.sub(r"\(\s*\*\s*\w*\)", "(*)", text)
    named = _NAME_AT_END.match(text)
    return _spaces(named[1]) if named else text


def _spaces(text: str) -> str:
    return re.sub(r"\s*\*\s*", " *", " ".join(text.split())).replace("* *", "**").strip()
