"""What the network is trained and measured on: questions, and what it reads of each word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from issrnn.reading.encoding import encode_characters
from issrnn.vocabulary import PADDING, UNKNOWN, Vocabulary
from issrnn.word_vectors import WordVectors
from training.question_answering.questions import QuestionSet
from training.texts import Ids

__all__ = ["Examples", "WordTable", "character_vocabulary"]


@dataclass(frozen=True, eq=False)
class WordTable:
    """What the network reads of each of U words; row U is padding."""

    vectors: NDArray[np.float32]
    """(U + 1, W); zeros for a word without a vector, and for padding."""
    characters: NDArray[np.int64]
    """(U + 1, C)."""

    @classmethod
    def look_up(
        cls,
        words: Sequence[str],
        word_vectors: WordVectors,
        characters: Vocabulary,
        word_length: int,
    ) -> WordTable:
        """Look up every word once, as `issrnn.reading.encode` does."""
        padded = [*words, ""]
        return cls(
            vectors=word_vectors.look_up(padded),
            characters=encode_characters(padded, characters, word_length),
        )

    @property
    def padding(self) -> int:
        """The row of padding."""
        return len(self.vectors) - 1


@dataclass(frozen=True, eq=False)
class Examples:
    """n of the questions of a set."""

    questions: QuestionSet
    chosen: NDArray[np.int64]
    """(n,): which ones."""
    table: WordTable
    longest: int | None
    """Words that are read of a context; None reads all."""

    @classmethod
    def for_training(cls, questions: QuestionSet, table: WordTable, longest: int) -> Examples:
        """The questions whose answer lies in the first ``longest`` words, and a word in them."""
        readable = (questions.ends < longest) & (questions.questions.lengths > 0)
        return cls(questions, np.flatnonzero(readable), table, longest)

    @classmethod
    def for_evaluation(cls, questions: QuestionSet, table: WordTable) -> Examples:
        """All questions, with their whole contexts."""
        return cls(questions, np.arange(len(questions)), table, None)

    def __len__(self) -> int:
        """How many."""
        return len(self.chosen)

    @cached_property
    def context_lengths(self) -> NDArray[np.int64]:
        """(n,) words that are read of each context."""
        lengths = self.questions.contexts.lengths[self.questions.context_of[self.chosen]]
        return lengths if self.longest is None else np.minimum(lengths, self.longest)

    @cached_property
    def question_lengths(self) -> NDArray[np.int64]:
        """(n,) words of each question."""
        return self.questions.questions.lengths[self.chosen]

    def context(self, index: int) -> Ids:
        """Ids of the words that are read of an example's context."""
        of = int(self.questions.context_of[self.chosen[index]])
        return self.questions.contexts[of][: self.longest]

    def question(self, index: int) -> Ids:
        """Ids of the words of an example's question."""
        return self.questions.questions[int(self.chosen[index])]


def character_vocabulary(questions: QuestionSet, words: Sequence[str], minimum: int) -> Vocabulary:
    """The characters of the words of a split, most frequent first.

    Args:
        questions: Of the training split; each context counts once.
        words: Every word by its id.
        minimum: Leave out characters that occur less often; they are read as ``<unk>``.
    """
    occurring = np.concatenate((questions.contexts.words, questions.questions.words))
    counts: Counter[str] = Counter()
    for word, times in zip(words, np.bincount(occurring, minlength=len(words)), strict=True):
        for character in word:
            counts[character] += int(times)
    frequent = [character for character, times in counts.items() if times >= minimum]
    frequent.sort(key=lambda character: (-counts[character], character))
    return Vocabulary((PADDING, UNKNOWN, *frequent))
