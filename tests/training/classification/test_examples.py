"""Splits, vocabulary and batches: every text in one part, every text once an epoch."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from issrnn.reading import word_ids
from issrnn.vocabulary import PADDING, UNKNOWN, Vocabulary
from tests.training.classification.small_corpora import reviews, write_imdb, write_sanders
from training.classification.batches import collate, evaluation_batches, training_batches
from training.classification.examples import (
    Examples,
    choose_labels,
    make_vocabulary,
    split_texts,
    translate,
)
from training.classification.preparation import Prepared, prepare
from training.errors import DataError
from training.texts import Texts


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("imdb")
    return prepare("imdb", write_imdb(folder), folder / "cache")


@pytest.fixture(scope="module")
def tweets(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("sanders")
    return prepare("sanders", write_sanders(folder), folder / "cache")


def make_examples(lengths: list[int], longest: int | None = None) -> Examples:
    borders = np.cumsum([0, *lengths])
    texts = Texts(np.arange(borders[-1], dtype=np.int32), borders)
    labels = np.arange(len(lengths)) % 2
    return Examples(texts, labels, np.arange(len(lengths)), longest)


def test_an_official_test_split_stays_whole(movies: Prepared) -> None:
    split = split_texts(movies.labels, movies.is_test, folds=8, fold=3)
    assert movies.is_test[split.test].all()
    assert len(split.test) == 48
    assert len(split.valid) == 6
    assert np.bincount(movies.labels[split.valid]).tolist() == [3, 3]
    everything = np.concatenate((split.train, split.valid, split.test))
    assert sorted(everything.tolist()) == list(range(96))


def test_without_one_every_text_is_tested_in_one_fold(tweets: Prepared) -> None:
    labels = choose_labels(tweets, ("negative", "neutral", "positive"))
    splits = [split_texts(labels, tweets.is_test, folds=4, fold=fold) for fold in range(4)]
    tested = np.concatenate([split.test for split in splits])
    assert sorted(tested.tolist()) == np.flatnonzero(labels >= 0).tolist()
    for number, split in enumerate(splits):
        assert np.bincount(labels[split.test]).tolist() == [3, 3, 3]
        assert split.valid.tolist() == splits[(number + 1) % 4].test.tolist()
        assert not set(split.train) & (set(split.valid) | set(split.test))


def test_labels_are_numbered_as_they_are_named(tweets: Prepared) -> None:
    labels = choose_labels(tweets, ("positive", "negative"))
    names = [tweets.label_names[label] for label in tweets.labels]
    assert labels.tolist() == [{"positive": 0, "negative": 1}.get(name, -1) for name in names]
    with pytest.raises(DataError, match="the label 'good'; those there are: irrelevant, negative"):
        choose_labels(tweets, ("good", "bad"))


def test_too_many_folds_are_refused() -> None:
    labels = np.array([0, 1])
    with pytest.raises(DataError, match="too few texts for 9 folds"):
        split_texts(labels, np.zeros(2, np.bool_), folds=9, fold=5)


def test_the_vocabulary_is_of_the_texts_trained_on(movies: Prepared) -> None:
    split = split_texts(movies.labels, movies.is_test, folds=8, fold=0)
    vocabulary = make_vocabulary(movies, split.train, limit=100, minimum=1)
    assert vocabulary.words[:2] == (PADDING, UNKNOWN)
    trained = {movies.words[word] for index in split.train for word in movies.texts[index]}
    assert set(vocabulary.words[2:]) == trained
    small = make_vocabulary(movies, split.train, limit=7, minimum=1)
    assert small.words == vocabulary.words[:7]
    assert len(make_vocabulary(movies, split.train, limit=100, minimum=10_000)) == 2


def test_training_reads_what_the_service_will(movies: Prepared) -> None:
    vocabulary = Vocabulary((PADDING, UNKNOWN, "the", "movie", "great", "!", "."))
    texts = translate(movies, vocabulary)
    for index, (_, raw) in enumerate(sorted(reviews().items())):
        assert texts[index].tolist() == word_ids(raw, vocabulary)


def test_long_texts_are_read_from_their_end() -> None:
    examples = make_examples([3, 5], longest=4)
    assert examples.lengths.tolist() == [3, 4]
    assert examples.words(1).tolist() == [4, 5, 6, 7]
    assert make_examples([3, 5]).words(1).tolist() == [3, 4, 5, 6, 7]


@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.integers(1, 7), st.integers(0, 9))
def test_an_epoch_has_every_text_once(lengths: list[int], size: int, seed: int) -> None:
    batches = training_batches(make_examples(lengths), size, seed)
    epoch = batches.epoch(0)
    assert len(epoch) == len(batches)
    assert sorted(np.concatenate(epoch).tolist()) == list(range(len(lengths)))
    assert all(len(batch) <= size for batch in epoch)
    again = batches.epoch(0)
    assert all(np.array_equal(one, other) for one, other in zip(epoch, again, strict=True))


def test_epochs_differ_and_a_batch_has_one_length_or_nearly() -> None:
    examples = make_examples(list(range(1, 101)))
    batches = training_batches(examples, 10, seed=1)
    first, second = batches.epoch(0), batches.epoch(1)
    assert any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(int(np.ptp(examples.lengths[batch])) == 9 for batch in first)


def test_a_batch_is_padded_to_its_longest_text() -> None:
    tokens, lengths, labels = collate(make_examples([2, 3, 1]), np.array([1, 0]))
    assert tokens.tolist() == [[2, 0], [3, 1], [4, 0]]
    assert lengths.tolist() == [3, 2]
    assert labels.tolist() == [1, 0]
    assert tokens.dtype == lengths.dtype == labels.dtype == torch.int64


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 120))
def test_evaluation_batches_hold_every_text_and_few_words(lengths: list[int], words: int) -> None:
    examples = make_examples(lengths)
    batches = list(evaluation_batches(examples, words))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * int(examples.lengths[batch].max()) <= words
