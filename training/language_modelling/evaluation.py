"""Perplexity: the exponential of the mean negative log-likelihood of every word and ``<eos>``."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from issrnn.networks import State
from training.fast_lstm import Precision
from training.language_modelling.network import AnyLanguageModel, sequence_loss
from training.language_modelling.streams import Streams

__all__ = ["perplexity"]


@torch.no_grad()
def perplexity(
    model: AnyLanguageModel,
    words: Tensor,
    end: int,
    *,
    batch_size: int = 1,
    steps: int = 64,
    precision: Precision = "fp32",
    between: Callable[[int, int], None] | None = None,
) -> float:
    """Perplexity of a split; the first word read is ``<eos>``, the state is carried throughout.

    Args:
        model: Left in the mode it was in.
        words: (N,) int64; every one is predicted once.
        end: Id of ``<eos>``.
        batch_size: With 1 (as published) every word is predicted from all before it. More streams
            are faster, and each starts from a zero state.
        steps: Words a stream advances at a time; does not change the result.
        precision: Of the softmax layer's products.
        between: Called after each stretch with how many are done and how many there are.

    Returns:
        At least 1; infinite if the mean is beyond floating point.
    """
    device = next(model.parameters()).device
    streams = Streams.for_evaluation(words, end, batch_size, steps)
    was_training = model.training
    model.eval()
    total = 0.0
    state: State | None = None
    try:
        for index in range(len(streams)):
            inputs, targets = (part.to(device) for part in streams.stretch(index))
            loss, state = sequence_loss(model, inputs, targets, state, precision)
            total += loss.item()
            if between is not None:
                between(index + 1, len(streams))
    finally:
        model.train(was_training)
    mean = total / len(words)
    return math.exp(mean) if mean < 700 else math.inf
