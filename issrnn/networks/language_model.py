"""The stacked recurrent language model of Zaremba et al. (2014), https://arxiv.org/abs/1409.2329."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from issrnn.architecture import Cell, RecurrentLanguageModel
from issrnn.networks.dropout import word_mask

__all__ = ["LanguageModel", "State"]

State = tuple[Any, ...]
"""One entry a layer: ``(h, c)`` for LSTM, ``h`` for GRU and RNN, each of shape (1, B, H)."""

_CELLS: dict[Cell, Callable[[int, int], nn.RNNBase]] = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "rnn": nn.RNN,
}


class LanguageModel(nn.Module):
    """Predicts the next word at every step.

    Drop-out stands on the non-recurrent connections only: after the embedding and after each layer.
    Each layer is a recurrent module of its own, so that shrinking can give each its own size.
    """

    def __init__(
        self,
        architecture: RecurrentLanguageModel,
        *,
        dropout: float = 0.0,
        recurrent: Callable[[int, int], nn.RNNBase] | None = None,
    ) -> None:
        """Build it with torch's default initial weights.

        Args:
            architecture: Cell and sizes.
            dropout: Probability that an activation is dropped while training.
            recurrent: Makes a layer from (input size, hidden size); default: torch's own.
        """
        super().__init__()
        make_layer = recurrent or _CELLS[architecture.cell]
        sizes = (architecture.embedding_size, *architecture.hidden_sizes)
        self.cell = architecture.cell
        self.embedding = nn.Embedding(architecture.vocabulary_size, architecture.embedding_size)
        self.layers = nn.ModuleList(
            make_layer(inputs, hidden) for inputs, hidden in pairwise(sizes)
        )
        self.decoder = nn.Linear(sizes[-1], architecture.vocabulary_size)
        self.dropout: nn.Module = nn.Dropout(dropout)
        self.word_dropout = 0.0
        """Probability that a word is dropped while training, wherever a sequence has it."""

    @property
    def architecture(self) -> RecurrentLanguageModel:
        """Cell and sizes as they are now, after any shrinking."""
        return RecurrentLanguageModel(
            cell=self.cell,
            vocabulary_size=self.embedding.num_embeddings,
            embedding_size=self.embedding.embedding_dim,
            hidden_sizes=tuple(int(layer.hidden_size) for layer in self._recurrent_layers()),
        )

    @property
    def decoder_weight(self) -> Tensor:
        """Weights of the softmax layer, (V, H)."""
        return self.decoder.weight

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Score every next word.

        Args:
            tokens: (T, B) int64 word ids.
            state: What an earlier call returned; zeros if None.

        Returns:
            (T, B, V) logits, and the state after the last step.
        """
        features, state = self.features(tokens, state)
        return self.decoder(features), state

    def features(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """The input of the softmax layer, (T, B, H), and the state after the last step."""
        entries: Sequence[Any] = state if state is not None else (None,) * len(self.layers)
        vectors = self.embedding(tokens)
        if self.training and self.word_dropout:
            vectors = vectors * word_mask(tokens, self.word_dropout, vectors)
        activations = self.dropout(vectors)
        final = []
        for layer, entry in zip(self.layers, entries, strict=True):
            activations, entry_after = layer(activations, entry)
            activations = self.dropout(activations)
            final.append(entry_after)
        return activations, tuple(final)

    @torch.no_grad()
    def initialise_uniform_(self, bound: float) -> None:
        """Draw every parameter from U(-bound, bound), biases of recurrent layers to zero."""
        for name, parameter in self.named_parameters():
            if "bias" in name:
                parameter.zero_()
            else:
                parameter.uniform_(-bound, bound)

    def _recurrent_layers(self) -> list[nn.RNNBase]:
        return [layer for layer in self.layers if isinstance(layer, nn.RNNBase)]
