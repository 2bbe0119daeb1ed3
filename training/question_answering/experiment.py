"""Question answering as the training loop sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from issrnn import artifact
from issrnn.architecture import Architecture, BiDAFArchitecture
from issrnn.card import Card
from issrnn.networks import BiDAF, Text
from issrnn.vocabulary import Vocabulary
from issrnn.word_vectors import WordVectors
from training.averages import averages, update_averages_, using_averages
from training.bucketing import Indices
from training.distributed import share
from training.errors import Interrupted, RunError
from training.experiment import STOPPED_MEASURING, Experiment, Loss, Paths, Quality
from training.progress import progress_bar
from training.question_answering.batches import collate, training_batches
from training.question_answering.config import QuestionAnsweringConfig
from training.question_answering.evaluation import predict, score
from training.question_answering.examples import Examples, WordTable, character_vocabulary
from training.question_answering.network import build_network, span_loss
from training.question_answering.preparation import Prepared, prepare
from training.question_answering.statistics import statistics
from training.session import Session
from training.stopping import StopRequest

__all__ = ["QuestionAnswering"]


class QuestionAnswering(Experiment[QuestionAnsweringConfig]):
    """Finds the answers of SQuAD; the running average of the weights is validated and kept.

    SQuAD's test split is not public: as in the papers, the best epoch is chosen by the same
    development split that the metrics are measured on.
    """

    quality = Quality("valid_f1", higher_is_better=True)
    training_figure = "train_loss"
    validation_figures = ("valid_exact_match", "valid_f1")

    def __init__(self, config: QuestionAnsweringConfig, prepared: Prepared) -> None:
        """Train on prepared data."""
        self.config = config
        self.data_sha256 = prepared.sha256
        self.word_vectors = prepared.word_vectors
        self.characters = character_vocabulary(
            prepared.train, prepared.words, config.character_minimum
        )
        table = WordTable.look_up(
            prepared.words, self.word_vectors, self.characters, config.word_length
        )
        self.train = Examples.for_training(prepared.train, table, config.context_words)
        self.dev = Examples.for_evaluation(prepared.dev, table)
        self._batches = training_batches(self.train, config.batch_size, config.seed)
        self.steps_per_epoch = len(self._batches)
        self._order = lru_cache(maxsize=1)(self._batches.epoch)
        self.data_figures = statistics(prepared, self.train, self._batches)

    @classmethod
    def open(cls, config: QuestionAnsweringConfig, paths: Paths) -> QuestionAnswering:
        """Prepare SQuAD and the word vectors, or read what was prepared before.

        Raises:
            DataError: If they are missing or damaged.
        """
        return cls(
            config, prepare(paths.data, paths.cache, paths.word_vectors, config.word_vector_limit)
        )

    def build_network(self, architecture: Architecture) -> BiDAF:
        """With the fast layers and drop-out of the config."""
        return build_network(self.config, _bidaf(architecture))

    def plain_network(self, architecture: Architecture) -> BiDAF:
        """Of torch's own layers."""
        return BiDAF(_bidaf(architecture))

    def dense_architecture(self) -> BiDAFArchitecture:
        """The config's sizes, the characters and word vectors there are."""
        return self.config.architecture(self.word_vectors.size, len(self.characters))

    def make_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(model.parameters(), lr=self.config.learning_rate, foreach=True)

    def example_inputs(self, device: torch.device) -> tuple[Any, ...]:
        """Two contexts and two questions of different lengths."""
        return self._example([5, 4]).to(device), self._example([2, 3]).to(device)

    def loss(self, session: Session, step: int) -> Loss:
        """Of both ends of the answers of one mini-batch, averaged over its questions.

        A process for which a small mini-batch has no question answers one that does not count.
        """
        batch: Indices = self._order(session.position.epoch)[step]
        own = batch[share(len(batch))]
        context, question, starts, ends = collate(self.train, own if len(own) else batch[:1])
        device = session.device
        total = span_loss(
            cast("BiDAF", session.model),
            context.to(device),
            question.to(device),
            starts.to(device),
            ends.to(device),
        )
        if not len(own):
            total = total * 0
        return Loss(total / len(batch), total.item(), len(own))

    def after_update_(self, session: Session) -> None:
        """Average the weights."""
        step = session.position.total_steps
        update_averages_(session.optimizer, self.config.average, step)

    def validate(self, session: Session, between: Callable[[], None]) -> dict[str, float]:
        """EM and F1 of the averaged weights on the development split."""
        model = cast("BiDAF", session.model)
        with using_averages(model, session.optimizer):
            answers = predict(model, self.dev, self.config.reading, lambda *_: between())
        scores = score(answers, self._truths())
        return {f"valid_{name}": value for name, value in scores.items()}

    def weights_to_keep(self, session: Session) -> Mapping[str, Tensor]:
        """The averages."""
        return averages(session.model, session.optimizer)

    def measure(self, model: nn.Module, stop: StopRequest | None = None) -> dict[str, float]:
        """EM and F1 on the development split."""
        with progress_bar("answering", len(self.dev), "question") as bar:

            def show(done: int, total: int) -> None:
                bar.update(len(self.dev) * done // total - bar.n)
                if stop is not None and stop.signal_number is not None:
                    raise Interrupted(stop.signal_number, STOPPED_MEASURING)

            answers = predict(cast("BiDAF", model), self.dev, self.config.reading, show)
        return score(answers, self._truths())

    def quick_quality(self, model: nn.Module) -> float:
        """F1 on the development split."""
        answers = predict(cast("BiDAF", model), self.dev, self.config.reading)
        return score(answers, self._truths())["f1"]

    def save_artifact(self, folder: Path, card: Card, weights: Mapping[str, Any]) -> Card:
        """With the characters, and the word vectors beside it."""
        return artifact.save(folder, card, weights, self.characters, self.word_vectors)

    def card_fields(self) -> dict[str, Any]:
        """How it reads."""
        return {"reading": self.config.reading}

    @property
    def tokens(self) -> Vocabulary:
        """The characters."""
        return self.characters

    def check_same_word_vectors(self, word_vectors: WordVectors | None, where: str | Path) -> None:
        """Vectors of one length, and the same ones of the words that both have.

        How many words there are is left open: ``word_vector_limit`` of another config may differ.
        """
        ours = self.word_vectors
        if word_vectors is None:
            raise RunError(f"{where} reads no word vectors: it answers no questions")
        if word_vectors.size != ours.size:
            what = f"of length {word_vectors.size}, not {ours.size} as those of {ours.name}"
        elif not _agree(word_vectors, ours):
            what = f"which are not those of {ours.name}"
        else:
            return
        raise RunError(
            f"{where} was trained with the word vectors {word_vectors.name}, {what}: give the file "
            "of its own with --word-vectors, or leave that out if they are the default"
        )

    def _truths(self) -> list[tuple[str, ...]]:
        return [self.dev.questions.answers[index] for index in self.dev.chosen]

    def _example(self, lengths: list[int]) -> Text:
        generator = torch.Generator().manual_seed(0)
        shape = (max(lengths), len(lengths))
        return Text(
            vectors=torch.randn(*shape, self.word_vectors.size, generator=generator),
            characters=torch.randint(
                len(self.characters), (*shape, self.config.word_length), generator=generator
            ),
            lengths=torch.tensor(lengths),
        )


def _agree(one: WordVectors, other: WordVectors) -> bool:
    """Whether words that both have, have the same vectors in both."""
    words = [word for word in one.words if word in other.rows]
    ours, theirs = (
        vectors.vectors[[vectors.rows[word] for word in words]] for vectors in (one, other)
    )
    return np.array_equal(ours, theirs)


def _bidaf(architecture: Architecture) -> BiDAFArchitecture:
    if not isinstance(architecture, BiDAFArchitecture):
        raise ValueError(f"a {architecture.kind} answers no questions")
    return architecture
