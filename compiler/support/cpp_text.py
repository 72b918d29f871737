"""Pieces of C and C++ text that every writer of generated code needs: names that are allowed, string literals.

Enters: names and texts from a model. Leaves: text that a C++17 compiler reads as meant, whatever the model called its things.

    identifier("class", taken=set())   -> "class_"
    string('say "hi"')                 -> "\\"say \\\\\\"hi\\\\\\"\\""
"""

from __future__ import annotations

import re
from collections.abc import Set

CPP_KEYWORDS = frozenset(
    """alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t char32_t class co_await co_return
    co_yield compl concept const const_cast consteval constexpr constinit continue decltype default delete do double dynamic_cast
    else enum explicit export extern false float for friend goto if inline int long mutable namespace new noexcept not not_eq
    nullptr operator or or_eq private protected public register reinterpret_cast requires return short signed sizeof static
    static_assert static_cast struct switch template this thread_local throw true try typedef typeid typename union unsigned
    using virtual void volatile wchar_t while xor xor_eq""".split()
)


def identifier(name: str, taken: Set[str]) -> str:
    """`name` as a C++ identifier that is no keyword, no likely macro (all capitals) and not in `taken`."""
    text = re.sub(r"\W", "_", name, flags=re.ASCII)
    text = re.sub(r"__+", "_", text).strip("_") if text.startswith("_") or "__" in text else text
    if not text or text[0].isdigit():
        text = "v" + text
    if text.isupper():
        text += "_"
    while text in CPP_KEYWORDS or text in taken:
        text += "_"
    return text


def string(text: str) -> str:
    """A string literal of these bytes (UTF-8)."""
    out = []
    for c in text:
        if c in '"\\':
            out.append("\\" + c)
        elif " " <= c <= "~":
            out.append(c)
        else:
            out.extend(f"\\{b:03o}" for b in c.encode())
    return '"' + "".join(out).replace("??", "?\\?") + '"'


def comment(text: str) -> str:
    """Text for a `//` comment: one line, and no backslash at its end that would swallow the next one."""
    return " ".join(text.split()).rstrip("\\")
