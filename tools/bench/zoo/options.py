"""What a run of the zoo was asked to do, and what its parts share: the compiler's options, the reason in a failed command's output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.bench import limits

# Of a message: enough for the reasons of a refusal.
_MOST_LINES = 12


@dataclass(frozen=True)
class Options:
    """`folder` holds a folder a model, a result file a model, and what they share."""

    folder: Path
    cxx: str
    isa: str  # as the compiler's --isa; empty for its default
    limits: limits.Limits
    steps: tuple[str, ...]  # of results.STEPS

    def compiler_words(self, cache: Path) -> list[str]:
        """Options of the compiler's command line."""
        given = (("cxx", self.cxx), ("isa", self.isa), ("cache", str(cache)))
        return [f"--{name}={value}" for name, value in given if value]


def complaint(log: str, status: int) -> str:
    """What a command says is wrong: from its last line that begins with `error:` on, else its last line."""
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    lines: list[str] = [line.rstrip() for line in log.splitlines() if line.strip()]
    errors = [k for k, line in enumerate(lines) if line.startswith("error:")]
    told = lines[errors[-1] :] if errors else lines[-1:]
    text = "\n".join(told[:_MOST_LINES]).removeprefix("error:").strip()
    return text if errors else f"{how}: {text or 'no message'}"
