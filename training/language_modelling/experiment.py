"""Language modelling as the training loop sees it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from tqdm import tqdm

import issrnn
from issrnn import artifact
from issrnn.architecture import Architecture, LanguageModelArchitecture
from issrnn.card import Card
from issrnn.groups import Groups
from issrnn.networks import RecurrentHighwayNetwork
from issrnn.vocabulary import END, Vocabulary
from training.distributed import process_count, share
from training.errors import ConfigError, Interrupted
from training.experiment import STOPPED_MEASURING, Experiment, Loss, Paths, Quality
from training.language_modelling.config import LanguageModelConfig
from training.language_modelling.corpus import Corpus, load_corpus
from training.language_modelling.evaluation import perplexity
from training.language_modelling.expansion import expand_network
from training.language_modelling.network import (
    AnyLanguageModel,
    build_network,
    detach_state,
    plain_network,
    sequence_loss,
)
from training.language_modelling.streams import Streams
from training.progress import progress_bar
from training.session import Session
from training.stopping import StopRequest

__all__ = ["VALIDATION_STREAMS", "LanguageModelling"]

VALIDATION_STREAMS = 20
"""Streams the validation split is cut into after each epoch; the record's figures use 1."""


class LanguageModelling(Experiment[LanguageModelConfig]):
    """Predicts every word of a corpus; the hidden state is carried from stretch to stretch."""

    quality = Quality("valid_perplexity")
    training_figure = "train_perplexity"
    validation_figures = ("valid_perplexity",)

    def __init__(self, config: LanguageModelConfig, corpus: Corpus) -> None:
        """Train on a corpus.

        Raises:
            DataError: If it is too short.
            ConfigError: If there are fewer streams than processes to train on them.
        """
        if config.batch_size < process_count():
            raise ConfigError(
                f"batch_size {config.batch_size}: too few streams for {process_count()} processes"
            )
        self.config = config
        self.corpus = corpus
        self.data_sha256 = self.corpus.sha256
        self._streams = Streams.for_training(
            self.corpus.train, config.batch_size, config.bptt_steps
        ).part(share(config.batch_size))
        self.steps_per_epoch = len(self._streams)
        self.data_figures = {
            "train_words": len(corpus.train),
            "valid_words": len(corpus.valid),
            "test_words": len(corpus.test),
            "vocabulary": len(corpus.vocabulary),
        }
        self._end = self.corpus.vocabulary.ids[END]

    @classmethod
    def open(cls, config: LanguageModelConfig, paths: Paths) -> LanguageModelling:
        """Read the corpus that the config names.

        Raises:
            DataError: If it is missing, damaged or too short.
        """
        return cls(config, load_corpus(paths.data, config.corpus, config.vocabulary_limit))

    def build_network(self, architecture: Architecture) -> AnyLanguageModel:
        """With the fast layers and drop-out of the config."""
        return build_network(self.config, _language_model(architecture))

    def plain_network(self, architecture: Architecture) -> AnyLanguageModel:
        """Of torch's own layers."""
        return plain_network(_language_model(architecture))

    def dense_architecture(self) -> LanguageModelArchitecture:
        """The config's sizes, the corpus's words."""
        return self.config.architecture(len(self.corpus.vocabulary))

    def make_optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """SGD."""
        return torch.optim.SGD(
            model.parameters(),
            lr=self.config.learning_rate,
            momentum=self.config.momentum,
            weight_decay=self.config.weight_decay,
        )

    def example_inputs(self, device: torch.device) -> tuple[Any, ...]:
        """Two words."""
        return (torch.zeros(2, 1, dtype=torch.int64, device=device),)

    def loss(self, session: Session, step: int) -> Loss:
        """Of one stretch of this process's streams.

        Summed over the steps and averaged over all streams, as lambda and the learning rate of the
        published configurations assume.
        """
        inputs, targets = (part.to(session.device) for part in self._streams.stretch(step))
        state = detach_state(session.state) if session.state is not None else None
        model = cast("AnyLanguageModel", session.model)
        precision = self.config.product_precision
        total, session.state = sequence_loss(model, inputs, targets, state, precision)
        return Loss(total / self.config.batch_size, total.item(), targets.numel())

    def training_value(self, nats: float, count: int) -> float:
        """Perplexity."""
        return math.exp(min(nats / count, 700.0)) if count else math.nan

    def validate(self, session: Session, between: Callable[[], None]) -> dict[str, float]:
        """Perplexity of the validation split, read in several streams."""
        valid = perplexity(
            cast("AnyLanguageModel", session.model),
            self.corpus.valid,
            self._end,
            batch_size=VALIDATION_STREAMS,
            precision=self.config.product_precision,
            between=lambda *_: between(),
        )
        return {"valid_perplexity": valid}

    def measure(self, model: nn.Module, stop: StopRequest | None = None) -> dict[str, float]:
        """Perplexity of validation and test split: one stream, the state carried throughout."""
        splits = {"valid": self.corpus.valid, "test": self.corpus.test}
        metrics = {}
        for name, words in splits.items():
            with progress_bar(f"{name} perplexity", len(words), "word") as bar:

                def show(done: int, total: int, bar: tqdm[Any] = bar, all_: Tensor = words) -> None:
                    bar.update(len(all_) * done // total - bar.n)
                    if stop is not None and stop.signal_number is not None:
                        raise Interrupted(stop.signal_number, STOPPED_MEASURING)

                language_model = cast("AnyLanguageModel", model)
                metrics[f"{name}_perplexity"] = perplexity(
                    language_model, words, self._end, between=show
                )
        return metrics

    def quick_quality(self, model: nn.Module) -> float:
        """Perplexity of the validation split."""
        return perplexity(cast("AnyLanguageModel", model), self.corpus.valid, self._end)

    def save_artifact(self, folder: Path, card: Card, weights: Mapping[str, Any]) -> Card:
        """With the corpus's words."""
        return artifact.save(folder, card, weights, self.corpus.vocabulary)

    def card_fields(self) -> dict[str, Any]:
        """None."""
        return {}

    @property
    def tokens(self) -> Vocabulary:
        """The words."""
        return self.corpus.vocabulary

    def find_groups(self, model: nn.Module) -> Groups:
        """ISS weight groups; a highway network, of no torch cell, declares its own."""
        if not isinstance(model, RecurrentHighwayNetwork):
            return super().find_groups(model)
        device = next(model.parameters()).device
        return issrnn.declare_groups(model, model.declaration, self.example_inputs(device))

    def expand(self, model: nn.Module, kept: list[list[int]]) -> nn.Module:
        """At the config's sizes again, what live shrinking removed as zeros."""
        return expand_network(cast("AnyLanguageModel", model), kept, self.config.hidden_sizes)


def _language_model(architecture: Architecture) -> LanguageModelArchitecture:
    if not isinstance(architecture, LanguageModelArchitecture):
        raise ValueError(f"a {architecture.kind} is no language model")
    return architecture
