"""HTML report of a compiled model:  python -m compiler.driver.report MODEL.pt2 -o REPORT.html

Enters: a `.pt2` file. Leaves: one self-contained HTML file: graph, kernels with their source and model lines, bytes and operations with the
floor, the memory plan over time, weights by size, the fusion log. Exit code 1 and a message on stderr where the model cannot be compiled.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags

from compiler.driver import aot
from compiler.driver.report import page
from compiler.driver.report.charts import Rates
from compiler.driver.report.data import gather
from compiler.support.diagnostics import CompilerError, UserError
from compiler.support.options import CompileOptions

FLAGS = flags.FLAGS

flags.DEFINE_string("out", "", "The HTML file to write.", short_name="o")
flags.DEFINE_string("name", "", "Name of the model; default: the file's name with _aoti.")
flags.DEFINE_string("source_root", ".", "Folder to which the paths of the model's source lines are relative.")
flags.DEFINE_list(
    "sizes",
    [],
    "Values of dynamic sizes, as in s0=64,s1=8; the others have their upper bounds, or 1024 where there is none.",
)
flags.DEFINE_float(
    "gigabytes_per_s",
    20.0,
    "Memory bandwidth for the floors; //tools/bench:floor measures it.",
    lower_bound=1e-3,
)
flags.DEFINE_float(
    "gigaflops",
    100.0,
    "Operations a second for the floors, in 10^9; //tools/bench:floor measures it.",
    lower_bound=1e-3,
)


def main(argv: Sequence[str]) -> int:
    """Writes the report; the exit code."""
    if len(argv) != 2 or not FLAGS.out:
        print("error: expected one model and -o REPORT.html; see --help", file=sys.stderr)
        return 2
    model = Path(argv[1])
    stem = re.sub(r"\W", "_", model.name.split(".")[0], flags=re.ASCII)
    options = CompileOptions(FLAGS.name or f"{stem}_aoti", explain_fusion=True)
    try:
        done = aot.compile_model(aot.Request(options, model, None, stop_after="wrapper"), _report)
        data = gather(done, Path(FLAGS.source_root), _sizes(FLAGS.sizes))
        text = page.render(data, Rates(FLAGS.gigabytes_per_s, FLAGS.gigaflops))
        _write(Path(FLAGS.out), text)
    except (CompilerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{FLAGS.out}: {len(text)} bytes", file=sys.stderr)
    return 0


def _sizes(texts: Sequence[str]) -> dict[str, int]:
    """`s0=64` -> {"s0": 64}"""
    found = {}
    for text in texts:
        if not re.fullmatch(r"\w+=\d+", text, flags=re.ASCII):
            raise UserError(f"--sizes={text}: expected SYMBOL=NUMBER, as in s0=64")
        symbol, number = text.split("=")
        found[symbol] = int(number)
    return found


def _report(name: str, seconds: float, summary: str) -> None:
    print(f"  {name:<10} {seconds:6.2f} s  {summary}", file=sys.stderr, flush=True)


def _write(file: Path, text: str) -> None:
    """Whole, or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, file)


if __name__ == "__main__":
    app.run(main)
