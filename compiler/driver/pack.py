"""The command line that puts compiled methods into one package.

    python -m compiler.driver.pack -o decoder.pt2 prefill=out/libprefill_aoti.so decode=out/libdecode_aoti.so --shared-state=cache.keys

Enters: METHOD=LIBRARY pairs; NAME.manifest.json and NAME.weights.bin lie beside libNAME.so, where the compiler puts them, unless
METHOD=LIBRARY,MANIFEST,WEIGHTS says otherwise. Compile with --weights=file, so that methods share what is equal. Leaves: the package,
or a message on stderr and exit code 1 (2: the command line is wrong).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from compiler.package.archive import MethodFiles, pack
from compiler.support.command_line import with_underscores
from compiler.support.diagnostics import UserError


def _flags() -> flags.FlagValues:
    fv = flags.FlagValues()  # type: ignore[no-untyped-call]
    flags.DEFINE_string("out", "", "The package, NAME.pt2.", short_name="o", flag_values=fv)
    flags.DEFINE_list("shared_state", [], "State (names of state_dict) that methods share.", flag_values=fv)
    return fv


def files_of(argument: str) -> MethodFiles:
    """`decode=out/libdecode_aoti.so` and what lies beside it."""
    name, equals, paths = argument.partition("=")
    library, *rest = map(Path, paths.split(","))
    if len(rest) == 2:
        return MethodFiles(name, library, *rest)
    if rest or not equals or not library.name.startswith("lib") or library.suffix != ".so":
        raise UserError(f"{argument}: expected METHOD=FOLDER/libNAME.so or METHOD=LIBRARY,MANIFEST,WEIGHTS")
    stem = library.name.removeprefix("lib").removesuffix(".so")
    beside = library.parent
    return MethodFiles(name, library, beside / f"{stem}.manifest.json", beside / f"{stem}.weights.bin")


def main(argv: Sequence[str]) -> int:
    """Runs the command line; returns the exit code."""
    fv = _flags()
    try:
        arguments = fv([with_underscores(a) for a in argv])[1:]
        if not fv.out or not arguments:
            raise flags.Error("expected -o NAME.pt2 METHOD=LIBRARY ...")
        pack([files_of(a) for a in arguments], Path(fv.out), fv.shared_state)
    except flags.Error as e:
        print(f"error: {e}\n{__doc__}", file=sys.stderr)
        return 2
    except UserError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
