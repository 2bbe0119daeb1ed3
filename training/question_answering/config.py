"""The complete, validated description of one training run of a question answering model."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from issrnn.architecture import BiDAFArchitecture
from issrnn.reading.rules import Reading
from training.config import RunConfig

__all__ = ["QuestionAnsweringConfig"]


class QuestionAnsweringConfig(RunConfig):
    """One run: everything that decides its result, apart from the machine."""

    task: Literal["answer"] = "answer"
    word_vector_limit: PositiveInt = 100_000
    """Keep the words of the data and the most frequent others, so many in all."""
    character_minimum: PositiveInt = 50
    """Characters that occur less often in the training texts are read as unknown."""
    character_size: PositiveInt = 8
    """Length of a character vector."""
    filters: PositiveInt = 100
    """Outputs of the convolution over a word's characters."""
    filter_width: PositiveInt = 5
    """Characters a filter sees at once."""
    word_length: PositiveInt = 16
    """Characters of a word that are read."""
    hidden_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=8, max_length=8)] = (100,) * 8
    """Units of each direction, forward before backward, of the contextual layer, the two modelling
    layers and the output layer."""

    batch_size: PositiveInt = 60
    """Questions of a mini-batch."""
    learning_rate: PositiveFloat = 1e-3
    """Of Adam; the loss is averaged over the questions."""
    average: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Decay of the running average of the weights, which is what is kept and measured."""
    context_words: PositiveInt = 256
    """Words of a context that are read while training; questions answered later are left out."""
    reading: Reading = Reading()
    """How the trained model reads."""

    @model_validator(mode="after")
    def _filters_fit(self) -> Self:
        if self.word_length < self.filter_width:
            raise ValueError(
                f"word_length {self.word_length} is below filter_width {self.filter_width}: "
                "no filter fits"
            )
        return self

    def architecture(self, word_vector_size: int, character_count: int) -> BiDAFArchitecture:
        """Sizes of the network at the start of training."""
        return BiDAFArchitecture(
            word_vector_size=word_vector_size,
            character_count=character_count,
            character_size=self.character_size,
            filters=self.filters,
            filter_width=self.filter_width,
            word_length=self.word_length,
            hidden_sizes=self.hidden_sizes,
        )
