"""Reads one line of IR text from left to right: words, quoted strings, bracketed parts, op ids."""

from __future__ import annotations

import json
import re

_WORD = re.compile(r"\s*([^\s,;\[\]=]+|=)")
_NAME = re.compile(r"[A-Za-z_][\w.]*")
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

    def taken(self, character: str) -> bool:
        """Goes past this character where it comes next."""
        if not self.next_is(character):
            return False
        self.position = self.line.index(character, self.position) + 1
        return True

    def take(self, character: str) -> None:
        """Goes past this character, which must come next."""
        if not self.taken(character):
            raise ValueError(f"expected {character!r}, got {self._here()}")

    def match(self, pattern: re.Pattern[str]) -> str:
        """What the pattern matches next, without spaces before it; empty where it does not."""
        start = len(self.line) - len(self.line[self.position :].lstrip())
        found = pattern.match(self.line, start)
        if found is None:
            return ""
        self.position = found.end()
        return found[0]

    def name(self) -> str:
        """A name, with dots in it or not."""
        found = self.match(_NAME)
        if not found:
            raise ValueError(f"expected a name, got {self._here()}")
        return found

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
        return self._enclosed("[", "]")

    def parenthesised(self) -> str:
        """What stands between ( and the ) that closes it."""
        return self._enclosed("(", ")")

    def _enclosed(self, opening: str, closing: str) -> str:
        self.take(opening)
        start, depth = self.position, 1
        for end in range(start, len(self.line)):
            depth += {opening: 1, closing: -1}.get(self.line[end], 0)
            if depth == 0:
                self.position = end + 1
                return self.line[start:end]
        raise ValueError(f"no {closing} closes {self.line[start - 1 :]!r}")

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
