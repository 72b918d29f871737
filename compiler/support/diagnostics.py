"""The two kinds of error that leave the compiler, and how several problems are reported at once.

`UserError`: the model, a file or an option is at fault; the message says what was expected, what came, where, and what to do.
`InternalError`: the compiler broke its own rules; the message says which invariant, in which stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class CompilerError(Exception):
    """Base of both; `str(error)` is complete and meant for a person."""


class UserError(CompilerError):
    """The input cannot be compiled as it is."""


class InternalError(CompilerError):
    """A bug of the compiler. Carries the folder with the dump where one was asked for."""

    def __init__(self, message: str, dump_path: str = "") -> None:
        hint = (
            f"; stages dumped to {dump_path}"
            if dump_path
            else "; run again with --dump=DIR for the stages before it"
        )
        super().__init__(f"internal error: {message}{hint}")


@dataclass(frozen=True)
class Problem:
    """One reason why a model is refused."""

    what: str  # "aten.foo.default is not lowered"
    where: str  # "models/x.py:12 in forward", may be empty
    remedy: str  # "build with shim = \"torch\"", may be empty

    def __str__(self) -> str:
        return (
            self.what
            + (f"\n    at {self.where}" if self.where else "")
            + (f"\n    {self.remedy}" if self.remedy else "")
        )


def refuse(title: str, problems: Sequence[Problem]) -> UserError:
    """One error that lists every problem, each once, in the order found."""
    unique = list(dict.fromkeys(problems))
    lines = "\n".join(f"  {i + 1}. {p}" for i, p in enumerate(unique))
    return UserError(f"{title} ({len(unique)} problem{'s' if len(unique) != 1 else ''}):\n{lines}")
