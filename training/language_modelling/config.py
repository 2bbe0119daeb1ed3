"""The complete, validated description of one training run of a language model."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal, Self, cast

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from issrnn.architecture import (
    Cell,
    LanguageModelArchitecture,
    RecurrentHighwayLanguageModel,
    RecurrentLanguageModel,
)
from training.config import RunConfig
from training.fast_lstm import Precision

__all__ = ["HighwayConfig", "LanguageModelConfig", "StackedConfig"]

Probability = Annotated[float, Field(ge=0, lt=1)]
"""That something is dropped."""


class LanguageModelConfig(RunConfig):
    """What the runs of all language models have in common."""

    task: Literal["score"] = "score"
    corpus: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")] = "ptb"
    """Folder of the corpus in the data directory."""
    vocabulary_limit: Annotated[int, Field(ge=2)] | None = None
    """Words at most, ``<eos>`` and ``<unk>`` included, the most frequent ones; None keeps all."""

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

    weight_decay: NonNegativeFloat = 0.0
    """Of SGD, on every parameter."""

    dropout_words: Probability = 0.0
    """Of a word, wherever a stretch of a stream has it."""

    @abstractmethod
    def architecture(self, vocabulary_size: int) -> LanguageModelArchitecture:
        """Sizes of the network at the start of training."""

    @classmethod
    def from_document(cls, document: object, where: str) -> Self:
        """As `RunConfig.from_document`; which network it is of, its cell tells."""
        if cls is not LanguageModelConfig:
            return super().from_document(document, where)
        cell = document.get("cell") if isinstance(document, dict) else None
        network = HighwayConfig if cell == "rhn" else StackedConfig
        return cast("type[Self]", network).from_document(document, where)


class StackedConfig(LanguageModelConfig):
    """A run of stacked recurrent layers (Zaremba et al., 2014)."""

    cell: Cell = "lstm"
    """Kind of recurrent layer."""
    embedding_size: PositiveInt
    """Length of a word vector."""
    masks: Literal["step", "sequence"] = "step"
    """Drop-out's masks are drawn anew at each step, or once a mini-batch: variational drop-out (Gal
    and Ghahramani, 2016)."""
    weight_drop: Probability = 0.0
    """Of a recurrent weight, drawn once a mini-batch; of LSTMs (Merity et al., 2018)."""

    @model_validator(mode="after")
    def _has_such_a_layer(self) -> Self:
        if self.recurrent == "fast" and self.cell != "lstm":
            raise ValueError(f"recurrent 'fast' is an LSTM; cell is {self.cell!r}: use 'torch'")
        if self.weight_drop and (self.cell != "lstm" or self.recurrent == "torch"):
            raise ValueError("weight_drop is of cell 'lstm' and recurrent 'fast'")
        return self

    def prefers_fast_layers(self, precision: Precision) -> bool:
        """Only LSTMs have them."""
        return self.cell == "lstm" and super().prefers_fast_layers(precision)

    @property
    def needs_fast_layers(self) -> bool:
        """Only they drop weights."""
        return self.weight_drop > 0

    def architecture(self, vocabulary_size: int) -> RecurrentLanguageModel:
        """Cell and sizes of the network at the start of training."""
        return RecurrentLanguageModel(
            cell=self.cell,
            vocabulary_size=vocabulary_size,
            embedding_size=self.embedding_size,
            hidden_sizes=self.hidden_sizes,
        )


class HighwayConfig(LanguageModelConfig):
    """A run of a recurrent highway network (Zilly et al., 2017)."""

    cell: Literal["rhn"] = "rhn"
    """Kind of recurrent layer."""
    hidden_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=1)]
    """The width."""
    depth: PositiveInt
    """Highway steps for each word."""
    embedding_size: PositiveInt | None = None
    """Length of a word vector; None: the softmax layer's weights are the word vectors."""
    gate_bias: float = -2.0
    """Where the biases of the gates T start: below 0 a highway step first carries the state on."""

    dropout_inputs: Probability = 0.0
    """Of an entry of the word vectors. This and the next are drawn once a mini-batch and hold at
    all its steps."""
    dropout_state: Probability = 0.0
    """Of a unit, as the highway steps read it."""
    dropout_output: Probability = 0.0
    """Of a unit, as the softmax layer reads it."""

    @model_validator(mode="after")
    def _drops_out_its_own_way(self) -> Self:
        if self.keep != 1:
            raise ValueError("keep is of stacked layers; a highway network has dropout_words, ...")
        if self.epsilon:
            raise ValueError("epsilon is of stacked layers; a highway layer stays dense")
        return self

    def prefers_fast_layers(self, precision: Precision) -> bool:  # noqa: ARG002  in any
        """Always: the plain layer is a loop of small operations."""
        return True

    def architecture(self, vocabulary_size: int) -> RecurrentHighwayLanguageModel:
        """Sizes of the network at the start of training."""
        return RecurrentHighwayLanguageModel(
            vocabulary_size=vocabulary_size,
            hidden_sizes=self.hidden_sizes,
            depth=self.depth,
            embedding_size=self.embedding_size,
        )
