"""The source tree passes the linter that LINT_ONLY names: what `tools/lint/run --only=...` says, as a test."""

from __future__ import annotations

import os

from tools.lint import lint


def test_no_findings() -> None:
    arguments = [*os.environ["LINT_ARGUMENTS"].split(), f"--only={os.environ['LINT_ONLY']}"]
    assert lint.main(arguments) == 0, "see the findings above; `tools/lint/run --fix` mends formats"
