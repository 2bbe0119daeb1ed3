"""Bidirectional attention flow (Seo et al., 2017), https://arxiv.org/abs/1611.01603."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from issrnn.architecture import BiDAFArchitecture

__all__ = ["BiDAF", "BidirectionalLSTM", "Text", "reversal"]


@dataclass(frozen=True, eq=False)
class Text:
    """Words of several texts side by side, padded to the longest."""

    vectors: Tensor
    """(T, B, W) word vectors."""
    characters: Tensor
    """(T, B, C) int64 characters of each word, 0 where it has ended."""
    lengths: Tensor
    """(B,) int64 words of each text, at least 1."""

    def to(self, device: torch.device) -> Text:
        """The same on a device."""
        return Text(self.vectors.to(device), self.characters.to(device), self.lengths.to(device))


class BiDAF(nn.Module):
    """Scores every word of a context as the first and as the last one of the answer.

    Drop-out stands where the authors' code has it: before the convolution, before each LSTM and
    before the two output layers.
    """

    def __init__(
        self,
        architecture: BiDAFArchitecture,
        *,
        dropout: nn.Module | None = None,
        recurrent: Callable[[int, int, int], BidirectionalLSTM] | None = None,
    ) -> None:
        """Build it with torch's default initial weights.

        Args:
            architecture: All sizes.
            dropout: Drops activations while training; None drops none.
            recurrent: Makes a layer from input size, forward size and backward size; default:
                `BidirectionalLSTM`.
        """
        super().__init__()
        self._built_as = architecture
        word_size = architecture.word_size
        contextual, _, second, output = architecture.layer_outputs
        attended = 4 * contextual
        make_layer = recurrent or BidirectionalLSTM
        sizes = architecture.hidden_sizes
        layers = [
            make_layer(inputs, *directions)
            for inputs, *directions in zip(
                architecture.layer_inputs, sizes[::2], sizes[1::2], strict=True
            )
        ]
        self.dropout = dropout if dropout is not None else nn.Identity()
        self.characters = _CharacterCNN(architecture, self.dropout)
        self.highway = nn.ModuleList(
            _Highway(word_size) for _ in range(architecture.highway_layers)
        )
        self.contextual = layers[0]
        self.attention = _Attention(contextual)
        self.modelling = nn.ModuleList(layers[1:3])
        self.output = layers[3]
        self.start = nn.Linear(attended + second, 1)
        self.end = nn.Linear(attended + output, 1)

    @property
    def architecture(self) -> BiDAFArchitecture:
        """All sizes as they are now, after any shrinking of the LSTMs."""
        lstms = [self.get_submodule(name) for name in self._built_as.layer_names]
        sizes = tuple(lstm.hidden_size for lstm in lstms if isinstance(lstm, nn.LSTM))
        return self._built_as.model_copy(update={"hidden_sizes": sizes})

    def forward(self, context: Text, question: Text) -> tuple[Tensor, Tensor]:
        """Score the words of each context.

        Args:
            context: B texts of up to T words.
            question: The question on each.

        Returns:
            (T, B) logits of the answer's first word, and of its last; minus infinity at padding.
        """
        padding = _padding(context)
        asked = self.encode(question)
        attended = self.attention(self.encode(context), asked, _padding(question), padding)
        modelled = attended  # (T, B, 8d)
        for layer in self.modelling:
            modelled = layer(self.dropout(modelled), context.lengths)
        start = self._score(self.start, attended, modelled, padding)
        weights = torch.softmax(start, dim=0)  # (T, B)
        mean = (weights.unsqueeze(-1) * modelled).sum(0, keepdim=True).expand_as(modelled)
        found = torch.cat((attended, modelled, mean, modelled * mean), dim=-1)
        found = self.output(self.dropout(found), context.lengths)
        return start, self._score(self.end, attended, found, padding)

    def encode(self, text: Text) -> Tensor:
        """The contextual vector of each word, (T, B, 2d)."""
        words = torch.cat((self.characters(text.characters), text.vectors), dim=-1)
        for layer in self.highway:
            words = layer(words)
        encoded: Tensor = self.contextual(self.dropout(words), text.lengths)
        return encoded

    def _score(
        self, layer: nn.Linear, attended: Tensor, modelled: Tensor, padding: Tensor
    ) -> Tensor:
        features = self.dropout(torch.cat((attended, modelled), dim=-1))
        scores: Tensor = layer(features).squeeze(-1)
        return scores.masked_fill(padding, -torch.inf)


class BidirectionalLSTM(nn.Module):
    """A forward and a backward LSTM, each of its own size, over texts of different lengths."""

    def __init__(self, inputs: int, forward_size: int, backward_size: int) -> None:
        """Build both.

        Args:
            inputs: Length of an input vector.
            forward_size: Units of the one that reads from the first word on.
            backward_size: Units of the one that reads from the last word on.
        """
        super().__init__()
        self.forward_lstm = nn.LSTM(inputs, forward_size)
        self.backward_lstm = nn.LSTM(inputs, backward_size)

    def forward(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Both outputs side by side.

        Args:
            inputs: (T, B, I).
            lengths: (B,) int64 words of each text.

        Returns:
            (T, B, F + R); what stands at padding means nothing.
        """
        backwards = reversal(lengths, len(inputs))
        ahead, _ = self.forward_lstm(inputs)
        back, _ = self.backward_lstm(_reorder(inputs, backwards))
        return torch.cat((ahead, _reorder(back, backwards)), dim=-1)


