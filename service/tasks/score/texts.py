"""From texts to token sequences, and from log-probabilities to the contract's scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from issrnn.vocabulary import END, UNKNOWN, Vocabulary
from service.tasks.score.job import ScoredSequence, TokenSequence
from service.tasks.score.ptb import Word, normalise, split_words
from service.tasks.score.schemas import ScoreRequest, TextScore, TokenScore, TopWord

__all__ = ["EncodedText", "assemble", "by_text", "encode_texts", "to_sequences", "token_scores"]

_LARGEST_EXPONENT = 709.0
"""exp of more is not a float64, and infinity is not JSON."""


@dataclass(frozen=True, eq=False)
class EncodedText:
    """A text's words and final ``<eos>``."""

    words: list[Word]
    ids: list[int]
    unknown_count: int


def encode_texts(request: ScoreRequest, vocabulary: Vocabulary) -> list[EncodedText]:
    """Find each text's words and their ids."""
    unknown = vocabulary.ids[UNKNOWN]
    encoded = []
    for text in request.texts:
        words = split_words(text) if request.pretokenized else normalise(text, vocabulary.ids)
        ids = vocabulary.encode(word.text for word in words)
        unknown_count = ids.count(unknown)
        words.append(Word(END, len(text), len(text)))
        ids.append(vocabulary.ids[END])
        encoded.append(EncodedText(words, ids, unknown_count))
    return encoded


def to_sequences(
    texts: Sequence[EncodedText], vocabulary: Vocabulary, *, carry_state: bool
) -> list[TokenSequence]:
    """What the model reads: one sequence a text, or a single one that runs through all."""
    streams = (
        [[token for text in texts for token in text.ids]]
        if carry_state
        else [text.ids for text in texts]
    )
    end = vocabulary.ids[END]
    return [
        TokenSequence(
            inputs=np.array([end, *stream[:-1]], dtype=np.int64),
            targets=np.array(stream, dtype=np.int64),
        )
        for stream in streams
    ]


def by_text(
    texts: Sequence[EncodedText], scored: Sequence[ScoredSequence], *, carry_state: bool
) -> Iterator[ScoredSequence]:
    """The part of the answers to `to_sequences` that belongs to each text, in order."""
    if not carry_state:
        yield from scored
        return
    start = 0
    for text in texts:
        steps = slice(start, start + len(text.ids))
        start = steps.stop
        yield ScoredSequence(
            scored[0].log_probs[steps], scored[0].top_ids[steps], scored[0].top_log_probs[steps]
        )


def assemble(texts: Sequence[EncodedText], scored: Iterable[ScoredSequence]) -> Iterator[TextScore]:
    """Each text's score, in order, without those of its tokens, which `token_scores` gives.

    Args:
        texts: As encoded.
        scored: The answer to each, as `by_text` gives it.
    """
    for text, part in zip(texts, scored, strict=True):
        log_prob = float(part.log_probs.sum(dtype=np.float64))
        yield TextScore(
            log_prob=log_prob,
            perplexity=math.exp(min(-log_prob / len(text.ids), _LARGEST_EXPONENT)),
            token_count=len(text.ids),
            unknown_count=text.unknown_count,
            tokens=[],
        )


def token_scores(
    text: EncodedText, part: ScoredSequence, names: Sequence[str], tokens: slice
) -> list[TokenScore]:
    """Some of a text's token scores: those of a whole document would take a kilobyte each.

    Args:
        text: As encoded.
        part: The answer to it.
        names: Words of the ids.
        tokens: Which.
    """
    return [
        TokenScore(
            text=names[token],
            start=word.start,
            end=word.end,
            log_prob=log_prob,
            top=[
                TopWord(text=names[top], log_prob=value)
                for top, value in zip(top_ids, top_log_probs, strict=True)
            ],
        )
        for token, word, log_prob, top_ids, top_log_probs in zip(
            text.ids[tokens],
            text.words[tokens],
            part.log_probs[tokens].tolist(),
            part.top_ids[tokens].tolist(),
            part.top_log_probs[tokens].tolist(),
            strict=True,
        )
    ]
