"""What stacked layers carry from step to step, and sequences side by side as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from issrnn.architecture import (
    ClassifierArchitecture,
    LanguageModelArchitecture,
    RecurrentHighwayLanguageModel,
)
from service.engines.base import Floats, Ids, Lengths

__all__ = ["State", "pad_ids", "stack_states", "state_names", "state_sizes"]

State = tuple[Floats, ...]
"""Layer by layer h and, for LSTM layers, c: each (H,) for one sequence, (B, H) for a batch."""

_Architecture = LanguageModelArchitecture | ClassifierArchitecture


def state_names(architecture: _Architecture) -> tuple[str, ...]:
    """Each entry of a network's state: ``h0`` and, for LSTM layers, ``c0``, ``h1``, ..."""
    entries = _entries(architecture)
    return tuple(
        f"{entry}{layer}" for layer in range(len(architecture.hidden_sizes)) for entry in entries
    )


def state_sizes(architecture: _Architecture) -> tuple[int, ...]:
    """Size of each entry of a network's state."""
    entries = _entries(architecture)
    return tuple(size for size in architecture.hidden_sizes for _ in entries)


def pad_ids(sequences: Sequence[Ids]) -> tuple[Ids, Lengths]:
    """Sequences side by side, (T, B), zero where one has ended; and how long each is, (B,).

    Args:
        sequences: At least one.
    """
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int32)
    padded = np.zeros((int(lengths.max()), len(sequences)), dtype=np.int64)
    for row, sequence in enumerate(sequences):
        padded[: lengths[row], row] = sequence
    return padded, lengths


def stack_states(states: Sequence[State]) -> State:
    """The states of several sequences as that of a batch."""
    return tuple(np.stack(entries) for entries in zip(*states, strict=True))


def _entries(architecture: _Architecture) -> tuple[str, ...]:
    """What a layer carries from step to step."""
    if isinstance(architecture, RecurrentHighwayLanguageModel) or architecture.cell != "lstm":
        return ("h",)
    return "h", "c"
