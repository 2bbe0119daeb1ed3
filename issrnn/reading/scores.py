"""Exact match and F1 of an answer, by SQuAD's official definition.

https://rajpurkar.github.io/SQuAD-explorer (``evaluate-v1.1.py``); Rajpurkar et al. (2016),
https://arxiv.org/abs/1606.05250, section 6.1.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

__all__ = ["exact_match", "f1"]

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(a|an|the)\b")


def exact_match(prediction: str, truths: Sequence[str]) -> float:
    """1 if a prediction is one of the true answers but for case, punctuation and articles, else 0.

    Raises:
        ValueError: If there are no true answers.
    """
    words = _words(prediction)
    return float(any(words == truth for truth in _checked(truths)))


def f1(prediction: str, truths: Sequence[str]) -> float:
    """Harmonic mean of precision and recall over words, with the true answer that suits best.

    Two answers without words (such as "the" and "!") are alike, as in the official script of SQuAD
    2.0 and in torchmetrics; that of 1.1 gives them 0.

    Returns:
        0 to 1.

    Raises:
        ValueError: If there are no true answers.
    """
    words = _words(prediction)
    return max(_f1(words, truth) for truth in _checked(truths))


def _checked(truths: Sequence[str]) -> list[list[str]]:
    if not truths:
        raise ValueError("a prediction cannot be scored without true answers")
    return [_words(truth) for truth in truths]


def _words(answer: str) -> list[str]:
    plain = answer.lower().translate(_PUNCTUATION)
    return _ARTICLE.sub(" ", plain).split()


def _f1(prediction: list[str], truth: list[str]) -> float:
    if not (prediction and truth):
        return float(prediction == truth)
    common = (Counter(prediction) & Counter(truth)).total()
    if common == 0:
        return 0.0
    return 2 * common / (len(prediction) + len(truth))
