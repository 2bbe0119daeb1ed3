"""Text classification as the training loop sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from issrnn import artifact
from issrnn.architecture import Architecture, ClassifierArchitecture
from issrnn.card import Card
from issrnn.life_averages import stopped_improving, update_averages_
from issrnn.networks import Classifier
from issrnn.reading import score_labels
from issrnn.vocabulary import Vocabulary
from training.averages import averages, using_averages
from training.classification.batches import collate, training_batches
from training.classification.config import ClassificationConfig
from training.classification.evaluation import predict
from training.classification.examples import (
    Examples,
    choose_labels,
    make_vocabulary,
    split_texts,
    translate,
)
from training.classification.network import build_network
from training.classification.preparation import Prepared, prepare
from training.distributed import share
from training.errors import Interrupted
from training.experiment import STOPPED_MEASURING, Experiment, Loss, Paths, Quality
from training.progress import progress_bar
from training.session import Session
from training.stopping import StopRequest

__all__ = ["Classification"]


class Classification(Experiment[ClassificationConfig]):
    """Tells the labels of texts apart."""

    quality = Quality("valid_accuracy", higher_is_better=True)
    training_figure = "train_loss"
    validation_figures = ("valid_accuracy",)

    def __init__(self, config: ClassificationConfig, prepared: Prepared) -> None:
        """Train on prepared data.

        Raises:
            DataError: If a label is unknown or there are too few texts.
        """
        self.config = config
        self.data_sha256 = prepared.sha256
        labels = choose_labels(prepared, config.labels)
        split = split_texts(labels, prepared.is_test, config.folds, config.fold)
        self.vocabulary = make_vocabulary(
            prepared, split.train, config.vocabulary_limit, config.word_minimum
        )
        texts = translate(prepared, self.vocabulary)
        self.train = Examples(texts, labels, split.train, config.longest)
        self.valid = Examples(texts, labels, split.valid, None)
        self.test = Examples(texts, labels, split.test, None)
        self._batches = training_batches(self.train, config.batch_size, config.seed)
        self.steps_per_epoch = len(self._batches)
        self._order = lru_cache(maxsize=1)(self._batches.epoch)
        self.data_figures = {
            "train_texts": len(self.train),
            "valid_texts": len(self.valid),
            "test_texts": len(self.test),
            "vocabulary": len(self.vocabulary),
        }

    @classmethod
    def open(cls, config: ClassificationConfig, paths: Paths) -> Classification:
        """Prepare the corpus, or read what was prepared before.

        Raises:
            DataError: If it is missing, damaged or too small.
        """
        return cls(config, prepare(config.corpus, paths.data, paths.cache))

    def build_network(self, architecture: Architecture) -> Classifier:
        """With the fast layers and drop-out of the config."""
        return build_network(self.config, _classifier(architecture))

    def plain_network(self, architecture: Architecture) -> Classifier:
        """Of torch's own layers."""
        return Classifier(_classifier(architecture))

    def dense_architecture(self) -> ClassifierArchitecture:
        """The config's sizes, the words of the texts trained on."""
        return self.config.architecture(len(self.vocabulary))

    def make_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(model.parameters(), lr=self.config.learning_rate, foreach=True)

    def example_inputs(self, device: torch.device) -> tuple[Any, ...]:
        """Two texts of different lengths."""
        tokens = torch.tensor([[0, 1], [1, 2], [2, 0]], device=device)
        return tokens, torch.tensor([3, 2], device=device)

    def loss(self, session: Session, step: int) -> Loss:
        """Of one mini-batch, averaged over its texts.

        A process for which a small mini-batch has no text reads one that does not count.
        """
        batch = self._order(session.position.epoch)[step]
        own = batch[share(len(batch))]
        chosen = own if len(own) else batch[:1]
        tokens, lengths, labels = (x.to(session.device) for x in collate(self.train, chosen))
        total = cross_entropy(session.model(tokens, lengths), labels, reduction="sum")
        if not len(own):
            total = total * 0
        return Loss(total / len(batch), total.item(), len(own))

    def after_update_(self, session: Session) -> None:
        """Average the weights once the validation figure stops rising, where that is asked for."""
        patience = self.config.average_patience
        if patience is not None:
            losses = [-epoch[self.quality.name] for epoch in session.position.epochs]
            if stopped_improving(losses, patience):
                update_averages_(session.optimizer)

    def validate(self, session: Session, between: Callable[[], None]) -> dict[str, float]:
        """Accuracy on the validation texts, of the averaged weights where there are any."""
        model = cast("Classifier", session.model)
        with using_averages(model, session.optimizer):
            found = predict(model, self.valid, lambda _: between())
        return {"valid_accuracy": score_labels(found, self._true(self.valid))["accuracy"]}

    def weights_to_keep(self, session: Session) -> Mapping[str, Tensor]:
        """The averages where there are any."""
        return averages(session.model, session.optimizer)

    def measure(self, model: nn.Module, stop: StopRequest | None = None) -> dict[str, float]:
        """Accuracy on the validation texts, accuracy and macro F1 on the test texts."""
        metrics: dict[str, float] = {}
        for name, examples in (("valid", self.valid), ("test", self.test)):
            with progress_bar(f"{name} texts", len(examples), "text") as bar:

                def show(texts: int, bar: Any = bar) -> None:
                    bar.update(texts)
                    if stop is not None and stop.signal_number is not None:
                        raise Interrupted(stop.signal_number, STOPPED_MEASURING)

                found = predict(cast("Classifier", model), examples, show)
            scores = score_labels(found, self._true(examples))
            metrics |= {f"{name}_{figure}": value for figure, value in scores.items()}
        return metrics

    def quick_quality(self, model: nn.Module) -> float:
        """Accuracy on the validation texts."""
        found = predict(cast("Classifier", model), self.valid)
        return score_labels(found, self._true(self.valid))["accuracy"]

    def save_artifact(self, folder: Path, card: Card, weights: Mapping[str, Any]) -> Card:
        """With the words of the texts trained on."""
        return artifact.save(folder, card, weights, self.vocabulary)

    def card_fields(self) -> dict[str, Any]:
        """The labels."""
        return {"labels": self.config.labels}

    @property
    def tokens(self) -> Vocabulary:
        """The words."""
        return self.vocabulary

    @staticmethod
    def _true(examples: Examples) -> Any:
        return examples.labels[examples.chosen]


def _classifier(architecture: Architecture) -> ClassifierArchitecture:
    if not isinstance(architecture, ClassifierArchitecture):
        raise ValueError(f"a {architecture.kind} classifies no texts")
    return architecture
