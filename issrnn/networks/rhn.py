"""The recurrent highway network of Zilly et al. (2017), https://arxiv.org/abs/1607.03474.

As a language model, with the settings Wen et al. (ICLR 2018, section 4.1.2) compress: one layer,
coupled gates, variational drop-out (Gal and Ghahramani, 2016), tied word vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from issrnn.architecture import RecurrentHighwayLanguageModel
from issrnn.declare import Declaration
from issrnn.networks.dropout import dropout_mask, word_mask
from issrnn.networks.language_model import State

__all__ = ["HighwayLayer", "RecurrentHighwayNetwork", "VariationalDropout"]


@dataclass(frozen=True)
class VariationalDropout:
    """Probabilities that something is dropped while training.

    Each mask is drawn once for a call of the network and holds at all its time steps.
    """

    words: float = 0.0
    """A word, wherever it occurs in a sequence."""
    inputs: float = 0.0
    """An entry of the word vectors."""
    state: float = 0.0
    """A unit, where the highway steps read it: the same at all of them."""
    output: float = 0.0
    """A unit, where the softmax layer reads it."""


class HighwayLayer(nn.Module):
    """A recurrent layer of several highway steps for each time step (Zilly et al., Eq. 6 to 9).

    Step l turns the state s into ``h t + s (1 - t)``, where ``h = tanh(R_H s + b_H)`` and
    ``t = sigmoid(R_T s + b_T)``. The first step adds the input's products to both.
    """

    def __init__(self, input_size: int, width: int, depth: int) -> None:
        """Build it with torch's default initial weights.

        Args:
            input_size: Size of an input vector.
            width: Number of units.
            depth: Highway steps for each time step.
        """
        super().__init__()
        # rows of each: those of the transform H, then those of the gate T
        self.input = nn.Linear(input_size, 2 * width, bias=False)
        self.recurrent = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(depth))

    @property
    def width(self) -> int:
        """Number of units as it is now, after any shrinking."""
        return self.steps[0].in_features

    @property
    def steps(self) -> list[nn.Linear]:
        """Weights of each highway step, (2W, W) and (2W,)."""
        return [step for step in self.recurrent if isinstance(step, nn.Linear)]

    def forward(
        self, inputs: Tensor, state: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run over a sequence.

        Args:
            inputs: (T, B, I).
            state: (B, W), before the first step.
            mask: (B, W) factors on the state where the highway steps read it; None for ones.

        Returns:
            The output of every time step (T, B, W), and the state after the last (B, W).
        """
        outputs, steps = [], self.steps
        for of_input in self.input(inputs):  # (B, 2W)
            for number, step in enumerate(steps):
                sums = step(state if mask is None else state * mask)
                if number == 0:
                    sums = sums + of_input
                transform, gate = sums.chunk(2, dim=-1)
                state = torch.lerp(state, transform.tanh(), gate.sigmoid())
            outputs.append(state)
        return torch.stack(outputs), state


