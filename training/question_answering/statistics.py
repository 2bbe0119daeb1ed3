"""What became of the questions of SQuAD on their way to the network."""

from __future__ import annotations

import numpy as np

from training.question_answering.batches import Batches
from training.question_answering.preparation import Prepared
from training.question_answering.questions import QuestionSet

__all__ = ["statistics"]


def statistics(prepared: Prepared, batches: Batches) -> dict[str, float]:
    """Counts and shares, by name.

    Args:
        prepared: Both splits.
        batches: Of the examples that are trained on.

    Returns:
        For each split ``questions``, ``texts``, ``off_border`` (questions whose first answer does
        not begin and end with a word), ``unknown_context_words`` and ``unknown_question_words``
        (shares of the words that have no vector); and for training ``left_out`` (questions whose
        answer is not in the words that are read) and ``padding`` (share of the positions of the
        first epoch's batches).
    """
    known = prepared.word_vectors.find_rows(prepared.words) >= 0

    def of_split(name: str, questions: QuestionSet) -> dict[str, float]:
        return {
            f"{name}_questions": len(questions),
            f"{name}_texts": len(questions.contexts),
            f"{name}_off_border": questions.off_border,
            f"{name}_unknown_context_words": float((~known)[questions.contexts.words].mean()),
            f"{name}_unknown_question_words": float((~known)[questions.questions.words].mean()),
        }

    return {
        **of_split("train", prepared.train),
        **of_split("dev", prepared.dev),
        "train_left_out": len(prepared.train) - len(batches.examples),
        "train_padding": _padding(batches),
    }


def _padding(batches: Batches) -> float:
    real = computed = 0
    for lengths in (batches.examples.context_lengths, batches.examples.question_lengths):
        for batch in batches.epoch(0):
            real += int(lengths[batch].sum())
            computed += len(batch) * int(np.max(lengths[batch]))
    return 1 - real / computed