def reversal(lengths: Tensor, steps: int) -> Tensor:
    """Where to read each text from so that its words come in reverse, padding staying at the end.

    Args:
        lengths: (B,) int64.
        steps: T, at least the longest.

    Returns:
        (T, B) int64 places in the flattened (T * B,); applying it twice changes nothing.
    """
    step = torch.arange(steps, device=lengths.device).unsqueeze(1)
    column = torch.arange(len(lengths), device=lengths.device)
    source = torch.where(step < lengths, lengths - 1 - step, step)
    return source * len(lengths) + column


def _reorder(sequence: Tensor, places: Tensor) -> Tensor:
    return sequence.flatten(0, 1).index_select(0, places.flatten()).view_as(sequence)


def _padding(text: Text) -> Tensor:
    steps = torch.arange(len(text.vectors), device=text.lengths.device).unsqueeze(1)
    return steps >= text.lengths  # (T, B)


class _CharacterCNN(nn.Module):
    """Convolution over a word's characters, then the largest of each filter (Kim, 2014)."""

    def __init__(self, architecture: BiDAFArchitecture, dropout: nn.Module) -> None:
        super().__init__()
        size = architecture.character_size
        self.word_length = architecture.word_length
        self.embedding = nn.Embedding(architecture.character_count, size)
        self.convolution = nn.Conv1d(size, architecture.filters, architecture.filter_width)
        self.dropout = dropout

    def forward(self, characters: Tensor) -> Tensor:
        """(T, B, C) to (T, B, filters)."""
        vectors = self.dropout(self.embedding(characters.flatten(0, 1)))  # (T * B, C, size)
        features: Tensor = self.convolution(vectors.transpose(1, 2)).relu().amax(-1)
        return features.view(*characters.shape[:2], -1)


class _Highway(nn.Module):
    """https://arxiv.org/abs/1505.00387."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.transform = nn.Linear(size, size)
        self.gate = nn.Linear(size, size)

    def forward(self, words: Tensor) -> Tensor:
        gate: Tensor = self.gate(words).sigmoid()
        changed: Tensor = self.transform(words).relu()
        return gate * changed + (1 - gate) * words


class _Attention(nn.Module):
    """Attention in both directions between a context and a question (section 2, layer 4)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        bound = (3 * size) ** -0.5
        self.context = nn.Parameter(torch.empty(size).uniform_(-bound, bound))
        self.question = nn.Parameter(torch.empty(size).uniform_(-bound, bound))
        self.product = nn.Parameter(torch.empty(size).uniform_(-bound, bound))

    def forward(
        self, context: Tensor, question: Tensor, question_padding: Tensor, padding: Tensor
    ) -> Tensor:
        """Context words together with what they attend to.

        Args:
            context: (T, B, H).
            question: (J, B, H).
            question_padding: (J, B) bool.
            padding: (T, B) bool.

        Returns:
            (T, B, 4 * H).
        """
        context_b, question_b = context.transpose(0, 1), question.transpose(0, 1)
        by_context = (context_b * self.context).sum(-1, keepdim=True)  # (B, T, 1)
        by_question = (question_b * self.question).sum(-1).unsqueeze(1)  # (B, 1, J)
        both = (context_b * self.product) @ question_b.transpose(1, 2)  # (B, T, J)
        similarity = (by_context + by_question + both).masked_fill(
            question_padding.t().unsqueeze(1), -torch.inf
        )
        to_question = similarity.softmax(-1) @ question_b  # (B, T, H)
        relevance = similarity.amax(-1).masked_fill(padding.t(), -torch.inf).softmax(-1)  # (B, T)
        to_context = relevance.unsqueeze(1) @ context_b  # (B, 1, H)
        attended = torch.cat(
            (context_b, to_question, context_b * to_question, context_b * to_context), dim=-1
        )
        return attended.transpose(0, 1)
