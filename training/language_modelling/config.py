"""The complete, validated description of one training run of a language model."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from issrnn.architecture import Cell, RecurrentLanguageModel
from training.config import RunConfig

__all__ = ["LanguageModelConfig"]


class LanguageModelConfig(RunConfig):
    """One run: everything that decides its result, apart from the machine."""

    task: Literal["score"] = "score"
    corpus: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")] = "ptb"
    """Folder of the corpus in the data directory."""
    vocabulary_limit: PositiveInt | None = None
    """Keep this many of the most frequent words, the rest is ``<unk>``; None keeps all."""

    cell: Cell = "lstm"
    """Kind of recurrent layer."""
    embedding_size: PositiveInt
    """Length of a word vector."""
    init_bound: PositiveFloat
    """Weights start uniform in [-bound, bound]."""

    batch_size: PositiveInt = 20
    """Streams the training split is cut into, read side by side."""
    bptt_steps: PositiveInt
    """Words a stream advances per mini-batch: gradients reach no further back."""
    learning_rate: PositiveFloat = 1.0
    """Of SGD; the loss is summed over the steps and averaged over the streams."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Of SGD."""

    @model_validator(mode="after")
    def _has_such_a_layer(self) -> Self:
        if self.recurrent == "fast" and self.cell != "lstm":
            raise ValueError(f"recurrent 'fast' is an LSTM; cell is {self.cell!r}: use 'torch'")
        return self

    @property
    def has_lstm_layers(self) -> bool:
        """Whether `training.fast_lstm` can compute the recurrent layers."""
        return self.cell == "lstm"

    def architecture(self, vocabulary_size: int) -> RecurrentLanguageModel:
        """Cell and sizes of the network at the start of training."""
        return RecurrentLanguageModel(
            cell=self.cell,
            vocabulary_size=vocabulary_size,
            embedding_size=self.embedding_size,
            hidden_sizes=self.hidden_sizes,
        )
