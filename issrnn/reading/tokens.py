"""Words, numbers and signs of a text, each with its place in it.

In the manner of the Penn Treebank, in which the GloVe vectors were counted (``do n't``, ``Bob 's``,
``U.S.``), with dashes, slashes and brackets apart as in BiDAF's preprocessing
(https://github.com/allenai/bi-att-flow), since answers begin and end at them.

An expression of our own: nltk's Treebank tokenizer rewrites quotes, so that places must be searched
for afterwards, and leaves ``1990-91`` whole.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Token", "tokenize"]


class Token(NamedTuple):
    """A word, number or sign, and the characters of the source it stands for."""

    text: str
    """What is looked up: the source in Unicode's composed form, with plain quotes."""
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """Split a text; takes time in proportion to its length.

    Args:
        text: Any Unicode.

    Returns:
        Tokens in order, ``text[token.start : token.end]`` being the source of each. Between them
        stand only blanks: white space, control characters, and format characters without width.
    """
    outline = text.translate(_KINDS)  # one character for one, so that places stay
    tokens = []
    for match in _TOKEN.finditer(outline):
        start, end = match.span()
        if end - start > 3 and match["word"] and outline.endswith("n't", start, end):
            tokens.append(_token(text, start, end - 3))
            start = end - 3
        tokens.append(_token(text, start, end))
    return tokens


_WORD = "[a-zA0M]"
"""Of an outline: small ASCII letters, other letters, digits, marks on letters."""

_TOKEN = re.compile(
    rf"(?:[a-zA]\.)+[a-zA](?!{_WORD})\.?"  # U.S. and e.g.
    rf"|'(?:s|re|ve|ll|d|m)(?!{_WORD})"
    rf"|(?P<word>[a-zA0]{_WORD}*"
    rf"(?:(?:'(?!(?:s|re|ve|ll|d|m)(?!{_WORD}))(?=[a-zA])"  # o'clock but Bob 's
    rf"|&(?=[a-zA])|(?<=0)[.,:](?=0)){_WORD}+)*)"  # R&B and 1,234.5
    r"|\.{2,}|-{2,}|''|``"
    r"|[^ ]M*",
    re.DOTALL,
)

_KEPT = frozenset("abcdefghijklmnopqrstuvwxyz.,:-&'`")
_APOSTROPHES = frozenset("\u2018\u2019\u02bc\uff07")
_JOINERS = frozenset("\u00ad\u200c\u200d")
"""Format characters that stand inside words and emoji."""

_UNSPACED = (
    (0x2E80, 0x2FFF),  # radicals
    (0x3005, 0x3007),
    (0x3041, 0x30FF),  # kana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # narrow kana
    (0x1B000, 0x1B16F),
    (0x20000, 0x3FFFF),
)
"""Scripts written without spaces in which a character is a word or a syllable: each is a token."""


@lru_cache(maxsize=1 << 14)
def _kind(code: int) -> str:
    """The one character that stands for a character in an outline."""
    character = chr(code)
    category = unicodedata.category(character)
    if character in _APOSTROPHES:
        return "'"
    if character.lower() in _KEPT:
        return character.lower()
    if category[0] == "M" or character in _JOINERS or _modifies_emoji(code):
        return "M"
    if character.isspace() or category[0] == "Z" or category in {"Cc", "Cf"}:
        return " "
    if category == "Nd":
        return "0"
    if category[0] == "L" and not any(first <= code <= last for first, last in _UNSPACED):
        return "A"
    return "P"


def _modifies_emoji(code: int) -> bool:
    return 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F  # skin tones, flags' tags


class _Kinds(dict[int, str]):
    """`_kind` of every character; holds those of the common alphabets and never grows."""

    def __missing__(self, code: int) -> str:
        return _kind(code)


_KINDS = _Kinds({code: _kind(code) for code in range(0x700)})

_SPELLING = str.maketrans(
    {
        **dict.fromkeys(_APOSTROPHES, "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02", '"'),
        **dict.fromkeys("\u2010\u2011\u2212\ufe63\uff0d", "-"),
        "\u00ad": None,
    }
)
_LONGEST_COMPOSED = 64
"""Longer tokens are no words, and composing takes quadratic time in the number of marks."""


def _token(text: str, start: int, end: int) -> Token:
    source = text[start:end]
    if source.isascii():
        return Token(source, start, end)
    spelling = source.translate(_SPELLING)
    if len(spelling) <= _LONGEST_COMPOSED:
        spelling = unicodedata.normalize("NFC", spelling)
    return Token(spelling or source, start, end)
