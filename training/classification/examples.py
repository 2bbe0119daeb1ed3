"""What the network is trained and measured on: texts of a corpus in a vocabulary, and how split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from issrnn.vocabulary import PADDING, UNKNOWN, Vocabulary
from training.bucketing import Indices
from training.classification.preparation import Prepared
from training.errors import DataError
from training.texts import Texts

__all__ = ["Examples", "Split", "choose_labels", "make_vocabulary", "split_texts", "translate"]

_SPLIT_SEED = 20190126
"""Of the folds: the same for every run, so that seeds of runs differ in nothing else."""


@dataclass(frozen=True, eq=False)
class Split:
    """Which texts are for what."""

    train: Indices
    valid: Indices
    test: Indices


@dataclass(frozen=True, eq=False)
class Examples:
    """n of the texts of a corpus."""

    texts: Texts
    """Of the whole corpus, in the vocabulary's ids."""
    labels: NDArray[np.int64]
    """Of the whole corpus."""
    chosen: Indices
    """(n,): which ones."""
    longest: int | None
    """Words that are read of a text, its last ones; None reads all."""

    def __len__(self) -> int:
        """How many."""
        return len(self.chosen)

    @cached_property
    def lengths(self) -> Indices:
        """(n,) words that are read of each."""
        lengths = self.texts.lengths[self.chosen]
        return lengths if self.longest is None else np.minimum(lengths, self.longest)

    def words(self, index: int) -> NDArray[np.int32]:
        """Ids of the words that are read of a text."""
        ids = self.texts[int(self.chosen[index])]
        return ids if self.longest is None else ids[-self.longest :]


def choose_labels(prepared: Prepared, names: Sequence[str]) -> NDArray[np.int64]:
    """(n,) place of each text's label in ``names``, -1 for a text with another.

    Raises:
        DataError: If no text has one of the names.
    """
    places = np.full(len(prepared.label_names), -1)
    for place, name in enumerate(names):
        if name not in prepared.label_names:
            known = ", ".join(prepared.label_names)
            raise DataError(f"no text has the label {name!r}; those there are: {known}")
        places[prepared.label_names.index(name)] = place
    return places[prepared.labels]


def split_texts(
    labels: NDArray[np.int64], is_test: NDArray[np.bool_], folds: int, fold: int
) -> Split:
    """Cut the texts that have a label into folds, every label spread evenly over them.

    Where there is an official test split, the folds are of the other texts, and one of them is held
    out for validation; else one is for testing and the next one for validation. The rest is trained
    on.

    Args:
        labels: (n,) of each text, -1 for one that is left out.
        is_test: (n,) whether it is of an official test split.
        folds: How many.
        fold: Which one is held out, from 0.

    Raises:
        DataError: If a part would be without texts.
    """
    fold_of = np.full(len(labels), -1)
    chance = np.random.default_rng(_SPLIT_SEED)
    for label in range(int(labels.max()) + 1):
        members = chance.permutation(np.flatnonzero((labels == label) & ~is_test))
        fold_of[members] = np.arange(len(members)) % folds
    official = is_test & (labels >= 0)
    if official.any():
        valid, test = fold_of == fold, official
    else:
        valid, test = fold_of == (fold + 1) % folds, fold_of == fold
    train = (fold_of >= 0) & ~valid & ~test
    if not (train.any() and valid.any() and test.any()):
        raise DataError(f"too few texts for {folds} folds: lower folds")
    return Split(*(np.flatnonzero(part) for part in (train, valid, test)))


def make_vocabulary(prepared: Prepared, chosen: Indices, limit: int, minimum: int) -> Vocabulary:
    """The most frequent words of some texts.

    Args:
        prepared: All texts.
        chosen: Those that are trained on.
        limit: Entries at most, ``<pad>`` and ``<unk>`` included.
        minimum: Leave out words that occur less often.
    """
    inside = np.zeros(len(prepared.texts), np.bool_)
    inside[chosen] = True
    occurring = prepared.texts.words[np.repeat(inside, prepared.texts.lengths)]
    counts = np.bincount(occurring, minlength=len(prepared.words))
    frequent = [
        (-int(count), word)
        for word, count in zip(prepared.words, counts, strict=True)
        if count >= minimum and word != UNKNOWN
    ]
    kept = [word for _, word in sorted(frequent)[: limit - 2]]
    return Vocabulary((PADDING, UNKNOWN, *kept))


def translate(prepared: Prepared, vocabulary: Vocabulary) -> Texts:
    """All texts in the ids of a vocabulary."""
    ids = np.array(vocabulary.encode(prepared.words), np.int32)
    return Texts(ids[prepared.texts.words], prepared.texts.borders)
