r"""Raw English in the form of Mikolov's Penn Treebank, each word with its place in the raw text.

The corpus' conventions: lower case; numbers are ``N``, and so is the per cent sign (``rose N N``);
``30-year``, ``1980s`` and ``13th`` stay; a pound sign is ``#``, ``/`` is ``\/``; contractions are
split (``do n't``, ``company 's``, ``traders '``); punctuation is gone, except ``$``, ``&``, ``#``
and the dots of abbreviations, which a sentence's last word loses (``u.s.`` but final ``corp``).

A regular expression of our own: nltk's Treebank tokenizer gives spans too, but splits on its own
terms (``%``, ``&``, quotes) and knows nothing of case, numbers and dots, which is most of the work.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import NamedTuple

__all__ = ["Word", "normalise", "split_words"]

NUMBER_WORD = "N"

_LETTER = r"[^\W\d_]"
_CHARACTER = r"[\w\u0300-\u036f]"  # letters, digits, and accents that stand apart
_PIECE = (
    rf"(?:{_LETTER}(?:\.{_LETTER})+(?!{_CHARACTER})(?:\.(?=-))?"  # u.s, and the dot in u.s.-soviet
    rf"|\d+(?:[.,:/]\d+)*{_CHARACTER}*"  # 1,234.5 and 13th
    rf"|{_CHARACTER}+(?:\.(?=-{_CHARACTER}))?)"  # word, and the dot in calif.-based
)
_TOKEN = re.compile(
    rf"(?P<decade>'\d\ds\b)"
    rf"|(?P<clitic>(?<!{_CHARACTER})'(?:s|re|ve|ll|d|m)\b)"
    rf"|(?P<currency>(?<!{_CHARACTER})(?:us|hk|c|a|m)\$)"
    rf"|(?P<number>\.\d+(?!{_CHARACTER}))"
    rf"|(?P<word>{_PIECE}(?:[-&/']{_PIECE})*)(?P<dot>\.?)"
    rf"|(?P<sign>[$&#£%€¥])"
    rf"|(?P<quote>')",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_CLITIC = re.compile(r"n't|'(?:s|re|ve|ll|d|m)", re.IGNORECASE)
_CLITIC_AT_END = re.compile(rf"(?:{_CLITIC.pattern})\Z", re.IGNORECASE)
_LONGEST_CLITIC = 3
_SIGNS = {"£": "#", "%": NUMBER_WORD}
_STRAIGHT = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\uff07": "'"})
_ORDINARY = frozenset({"a", "i", "ill", "mass", "miss", "no", "ore", "pa", "wash"})
"""Abbreviations when dotted (Ill., no. 3), but words of their own at the end of a sentence."""


class Word(NamedTuple):
    """A word and the characters of the raw text it stands for."""

    text: str
    start: int
    end: int


def split_words(text: str) -> list[Word]:
    """Words of a text that is in the corpus' form already, split on white space."""
    return [Word(match[0], match.start(), match.end()) for match in re.finditer(r"\S+", text)]


def normalise(text: str, vocabulary: Container[str]) -> list[Word]:
    """Bring raw English into the corpus' form.

    Args:
        text: Any Unicode; usually one sentence.
        vocabulary: Decides whether a dotted word is a known abbreviation.

    Returns:
        Words in order; a word that the vocabulary lacks stays as it is.
    """
    raw = text.translate(_STRAIGHT)  # one character for one, so that places stay
    return list(_words(raw, vocabulary))


def _words(raw: str, vocabulary: Container[str]) -> Iterator[Word]:
    last = _last_word_character(raw)
    quoted = False
    for match in _TOKEN.finditer(raw):
        start, end = match.span()
        if match["word"]:
            dotted = match["dot"] and _keeps_dot(match, raw, vocabulary, at_end=end > last)
            yield from _split(match["word"], start, vocabulary, bool(dotted), bool(match["dot"]))
        elif match["quote"]:
            follows_word = start > 0 and (raw[start - 1].isalnum())
            if not follows_word:
                quoted = True
            elif quoted:
                quoted = False
            elif raw[start - 1] in "sS":
                yield Word("'", start, end)
        elif match["number"]:
            yield Word(NUMBER_WORD, start, end)
        else:
            yield Word(_SIGNS.get(match[0], match[0].lower()), start, end)


def _last_word_character(raw: str) -> int:
    position = len(raw) - 1
    while position >= 0 and not (raw[position].isalnum() or raw[position] in "$%&"):
        position -= 1
    return position


def _keeps_dot(match: re.Match[str], raw: str, vocabulary: Container[str], *, at_end: bool) -> bool:
    plain = _spelling(match["word"])
    if plain + "." not in vocabulary:
        return False
    if at_end:
        return plain not in vocabulary
    if plain in _ORDINARY:
        following = raw[match.end() : match.end() + 2].lstrip()
        return following[:1].isdigit() or following[:1].islower() or following[:1] == ","
    return True


def _split(
    word: str, start: int, vocabulary: Container[str], keep_dot: bool, has_dot: bool
) -> Iterator[Word]:
    """A raw word's words: split where it is a contraction that is no word itself."""
    end = start + len(word)
    plain = _spelling(word)
    if keep_dot:
        yield Word(plain + ".", start, end + 1)
    elif plain in vocabulary:
        yield Word(plain, start, end)
    elif plain == "cannot":
        yield Word("can", start, start + 3)
        yield Word("not", start + 3, end)
    elif (length := _length_without_clitics(word)) < len(word):
        yield from _split(word[:length], start, vocabulary, keep_dot=False, has_dot=False)
        for clitic in _CLITIC.finditer(word, length):
            yield Word(clitic[0].lower(), start + clitic.start(), start + clitic.end())
    elif not has_dot and plain + "." in vocabulary:  # Mr Smith
        yield Word(plain + ".", start, end)
    else:
        yield Word(plain, start, end)


def _length_without_clitics(word: str) -> int:
    """Characters before the clitics at a word's end, at least one.

    Counted from the end: an expression for "anything, then clitics" takes quadratic time.
    """
    length = len(word)
    while clitic := _CLITIC_AT_END.search(word, max(1, length - _LONGEST_CLITIC), length):
        length = clitic.start()
    return length


def _spelling(word: str) -> str:
    return NUMBER_WORD if _NUMBER.fullmatch(word) else word.lower().replace("/", "\\/")
