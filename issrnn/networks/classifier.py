"""A recurrent text classifier: embedding, LSTM layers, pooling, a linear layer over labels."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from issrnn.architecture import ClassifierArchitecture, Pooling

__all__ = ["Classifier", "pool"]


class Classifier(nn.Module):
    """Scores every label of a text.

    Drop-out stands on the non-recurrent connections only: after the embedding, between layers and
    before the linear layer. Each layer is a recurrent module of its own, so that shrinking can give
    each its own size.
    """

    def __init__(
        self,
        architecture: ClassifierArchitecture,
        *,
        dropout: nn.Module | None = None,
        recurrent: Callable[[int, int], nn.LSTM] | None = None,
    ) -> None:
        """Build it with torch's default initial weights.

        Args:
            architecture: All sizes.
            dropout: Drops activations while training; None drops none.
            recurrent: Makes a layer from (input size, hidden size); default: torch's own.
        """
        super().__init__()
        make_layer = recurrent or nn.LSTM
        sizes = (architecture.embedding_size, *architecture.hidden_sizes)
        self.pooling: Pooling = architecture.pooling
        self.embedding = nn.Embedding(architecture.vocabulary_size, architecture.embedding_size)
        self.layers = nn.ModuleList(
            make_layer(inputs, hidden) for inputs, hidden in pairwise(sizes)
        )
        self.output = nn.Linear(sizes[-1], architecture.label_count)
        self.dropout = dropout if dropout is not None else nn.Identity()

    @property
    def architecture(self) -> ClassifierArchitecture:
        """All sizes as they are now, after any shrinking."""
        sizes = tuple(layer.hidden_size for layer in self.layers if isinstance(layer, nn.LSTM))
        return ClassifierArchitecture(
            vocabulary_size=self.embedding.num_embeddings,
            embedding_size=self.embedding.embedding_dim,
            hidden_sizes=sizes,
            pooling=self.pooling,
            label_count=self.output.out_features,
        )

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Score the labels of each text.

        Padding stands after a text's words, where layers that read forwards have left them behind,
        and is left out by the pooling: a text's scores are those it has alone.

        Args:
            tokens: (T, B) int64 word ids of B texts, padded with any.
            lengths: (B,) int64 words of each, at least 1.

        Returns:
            (B, L) logits.
        """
        states = self.embedding(tokens)
        for layer in self.layers:
            states, _ = layer(self.dropout(states))  # (T, B, H)
        logits: Tensor = self.output(self.dropout(pool(states, lengths, self.pooling)))
        return logits


def pool(states: Tensor, lengths: Tensor, pooling: Pooling) -> Tensor:
    """One state a text from those of its words.

    Args:
        states: (T, B, H).
        lengths: (B,) int64 words of each text.
        pooling: How.

    Returns:
        (B, H).
    """
    if pooling == "last":
        return states[lengths - 1, torch.arange(len(lengths), device=lengths.device)]
    steps = torch.arange(len(states), device=lengths.device).unsqueeze(1)
    padding = (steps >= lengths).unsqueeze(-1)  # (T, B, 1)
    if pooling == "mean":
        return states.masked_fill(padding, 0.0).sum(0) / lengths.unsqueeze(1)
    return states.masked_fill(padding, -torch.inf).amax(0)
