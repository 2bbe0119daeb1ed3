"""What a served network is made of: its kind and sizes, and what follows from them.

Needs no torch, so that a service can check and build a network from its artifact alone.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

__all__ = [
    "BIDAF_LAYERS",
    "GATES",
    "Architecture",
    "BiDAFArchitecture",
    "Cell",
    "ClassifierArchitecture",
    "LanguageModelArchitecture",
    "Pooling",
    "RecurrentHighwayLanguageModel",
    "RecurrentLanguageModel",
]

Cell = Literal["lstm", "gru", "rnn"]

GATES: dict[Cell, int] = {"lstm": 4, "gru": 3, "rnn": 1}
"""Weight blocks of a cell, stacked along axis 0 of torch's ``weight_ih`` and ``weight_hh``."""

Shapes = dict[str, tuple[int, ...]]
"""Name and shape of every weight, in torch's layout (gates stacked along axis 0)."""


class RecurrentLanguageModel(BaseModel):
    """Embedding, stacked recurrent layers of possibly different sizes, softmax layer over words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["recurrent_lm"] = "recurrent_lm"
    cell: Cell = "lstm"
    vocabulary_size: PositiveInt
    embedding_size: PositiveInt
    hidden_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    """Units of each layer, first to last: the ISS sizes."""

    @property
    def token_count(self) -> int:
        """Entries of the tokenizer: words."""
        return self.vocabulary_size

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Module that owns each entry of ``hidden_sizes``."""
        return tuple(f"layers.{layer}" for layer in range(len(self.hidden_sizes)))

    def shapes(self) -> Shapes:
        """Name and shape of every weight."""
        return {
            **_stack_shapes(self),
            "decoder.weight": (self.vocabulary_size, self.hidden_sizes[-1]),
            "decoder.bias": (self.vocabulary_size,),
        }

    def multiply_adds_per_token(self) -> int:
        """Multiply-adds of all matrix products for one token (the embedding is a look-up)."""
        return sum(
            shape[0] * shape[1]
            for name, shape in self.shapes().items()
            if len(shape) == 2 and name != "embedding.weight"
        )


class RecurrentHighwayLanguageModel(BaseModel):
    """A recurrent highway layer between word vectors and a softmax layer over words.

    Zilly et al. (2017), https://arxiv.org/abs/1607.03474, with coupled gates (C = 1 - T).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["rhn"] = "rhn"
    vocabulary_size: PositiveInt
    hidden_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1, max_length=1)]
    """The width: units of the highway layer, the only ISS size."""
    depth: PositiveInt
    """Highway steps for each word."""
    embedding_size: PositiveInt | None = None
    """Length of a word vector. None: the word vectors are the weights of the softmax layer as well
    (Press and Wolf, 2017), so their length is the width and gets smaller with it."""

    @property
    def width(self) -> int:
        """Units of the highway layer."""
        return self.hidden_sizes[0]

    @property
    def tied(self) -> bool:
        """Whether the word vectors are the weights of the softmax layer as well."""
        return self.embedding_size is None

    @property
    def token_count(self) -> int:
        """Entries of the tokenizer: words."""
        return self.vocabulary_size

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Module that owns each entry of ``hidden_sizes``."""
        return ("highway",)

    def shapes(self) -> Shapes:
        """Name and shape of every weight; rows of the transform H stand before those of the gate T.

        The input's product enters the first of the highway steps and has no bias of its own.
        """
        inputs = self.embedding_size or self.width
        shapes: Shapes = {
            "embedding.weight": (self.vocabulary_size, inputs),
            "highway.input.weight": (2 * self.width, inputs),
        }
        for step in range(self.depth):
            shapes[f"highway.recurrent.{step}.weight"] = (2 * self.width, self.width)
            shapes[f"highway.recurrent.{step}.bias"] = (2 * self.width,)
        if not self.tied:
            shapes["decoder.weight"] = (self.vocabulary_size, self.width)
        shapes["decoder.bias"] = (self.vocabulary_size,)
        return shapes

    def multiply_adds_per_token(self) -> int:
        """Multiply-adds of all matrix products for one token (the embedding is a look-up)."""
        highway = sum(
            shape[0] * shape[1]
            for name, shape in self.shapes().items()
            if len(shape) == 2 and name.startswith("highway.")
        )
        return highway + self.vocabulary_size * self.width


LanguageModelArchitecture = RecurrentLanguageModel | RecurrentHighwayLanguageModel
"""Every architecture that predicts the next word."""

BIDAF_LAYERS = ("contextual", "modelling.0", "modelling.1", "output")
"""BiDAF's bidirectional LSTM layers, first to last."""


