"""Batches: each example once, in an order that seed and epoch decide, as the service reads them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from issrnn.architecture import BiDAFArchitecture
from issrnn.networks.bidaf import BiDAF
from issrnn.reading import Reading, best_spans, encode, tokenize
from issrnn.vocabulary import Vocabulary
from tests.training.question_answering.small_squad import Question, write_squad, write_vectors
from training.question_answering.batches import (
    collate,
    collate_pieces,
    evaluation_batches,
    training_batches,
)
from training.question_answering.examples import Examples, WordTable, character_vocabulary
from training.question_answering.preparation import Prepared, prepare
from training.question_answering.statistics import statistics

WORD_LENGTH = 6


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return prepare(write_squad(tmp_path), tmp_path / "cache", write_vectors(tmp_path))


def characters_of(prepared: Prepared) -> Vocabulary:
    return character_vocabulary(prepared.train, prepared.words, 2)


def table_of(prepared: Prepared) -> WordTable:
    characters = characters_of(prepared)
    return WordTable.look_up(prepared.words, prepared.word_vectors, characters, WORD_LENGTH)


def many(tmp_path: Path) -> Examples:
    """1,000 questions on texts of 20 to 120 words."""
    lengths = np.random.default_rng(0).integers(20, 120, 250)
    train: dict[str, tuple[Question, ...]] = {
        f"mill{number} " + "river " * int(length): tuple(
            ("who " * (1 + place * 3) + "?", (f"mill{number}",)) for place in range(4)
        )
        for number, length in enumerate(lengths)
    }
    data = write_squad(tmp_path, train=train)
    prepared = prepare(data, tmp_path / "cache", write_vectors(tmp_path))
    return Examples.for_training(prepared.train, table_of(prepared), 100)


def test_an_epoch_is_every_example_once(tmp_path: Path) -> None:
    batches = training_batches(many(tmp_path), batch_size=16, seed=1)
    epoch = batches.epoch(0)
    assert len(epoch) == len(batches) == 63
    assert sorted(np.concatenate(epoch)) == list(range(1000))
    assert sorted(len(batch) for batch in epoch)[:2] == [8, 16]


def test_seed_and_epoch_decide_the_order(tmp_path: Path) -> None:
    examples = many(tmp_path)

    def order(seed: int, epoch: int) -> list[int]:
        return [
            int(i) for batch in training_batches(examples, 16, seed).epoch(epoch) for i in batch
        ]

    assert order(1, 3) == order(1, 3)
    assert order(1, 3) != order(1, 4)
    assert order(1, 3) != order(2, 3)


def padding(examples: Examples, batches: list[NDArray[np.int64]]) -> float:
    """Share of all positions that are padding."""
    contexts, questions = examples.context_lengths, examples.question_lengths
    real = sum(contexts[batch].sum() + questions[batch].sum() for batch in batches)
    computed = sum(
        len(batch) * (contexts[batch].max() + questions[batch].max()) for batch in batches
    )
    return float(1 - real / computed)


def test_little_is_computed_on_padding(tmp_path: Path) -> None:
    examples = many(tmp_path)
    bucketed = training_batches(examples, 16, seed=1).epoch(0)
    at_random = np.split(np.random.default_rng(0).permutation(992), 62)
    assert padding(examples, at_random) > 0.3
    assert padding(examples, bucketed) < 0.1


def test_statistics_tell_what_became_of_the_questions(prepared: Prepared) -> None:
    examples = Examples.for_training(prepared.train, table_of(prepared), 11)
    figures = statistics(prepared, examples, training_batches(examples, batch_size=2, seed=0))
    assert figures["train_questions"] == 7
    assert figures["train_texts"] == 2
    assert figures["train_off_border"] == 1
    assert figures["train_left_out"] == 3
    assert figures["dev_questions"] == 2
    # The ferry, built of oak, crossed the lake twice a day until 1960.
    assert figures["dev_unknown_context_words"] == pytest.approx(9 / 16)
    assert 0 <= figures["train_padding"] < 0.5


def test_answers_beyond_the_words_that_are_read_are_left_out(prepared: Prepared) -> None:
    assert len(Examples.for_training(prepared.train, table_of(prepared), 256)) == 7
    short = Examples.for_training(prepared.train, table_of(prepared), 11)
    answers = [prepared.train.answers[i][0] for i in short.chosen]
    assert answers == ["1851-52", "Brown", "Bees", "5 p.m."]
    context, _, _, ends = collate(short, np.arange(4))
    assert context.vectors.shape[0] == 11
    assert int(ends.max()) < 11


def test_a_batch_holds_what_the_service_reads(prepared: Prepared) -> None:
    examples = Examples.for_training(prepared.train, table_of(prepared), 256)
    order = np.array([5, 0, 2])
    context, question, starts, ends = collate(examples, order)
    for column, example in enumerate(order):
        on = prepared.train.context_texts[prepared.train.context_of[example]]
        tokens = tokenize(on)
        length = int(context.lengths[column])
        expected = encode(tokens, prepared.word_vectors, characters_of(prepared), WORD_LENGTH)
        assert length == len(tokens)
        assert np.array_equal(context.vectors[:length, column], expected.vectors)
        assert np.array_equal(context.characters[:length, column], expected.characters)
        assert not context.vectors[length:, column].any()
        assert not context.characters[length:, column].any()
        first, last = tokens[int(starts[column])], tokens[int(ends[column])]
        assert on[first.start : last.end] == prepared.train.answers[example][0]
    assert question.lengths.tolist() == [6, 7, 7]


def test_character_ids_start_with_padding_and_leave_out_the_rare(prepared: Prepared) -> None:
    characters = characters_of(prepared)
    assert characters.words[:3] == ("<pad>", "<unk>", "e")
    assert "“" not in characters.words  # looked up as a plain quote
    assert "B" in characters.words  # Brown, Bees
    assert "M" not in characters.words  # Mr, once


def test_evaluation_reads_whole_texts_in_windows(prepared: Prepared) -> None:
    examples = Examples.for_evaluation(prepared.dev, table_of(prepared))
    reading = Reading(window_words=8, overlap_words=5, answer_words=4)
    batches = evaluation_batches(examples, reading, 3)
    assert [len(batch) for batch in batches] == [3, 3, 2]
    network = BiDAF(
        BiDAFArchitecture(
            word_vector_size=3,
            character_count=len(characters_of(prepared)),
            word_length=WORD_LENGTH,
            filters=4,
            hidden_sizes=(3,) * 8,
        )
    )
    logits = {}
    for pieces in batches:
        context, question = collate_pieces(examples, pieces)
        with torch.no_grad():
            starts, ends = network(context, question)
        for column, piece in enumerate(pieces):
            logits[piece] = (starts[:, column].numpy(), ends[:, column].numpy())
    for example in range(2):
        found = sorted((p for p in logits if p.example == example), key=lambda p: p.window.start)
        spans = best_spans(
            [p.window for p in found],
            [logits[p][0] for p in found],
            [logits[p][1] for p in found],
            reading,
            1,
        )
        assert prepared.dev.answer_text(example, spans[0]) in prepared.dev.context_texts[0]


def test_a_question_without_words_is_answered_but_not_trained_on(tmp_path: Path) -> None:
    texts: dict[str, tuple[Question, ...]] = {
        "The mill burnt.": (("  ", ("mill",)), ("What burnt?", ("mill",)))
    }
    data = write_squad(tmp_path, train=texts, dev=texts)
    prepared = prepare(data, tmp_path / "cache", write_vectors(tmp_path))
    table = table_of(prepared)
    assert Examples.for_training(prepared.train, table, 256).chosen.tolist() == [1]
    examples = Examples.for_evaluation(prepared.dev, table)
    (pieces,) = evaluation_batches(examples, Reading(), 2)
    _, question = collate_pieces(examples, pieces)
    assert question.lengths.tolist() == [3, 1]
