"""A corpus as parallel streams of words, cut into stretches for truncated backpropagation."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from training.errors import DataError

__all__ = ["IGNORED", "Streams"]

IGNORED = -100
"""Target of padding; `torch.nn.functional.cross_entropy` passes over it."""


class Streams:
    """Words read side by side; stream ``b`` continues from stretch to stretch.

    The words and their successors are cut into ``batch_size`` runs of equal length, one a stream.
    """

    def __init__(self, inputs: Tensor, targets: Tensor, steps: int) -> None:
        """Refer to whole streams.

        Args:
            inputs: (N, B) int64, word read at each position of each stream.
            targets: (N, B) int64, the word after it, or `IGNORED`.
            steps: Positions in a stretch.
        """
        self.inputs = inputs
        self.targets = targets
        self.steps = steps

    def __len__(self) -> int:
        """Number of stretches."""
        return math.ceil(len(self.inputs) / self.steps)

    def stretch(self, index: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets, each (T, B), of one stretch; the last may be shorter."""
        span = slice(index * self.steps, (index + 1) * self.steps)
        return self.inputs[span], self.targets[span]

    def part(self, which: slice) -> Streams:
        """Some of the streams."""
        inputs, targets = self.inputs[:, which], self.targets[:, which]
        return Streams(inputs.contiguous(), targets.contiguous(), self.steps)

    @classmethod
    def for_training(cls, words: Tensor, batch_size: int, steps: int) -> Streams:
        """Whole stretches only: what is left over at the end is not trained on.

        Raises:
            DataError: If the corpus is too short for one stretch.
        """
        length = (len(words) - 1) // batch_size // steps * steps
        if length == 0:
            raise DataError(
                f"{len(words)} words are too few for {batch_size} streams of {steps} steps: "
                "lower batch_size or bptt_steps"
            )
        count = length * batch_size
        inputs = words[:count].view(batch_size, length).t().contiguous()
        targets = words[1 : count + 1].view(batch_size, length).t().contiguous()
        return cls(inputs, targets, steps)

    @classmethod
    def for_evaluation(cls, words: Tensor, start: int, batch_size: int, steps: int) -> Streams:
        """Every word is a target exactly once; the last stream is padded.

        Args:
            words: (N,) int64.
            start: Word read before the first: ``<eos>``.
            batch_size: 1 is the published way; more is faster and starts each stream unprepared.
            steps: Positions in a stretch.
        """
        length = math.ceil(len(words) / batch_size)
        before = torch.cat((words.new_tensor([start]), words[:-1]))
        padding = length * batch_size - len(words)
        inputs = torch.nn.functional.pad(before, (0, padding), value=start)
        targets = torch.nn.functional.pad(words, (0, padding), value=IGNORED)
        return cls(
            inputs.view(batch_size, length).t().contiguous(),
            targets.view(batch_size, length).t().contiguous(),
            steps,
        )