class BiDAFArchitecture(BaseModel):
    """Bidirectional attention flow for question answering (Seo et al., 2017).

    https://arxiv.org/abs/1611.01603, with the output layer of the authors' code, which Wen et al.
    (2018) compress: it reads the attended context, the modelled context, its mean under the start
    distribution, and the product of these two.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["bidaf"] = "bidaf"
    word_vector_size: PositiveInt
    """Length of the frozen word vectors, which are an input."""
    character_count: PositiveInt
    """Characters that are told apart, padding and unknown ones included."""
    character_size: PositiveInt = 8
    """Length of a character vector."""
    filters: PositiveInt = 100
    """Outputs of the convolution over a word's characters."""
    filter_width: PositiveInt = 5
    """Characters a filter sees at once."""
    word_length: PositiveInt = 16
    """Characters of a word that are read."""
    highway_layers: PositiveInt = 2
    hidden_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=8, max_length=8)]
    """Units of each direction, forward before backward, of the layers in `BIDAF_LAYERS`: the ISS
    sizes."""

    @model_validator(mode="after")
    def _filters_fit(self) -> Self:
        if self.word_length < self.filter_width:
            raise ValueError(
                f"word_length {self.word_length} is below filter_width {self.filter_width}"
            )
        return self

    @property
    def token_count(self) -> int:
        """Entries of the tokenizer: characters."""
        return self.character_count

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Module that owns each entry of ``hidden_sizes``."""
        directions = ("forward_lstm", "backward_lstm")
        return tuple(f"{layer}.{direction}" for layer in BIDAF_LAYERS for direction in directions)

    @property
    def word_size(self) -> int:
        """Length of a word's vector and filter outputs together."""
        return self.word_vector_size + self.filters

    @property
    def layer_inputs(self) -> tuple[int, int, int, int]:
        """Length of the input of each layer in `BIDAF_LAYERS`."""
        contextual, first, second, _ = self.layer_outputs
        attended = 4 * contextual
        return self.word_size, attended, first, attended + 3 * second

    @property
    def layer_outputs(self) -> tuple[int, int, int, int]:
        """Length of the output of each layer in `BIDAF_LAYERS`: both directions."""
        sizes = self.hidden_sizes
        return (
            sizes[0] + sizes[1],
            sizes[2] + sizes[3],
            sizes[4] + sizes[5],
            sizes[6] + sizes[7],
        )

    def shapes(self) -> Shapes:
        """Name and shape of every weight; the word vectors are none."""
        contextual, _, second, output = self.layer_outputs
        shapes: Shapes = {
            "characters.embedding.weight": (self.character_count, self.character_size),
            "characters.convolution.weight": (self.filters, self.character_size, self.filter_width),
            "characters.convolution.bias": (self.filters,),
        }
        for layer in range(self.highway_layers):
            for part in ("transform", "gate"):
                shapes[f"highway.{layer}.{part}.weight"] = (self.word_size, self.word_size)
                shapes[f"highway.{layer}.{part}.bias"] = (self.word_size,)
        for part in ("context", "question", "product"):
            shapes[f"attention.{part}"] = (contextual,)
        names = iter(zip(self.layer_names, self.hidden_sizes, strict=True))
        for inputs in self.layer_inputs:
            for _ in range(2):
                name, hidden = next(names)
                shapes |= _recurrent_shapes(name, "lstm", inputs, hidden)
        for name, modelled in (("start", second), ("end", output)):
            shapes[f"{name}.weight"] = (1, 4 * contextual + modelled)
            shapes[f"{name}.bias"] = (1,)
        return shapes

    def multiply_adds_per_token(self) -> int:
        """Multiply-adds for one context word.

        Those of the question, and of the similarity of its words with the context's, depend on its
        length and are left out.
        """
        positions = self.word_length - self.filter_width + 1
        convolution = positions * self.filters * self.character_size * self.filter_width
        matrices = sum(
            shape[0] * shape[1]
            for name, shape in self.shapes().items()
            if len(shape) == 2 and name != "characters.embedding.weight"
        )
        return convolution + matrices


Pooling = Literal["last", "mean", "max"]
"""What a classifier reads of the states of its last layer: that after the last word, their mean, or
the largest value of each unit."""


class ClassifierArchitecture(BaseModel):
    """Embedding, stacked LSTM layers, pooling over the words, linear layer over labels.

    The network of Liu et al. (2019), https://arxiv.org/abs/1901.09208.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["classifier"] = "classifier"
    vocabulary_size: PositiveInt
    embedding_size: PositiveInt
    hidden_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    """Units of each layer, first to last: the ISS sizes."""
    pooling: Pooling
    label_count: Annotated[int, Field(ge=2)]

    @property
    def cell(self) -> Cell:
        """Of all layers."""
        return "lstm"

    @property
    def token_count(self) -> int:
        """Entries of the tokenizer: words."""
        return self.vocabulary_size

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Module that owns each entry of ``hidden_sizes``."""
        return tuple(f"layers.{layer}" for layer in range(len(self.hidden_sizes)))

    def shapes(self) -> Shapes:
        """Name and shape of every weight."""
        return {
            **_stack_shapes(self),
            "output.weight": (self.label_count, self.hidden_sizes[-1]),
            "output.bias": (self.label_count,),
        }

    def multiply_adds_per_token(self) -> int:
        """Multiply-adds for one word, with dense products; the linear layer's come once a text."""
        return sum(
            shape[0] * shape[1]
            for name, shape in self.shapes().items()
            if len(shape) == 2 and name.startswith("layers.")
        )


Architecture = Annotated[
    LanguageModelArchitecture | BiDAFArchitecture | ClassifierArchitecture,
    Field(discriminator="kind"),
]
"""Every architecture an artifact can hold."""


def _stack_shapes(network: RecurrentLanguageModel | ClassifierArchitecture) -> Shapes:
    """Of the embedding and the recurrent layers on it, each of which reads the one before."""
    shapes: Shapes = {"embedding.weight": (network.vocabulary_size, network.embedding_size)}
    inputs = network.embedding_size
    for name, hidden in zip(network.layer_names, network.hidden_sizes, strict=True):
        shapes |= _recurrent_shapes(name, network.cell, inputs, hidden)
        inputs = hidden
    return shapes


def _recurrent_shapes(name: str, cell: Cell, inputs: int, hidden: int) -> Shapes:
    rows = GATES[cell] * hidden
    return {
        f"{name}.weight_ih_l0": (rows, inputs),
        f"{name}.weight_hh_l0": (rows, hidden),
        f"{name}.bias_ih_l0": (rows,),
        f"{name}.bias_hh_l0": (rows,),
    }
