"""Whether a text shows anything."""

from __future__ import annotations

import unicodedata
from itertools import chain

__all__ = ["shows_something"]

_NOTHING = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})
"""Categories of controls, format characters and spaces."""
_IGNORABLE = frozenset(
    map(
        chr,
        chain(
            (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0),
            range(0x180B, 0x1810),
            range(0xFE00, 0xFE10),
            range(0xE0100, 0xE01F0),
        ),
    )
)
"""Letters and marks that show nothing: Default_Ignorable_Code_Point of
https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt beside the format
characters."""


def shows_something(text: str) -> bool:
    """Whether there is a character that can be seen."""
    return any(
        unicodedata.category(character) not in _NOTHING and character not in _IGNORABLE
        for character in text
    )
