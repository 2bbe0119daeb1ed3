"""The words a classifier reads of a raw text: lower-case words, numbers and signs.

A text such as a review or a tweet goes through these steps:

1. HTML line breaks (``<br />``) become line breaks, web addresses the word ``http``;
2. `tokenize` splits it, as it does for a reader: signs apart, ``do n't``, any script;
3. words are written in lower case.
"""

from __future__ import annotations

import re

from issrnn.reading.tokens import tokenize
from issrnn.vocabulary import UNKNOWN, Vocabulary

__all__ = ["plain_words", "word_ids"]

_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?://|(?<!\w)www\.(?=\w))\S+", re.IGNORECASE)


def plain_words(text: str) -> list[str]:
    """Split a text; takes time in proportion to its length.

    Args:
        text: Any Unicode.
    """
    plain = _ADDRESS.sub(" http ", _LINE_BREAK.sub("\n", text))
    return [token.text.lower() for token in tokenize(plain)]


def word_ids(text: str, vocabulary: Vocabulary) -> list[int]:
    """The id of each word of a text; at least one, since a network cannot read nothing."""
    return vocabulary.encode(plain_words(text) or [UNKNOWN])
