"""Reads one line of IR text from left to right: words, quoted strings, bracketed parts, op ids."""

from __future__ import annotations

import json
import re

_WORD = re.compile(r"\s*([^\s,;\[\]=]+|=)")
_IDS = re.compile(r"\s*%(\d+)(?:\s*,\s*%(\d+))*")


class Scanner:
    """A position in a line. Every method raises ValueError saying what was expected and what is there."""

    def __init__(self, line: str) -> None:
        self.line = line
        self.position = 0

    def rest(self) -> str:
        """All that is left."""
        text, self.position = self.line[self.position :].strip(), len(self.line)
        return text

    def peek(self) -> str:
        """The next word, without going on; empty at the end."""
        found = _WORD.match(self.line, self.position)
        return found[1] if found else ""

    def next_is(self, character: str) -> bool:
        """Whether this character comes next."""
        return self.line[self.position :].lstrip().startswith(character)

    def word(self) -> str:
        """The next run of characters without spaces, commas or brackets."""
        found = _WORD.match(self.line, self.position)
        if found is None:
            raise ValueError(f"expected a word, got {self._here()}")
        self.position = found.end()
        return found[1]

    def expect(self, word: str) -> None:
        got = self.word()
        if got != word:
            raise ValueError(f"expected {word!r}, got {got!r}")

    def skip(self, word: str) -> bool:
        """Goes past `word` where it comes next."""
        if self.peek() != word:
            return False
        self.word()
        return True

    def string(self) -> str:
        """A JSON string."""
        start = self.line.find('"', self.position)
        if start < 0 or self.line[self.position : start].strip():
            raise ValueError(f"expected a quoted string, got {self._here()}")
        value, length = json.JSONDecoder().raw_decode(self.line[start:])
        self.position = start + length
        return str(value)

    def bracketed(self) -> str:
        """What stands between [ and the ] that closes it."""
        start = self.position
        while start < len(self.line) and self.line[start].isspace():
            start += 1
        if start == len(self.line) or self.line[start] != "[":
            raise ValueError(f"expected [, got {self._here()}")
        depth = 0
        for end in range(start, len(self.line)):
            depth += {"[": 1, "]": -1}.get(self.line[end], 0)
            if depth == 0:
                self.position = end + 1
                return self.line[start + 1 : end]
        raise ValueError(f"no ] closes {self.line[start:]!r}")

    def ids(self) -> tuple[int, ...]:
        """One or more of %0, %1, ... with commas between."""
        found = _IDS.match(self.line, self.position)
        if found is None:
            raise ValueError(f"expected %ids, got {self._here()}")
        self.position = found.end()
        return tuple(int(n) for n in re.findall(r"%(\d+)", found[0]))

    def end(self) -> None:
        if self.line[self.position :].strip():
            raise ValueError(f"unexpected {self._here()}")

    def _here(self) -> str:
        return (
            repr(self.line[self.position :].strip())
            if self.line[self.position :].strip()
            else "the end of the line"
        )
