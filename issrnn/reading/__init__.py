"""How a text becomes a reader's or a classifier's input, and an output an answer; without torch.

Training and serving both read through here, so that they cannot differ.
"""

from issrnn.reading.encoding import Encoded, encode
from issrnn.reading.label_scores import score_labels
from issrnn.reading.rules import Reading
from issrnn.reading.scores import exact_match, f1
from issrnn.reading.spans import Span, best_spans
from issrnn.reading.tokens import Token, tokenize
from issrnn.reading.windows import Window, split
from issrnn.reading.words import plain_words, word_ids

__all__ = [
    "Encoded",
    "Reading",
    "Span",
    "Token",
    "Window",
    "best_spans",
    "encode",
    "exact_match",
    "f1",
    "plain_words",
    "score_labels",
    "split",
    "tokenize",
    "word_ids",
]
