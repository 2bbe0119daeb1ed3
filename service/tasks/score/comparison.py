"""Where several models' scores of the same texts differ."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from service.tasks.score.reply import ScoreReply
from service.tasks.score.schemas import ComparedText, Difference
from service.tasks.score.texts import EncodedText

__all__ = ["compare_texts"]

LARGEST = 5
"""How many tokens of a text are shown."""


def compare_texts(replies: Sequence[ScoreReply]) -> Iterator[ComparedText]:
    """Each text's scores side by side, and the tokens on which the models disagree most.

    Args:
        replies: To one request, at least one.
    """
    names = [reply.variant.name for reply in replies]
    texts = zip(*(reply.texts for reply in replies), strict=True)
    scores = zip(*(reply.scores() for reply in replies), strict=True)
    parts = zip(*(reply.parts() for reply in replies), strict=True)
    for index, (encoded, scored, part) in enumerate(zip(texts, scores, parts, strict=True)):
        log_probs = [scores_of_model.log_probs.tolist() for scores_of_model in part]
        comparable = all(_places(other) == _places(encoded[0]) for other in encoded[1:])
        yield ComparedText(
            index=index,
            log_probs={name: score.log_prob for name, score in zip(names, scored, strict=True)},
            perplexities={
                name: score.perplexity for name, score in zip(names, scored, strict=True)
            },
            comparable=comparable,
            largest=_largest(names, encoded[0], log_probs) if comparable else [],
        )


def _places(text: EncodedText) -> list[tuple[int, int]]:
    return [(word.start, word.end) for word in text.words]


def _largest(
    names: Sequence[str], text: EncodedText, log_probs: Sequence[Sequence[float]]
) -> list[Difference]:
    spreads = [max(values) - min(values) for values in zip(*log_probs, strict=True)]
    positions = heapq.nlargest(LARGEST, range(len(spreads)), key=spreads.__getitem__)
    return [
        Difference(
            position=position,
            text=text.words[position].text,
            start=text.words[position].start,
            end=text.words[position].end,
            log_probs={
                name: values[position] for name, values in zip(names, log_probs, strict=True)
            },
            spread=spreads[position],
        )
        for position in positions
        if spreads[position] > 0.0
    ]
