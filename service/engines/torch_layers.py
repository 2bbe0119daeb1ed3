"""Running stacked torch layers over sequences of several lengths, from a given state on."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from issrnn.architecture import Cell
from service.engines.base import Lengths
from service.engines.states import State

__all__ = ["run_layers"]


def run_layers(
    layers: Iterable[nn.Module], cell: Cell, activations: Tensor, lengths: Lengths, state: State
) -> tuple[Tensor, State]:
    """The last layer's outputs, and the state after each row's own last step.

    Args:
        layers: Of torch's own modules of one layer each.
        cell: Their kind.
        activations: (T, B, I).
        lengths: (B,) steps of each row.
        state: Before the first step.
    """
    steps = torch.from_numpy(lengths).long()
    outputs: Tensor | PackedSequence = activations
    if (steps != len(activations)).any():
        outputs = pack_padded_sequence(activations, steps, enforce_sorted=False)
    entries = iter([torch.from_numpy(entry)[None] for entry in state])
    after: list[Tensor] = []
    for layer in layers:
        if cell == "lstm":
            outputs, of_layer = layer(outputs, (next(entries), next(entries)))
            after.extend(of_layer)
        else:
            outputs, of_layer = layer(outputs, next(entries))
            after.append(of_layer)
    if isinstance(outputs, PackedSequence):
        outputs, _ = pad_packed_sequence(outputs)
    return outputs, tuple(entry[0].numpy() for entry in after)