class TiedDecoder(nn.Module):
    """The bias of a softmax layer whose weights are the word vectors."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(vocabulary_size))


class RecurrentHighwayNetwork(nn.Module):
    """Predicts the next word at every step; called as `LanguageModel` is."""

    def __init__(
        self,
        architecture: RecurrentHighwayLanguageModel,
        *,
        dropout: VariationalDropout | None = None,
        layer: Callable[[int, int, int], HighwayLayer] = HighwayLayer,
    ) -> None:
        """Build it with torch's default initial weights.

        Args:
            architecture: Sizes.
            dropout: What is dropped while training; nothing if None.
            layer: Makes the recurrent layer from input size, width and depth.
        """
        super().__init__()
        words, width = architecture.vocabulary_size, architecture.width
        inputs = architecture.embedding_size or width
        self.embedding = nn.Embedding(words, inputs)
        self.highway = layer(inputs, width, architecture.depth)
        self.decoder: nn.Linear | TiedDecoder
        self.decoder = TiedDecoder(words) if architecture.tied else nn.Linear(width, words)
        self.dropout = dropout or VariationalDropout()

    @property
    def architecture(self) -> RecurrentHighwayLanguageModel:
        """Sizes as they are now, after any shrinking."""
        tied = isinstance(self.decoder, TiedDecoder)
        return RecurrentHighwayLanguageModel(
            vocabulary_size=self.embedding.num_embeddings,
            hidden_sizes=(self.highway.width,),
            depth=len(self.highway.recurrent),
            embedding_size=None if tied else self.embedding.embedding_dim,
        )

    @property
    def decoder_weight(self) -> Tensor:
        """Weights of the softmax layer, (V, W)."""
        if isinstance(self.decoder, TiedDecoder):
            return self.embedding.weight
        return self.decoder.weight

    @property
    def declaration(self) -> Declaration:
        """The ISS weight groups at the sizes as they are now, for `issrnn.declare_groups`.

        Every highway step carries each unit on, so one component holds the k-th rows and columns
        of all of them, the k-th rows of the input's product, and the k-th column of the softmax
        layer. Where that is tied, it is the k-th column of the word vectors too, and with it goes
        the k-th column of the input's product (Wen et al., section 4.1.2: 46520 weights at width
        830, depth 10 and 10,000 words).
        """
        made = [f"highway.recurrent.{step}" for step in range(len(self.highway.recurrent))]
        slices: list[dict[str, Any]] = [
            {"parameter": f"{name}.weight", "axis": 0, "role": "produces", "blocks": 2}
            for name in ("highway.input", *made)
        ]
        slices += [
            {"parameter": f"{n}.bias", "axis": 0, "role": "produces", "blocks": 2, "counted": False}
            for n in made
        ]
        tied = isinstance(self.decoder, TiedDecoder)
        readers = ("highway.input", "embedding") if tied else ("decoder",)
        slices += [
            {"parameter": f"{name}.weight", "axis": 1, "role": "reads"}
            for name in (*made, *readers)
        ]
        group = {"owner": "highway", "size": self.highway.width, "slices": slices}
        states = [{"owner": "highway", "output": 1}]
        return Declaration.model_validate({"groups": [group], "states": states})

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Score every next word.

        Args:
            tokens: (T, B) int64 word ids.
            state: What an earlier call returned; zeros if None.

        Returns:
            (T, B, V) logits, and the state after the last step: one tensor of (1, B, W).
        """
        features, state = self.features(tokens, state)
        return linear(features, self.decoder_weight, self.decoder.bias), state

    def features(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """The input of the softmax layer, (T, B, W), and the state after the last step."""
        vectors = self.embedding(tokens)
        batch, width = tokens.shape[1], self.highway.width
        before = vectors.new_zeros(batch, width) if state is None else state[0][0]
        mask: Tensor | None = None
        dropout = self.dropout
        if self.training:
            vectors = vectors * word_mask(tokens, dropout.words, vectors)
            vectors = vectors * dropout_mask((batch, vectors.shape[-1]), dropout.inputs, vectors)
            mask = dropout_mask((batch, width), dropout.state, vectors)
        outputs, after = self.highway(vectors, before, mask)
        if self.training:
            outputs = outputs * dropout_mask((batch, width), dropout.output, outputs)
        return outputs, (after.unsqueeze(0),)

    @torch.no_grad()
    def initialise_uniform_(self, bound: float, gate_bias: float = -2.0) -> None:
        """Draw every weight from U(-bound, bound); biases to zero, but those of the gates.

        Args:
            bound: Largest absolute value.
            gate_bias: Below zero the state is carried on rather than transformed at first.
        """
        for name, parameter in self.named_parameters():
            if "bias" in name:
                parameter.zero_()
            else:
                parameter.uniform_(-bound, bound)
        for step in self.highway.steps:
            step.bias[self.highway.width :] = gate_bias
