"""Entering the compiler in the middle: `--compile-from=FILE` with the text of an IR.

Enters: a file that begins as one of the IRs' printers begins. Leaves: a `Start`, which says where the stages go on and what it sets.

    program my_model ...     Loop IR      -> scheduler. With constants, the .pt2 is needed too, for their data.
    plan my_model ...        Wrapper IR   -> wrapper is skipped; only its C++ can be printed (--compile-to=cpp)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from compiler.driver.pipeline import Compilation
from compiler.support.diagnostics import UserError


@dataclass(frozen=True)
class Start:
    """`first`: the first stage to run; `enter` puts what was read into the compilation."""

    first: str
    needs_weights: bool = False
    enter: Callable[[Compilation], None] = lambda c: None


def begin(path: Path) -> Start:
    """Reads the text. Raises UserError when it is no IR, or does not parse or verify."""
    try:
        text = path.read_text()
    except OSError as e:
        raise UserError(f"cannot read {path}: {e.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not text; --compile-from expects what --compile-to or --dump wrote") from None
    kind = next((line.split()[0] for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")), "")
    if kind == "program":
        return _from_program(path, text)
    raise UserError(f"{path} begins with {kind!r}: expected the text of a Loop IR program, as --compile-to=lowering prints it")


def _from_program(path: Path, text: str) -> Start:
    from compiler.ir.loop_parse import parse_program
    from compiler.ir.loop_verify import verify

    try:
        program = parse_program(text)
    except ValueError as e:
        raise UserError(f"{path}: {e}") from None
    verify(program)

    def enter(c: Compilation) -> None:
        if c.program is not None:
            missing = sorted({k.source for k in program.constants} - set(c.program.data))
            if missing:
                raise UserError(f"{path} names constants that {c.model} does not have: {', '.join(missing)}")
            program.data = c.program.data
        c.program = program

    return Start("scheduler", bool(program.constants), enter)
