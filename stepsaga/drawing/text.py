"""How wide text is, without asking a font, and how it is broken into lines."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Final

# Advances in DejaVu Sans, the widest of the fonts that the drawings name: with any other of them
# there is room to spare.
NARROW: Final = frozenset("ijlI'")
SLIM: Final = frozenset('frt.,:;/|!()[]- "\\')
WIDE: Final = frozenset("mwMW%@&#+<>=^~")
NARROW_EM: Final = 0.30
SLIM_EM: Final = 0.42
WIDE_EM: Final = 1.0
CAPITAL_EM: Final = 0.79
OTHER_EM: Final = 0.65
FULL_EM: Final = 1.1
BOLD: Final = 1.12
PIECES: Final = re.compile(r"[^_.,(]*[_.,(]+|[^_.,(]+")


def clean(text: str) -> str:
    """Text that can be drawn, and stand in XML: what does not print becomes a space."""
    return "".join(char if char.isprintable() else " " for char in text)


def width(text: str, size: int, *, bold: bool = False) -> int:
    """At most how many pixels wide a line of text is."""
    ems = sum(map(_em, text)) * (BOLD if bold else 1)
    return math.ceil(ems * size)


def _em(char: str) -> float:
    for chars, em in ((NARROW, NARROW_EM), (SLIM, SLIM_EM), (WIDE, WIDE_EM)):
        if char in chars:
            return em
    if not char.isascii():
        return 0.0 if unicodedata.combining(char) else FULL_EM
    return CAPITAL_EM if char.isupper() else OTHER_EM


def wrap(text: str, most: int) -> tuple[str, ...]:
    """Lines of at most ``most`` characters, broken between words.

    A word that is longer is broken after underscores, dots, commas and brackets, and one without
    them anywhere. Nothing is lost, and spaces count as one.
    """
    lines: list[str] = []
    line = ""
    for word in clean(text).split():
        glue = " " if line else ""
        for piece in _pieces(word, most):
            if line and len(line + glue + piece) > most:
                lines.append(line)
                line, glue = "", ""
            line += glue + piece
            glue = ""
    return (*lines, line)


def _pieces(word: str, most: int) -> list[str]:
    if len(word) <= most:
        return [word]
    found = PIECES.findall(word)
    return [piece[at : at + most] for piece in found for at in range(0, len(piece), most)]
