"""What a served network is made of: its kind and sizes, and what follows from them.

Needs no torch, so that a service can check and build a network from its artifact alone.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

__all__ = ["GATES", "Architecture", "Cell", "RecurrentLanguageModel"]

Cell = Literal["lstm", "gru", "rnn"]

GATES: dict[Cell, int] = {"lstm": 4, "gru": 3, "rnn": 1}
"""Weight blocks of a cell, stacked along axis 0 of torch's ``weight_ih`` and ``weight_hh``."""


class RecurrentLanguageModel(BaseModel):
    """Embedding, stacked recurrent layers of possibly different sizes, softmax layer over words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["recurrent_lm"] = "recurrent_lm"
    cell: Cell = "lstm"
    vocabulary_size: PositiveInt
    embedding_size: PositiveInt
    hidden_sizes: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    """Units of each layer, first to last: the ISS sizes."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight, in torch's layout (gates stacked along axis 0)."""
        gates = GATES[self.cell]
        shapes: dict[str, tuple[int, ...]] = {
            "embedding.weight": (self.vocabulary_size, self.embedding_size)
        }
        inputs = self.embedding_size
        for layer, hidden in enumerate(self.hidden_sizes):
            shapes[f"layers.{layer}.weight_ih_l0"] = (gates * hidden, inputs)
            shapes[f"layers.{layer}.weight_hh_l0"] = (gates * hidden, hidden)
            shapes[f"layers.{layer}.bias_ih_l0"] = (gates * hidden,)
            shapes[f"layers.{layer}.bias_hh_l0"] = (gates * hidden,)
            inputs = hidden
        shapes["decoder.weight"] = (self.vocabulary_size, inputs)
        shapes["decoder.bias"] = (self.vocabulary_size,)
        return shapes

    def multiply_adds_per_token(self) -> int:
        """Multiply-adds of all matrix products for one token (the embedding is a look-up)."""
        return sum(
            shape[0] * shape[1]
            for name, shape in self.shapes().items()
            if len(shape) == 2 and name != "embedding.weight"
        )


Architecture = RecurrentLanguageModel
"""Every architecture an artifact can hold: a union by ``kind`` once there are more."""
