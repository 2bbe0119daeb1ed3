"""What a model says of whole texts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from issrnn.networks import Classifier
from training.classification.batches import collate, evaluation_batches
from training.classification.examples import Examples

__all__ = ["predict"]

_WORDS = 16_384
"""Of a batch, so that the longest reviews do not take more memory than training does."""


@torch.no_grad()
def predict(
    model: Classifier, examples: Examples, between: Callable[[int], None] | None = None
) -> NDArray[np.int64]:
    """The likeliest label of each of n texts, (n,).

    Args:
        model: Left in the mode it was in.
        examples: With their whole texts.
        between: Called after each batch with how many texts it had.
    """
    device = next(model.parameters()).device
    found = np.zeros(len(examples), np.int64)
    was_training = model.training
    model.eval()
    try:
        for indices in evaluation_batches(examples, _WORDS):
            tokens, lengths, _ = collate(examples, indices)
            logits = model(tokens.to(device), lengths.to(device))
            found[indices] = logits.argmax(-1).cpu().numpy()
            if between is not None:
                between(len(indices))
    finally:
        model.train(was_training)
    return found
