"""Variational drop-out: masks that hold at all time steps of a sequence.

Gal and Ghahramani (2016), https://arxiv.org/abs/1512.05287.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["SequenceDropout", "dropout_mask", "word_mask"]


class SequenceDropout(nn.Dropout):
    """`nn.Dropout` of (T, B, H) activations that drops the same units at all T steps."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  # torch's name
        """Drop units while training."""
        if not self.training or self.p == 0:
            return input
        return input * dropout_mask(tuple(input.shape[1:]), self.p, input)


def dropout_mask(shape: tuple[int, ...], probability: float, like: Tensor) -> Tensor:
    """0 with this probability, otherwise what keeps the expectation 1.

    Args:
        shape: Of the mask.
        probability: At least 0, below 1.
        like: Its type and device.
    """
    keep = 1.0 - probability
    return like.new_empty(shape).bernoulli_(keep).div_(keep)


def word_mask(tokens: Tensor, probability: float, like: Tensor) -> Tensor:
    """One draw for each word of a sequence, wherever it occurs.

    Args:
        tokens: (T, B) int64 word ids.
        probability: That a word is dropped; at least 0, below 1.
        like: The mask's type and device.

    Returns:
        (T, B, 1) factors.
    """
    draws = dropout_mask(tuple(tokens.shape), probability, like)
    same = tokens.unsqueeze(1) == tokens.unsqueeze(0)  # (T, T, B)
    first = same.to(torch.uint8).argmax(1)  # (T, B): where the word occurs for the first time
    return draws.gather(0, first).unsqueeze(-1)
