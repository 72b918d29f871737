"""How the project's command lines spell flags: `--shared-state=x`, which absl knows as `--shared_state=x`."""

from __future__ import annotations


def with_underscores(arg: str) -> str:
    """The name of a flag as it was defined; values are left alone."""
    head, equals, value = arg.partition("=")
    return "--" + head[2:].replace("-", "_") + equals + value if head.startswith("--") else arg
