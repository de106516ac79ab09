"""Text from files and names, as a terminal or a log can show it without obeying it."""

from __future__ import annotations

import unicodedata

_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that move the cursor, break lines, turn the direction of writing or are no text at all."""


def printable(text: str) -> str:
    r"""The same text in one line, with ``\x1b`` and the like where a character would steer what shows it."""
    return "".join(_escaped(c) if unicodedata.category(c) in _OBEYED else c for c in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
