"""The complete, validated description of one training run of a classifier."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from issrnn.architecture import ClassifierArchitecture, Pooling
from training.classification.preparation import CorpusName
from training.config import RunConfig

__all__ = ["ClassificationConfig"]


class ClassificationConfig(RunConfig):
    """One run: everything that decides its result, apart from the machine."""

    task: Literal["classify"] = "classify"
    corpus: CorpusName = "imdb"
    """Which texts."""
    labels: Annotated[tuple[str, ...], Field(min_length=2)] = ("negative", "positive")
    """Which labels are told apart; texts with others are left out."""
    folds: Annotated[int, Field(ge=3)] = 10
    """Parts that the texts (of IMDB: those for training) are cut into, labels spread evenly."""
    fold: NonNegativeInt = 0
    """The part that is held out: of IMDB for validation; else for testing, and the next one for
    validation."""
    vocabulary_limit: Annotated[int, Field(ge=3)] = 20_000
    """Keep so many of the most frequent words of the texts trained on, the rest is ``<unk>``."""
    word_minimum: PositiveInt = 2
    """Words that occur less often are ``<unk>`` as well."""
    longest: PositiveInt | None = 400
    """Words of a text that are read while training, its last ones; None reads all. Validation and
    test read whole texts."""

    embedding_size: PositiveInt = 128
    """Length of a word vector."""
    hidden_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (128,)
    """Units of each LSTM layer."""
    pooling: Pooling = "max"
    """What is read of the states of the last layer."""
    init_bound: PositiveFloat = 0.1
    """Word vectors start uniform in [-bound, bound]."""

    batch_size: PositiveInt = 64
    """Texts of a mini-batch."""
    learning_rate: PositiveFloat = 1e-3
    """Of Adam; the loss is averaged over the texts."""
    average_patience: NonNegativeInt | None = None
    """Average the weights, and keep and measure the averages, from when the validation figure was
    below its best of more than so many epochs before (NT-ASGD's rule); None: never."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.fold >= self.folds:
            raise ValueError(f"fold must be below folds ({self.folds}), not {self.fold}")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels must be different names")
        return self

    def architecture(self, vocabulary_size: int) -> ClassifierArchitecture:
        """Sizes of the network at the start of training."""
        return ClassifierArchitecture(
            vocabulary_size=vocabulary_size,
            embedding_size=self.embedding_size,
            hidden_sizes=self.hidden_sizes,
            pooling=self.pooling,
            label_count=len(self.labels),
        )
