"""What became of the questions of SQuAD on their way to the network."""

from __future__ import annotations

import numpy as np

from training.bucketing import Batches
from training.question_answering.examples import Examples
from training.question_answering.preparation import Prepared
from training.question_answering.questions import QuestionSet

__all__ = ["statistics"]


def statistics(prepared: Prepared, train: Examples, batches: Batches) -> dict[str, float]:
    """Counts and shares, by name.

    Args:
        prepared: Both splits.
        train: What is trained on.
        batches: Of these.

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
        "train_left_out": len(prepared.train) - len(train),
        "train_padding": _padding(train, batches),
    }


def _padding(train: Examples, batches: Batches) -> float:
    real = computed = 0
    for lengths in (train.context_lengths, train.question_lengths):
        for batch in batches.epoch(0):
            real += int(lengths[batch].sum())
            computed += len(batch) * int(np.max(lengths[batch]))
    return 1 - real / computed
