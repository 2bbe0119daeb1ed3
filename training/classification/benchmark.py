"""Time and memory of a sparse training step: masks over dense weights against sparse kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from issrnn.set_masks import SparseEvolution
from training.classification.config import ClassificationConfig
from training.classification.network import build_network
from training.classification.sparse_step import SparseClassifier
from training.step import update_
from training.tables.markdown import markdown_table
from training.timing import time_in_turn

__all__ = ["WAYS", "SparseStep", "SparseWorkload", "sparse_steps_table", "time_sparse_steps"]

_DENSE, _CSR = "dense, FastLSTM, bf16", "CSR, fp32"
WAYS: dict[str, dict[str, Any]] = {
    _DENSE: {"recurrent": "fast", "precision": "bf16"},
    "masks, FastLSTM, bf16": {"recurrent": "fast", "precision": "bf16"},
    "masks, FastLSTM, fp32": {"recurrent": "fast", "precision": "fp32"},
    "masks, nn.LSTM, fp32": {"recurrent": "torch", "precision": "fp32"},
    _CSR: {"recurrent": "torch", "precision": "fp32"},
}
"""What is compared, and the settings of each; the first keeps all weights."""

_CLIP = 5.0

Batch = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class SparseWorkload:
    """One mini-batch of a classifier with one LSTM layer."""

    hidden_size: int = 128
    """Units, and length of a word vector."""
    epsilon: float = 4.7
    """As in `SparseEvolution`."""
    vocabulary_size: int = 20_000
    batch_size: int = 64
    """Texts."""
    words: int = 230
    """Of each text; about the mean of IMDB's, cut at 400."""
    rounds: int = 10
    """Times each way is measured, in turn with the others."""


@dataclass(frozen=True)
class SparseStep:
    """What a step takes one way."""

    hidden_size: int
    epsilon: float
    density: float
    """Share of the weights of the embedding and the LSTM that exist."""
    way: str
    milliseconds: float
    """Median."""
    megabytes: float
    """Of weights, gradients, Adam's moments, and masks or places of weights."""


def time_sparse_steps(
    workload: SparseWorkload, between: Callable[[], object] | None = None
) -> list[SparseStep]:
    """Time whole training steps of all `WAYS`: forward, backward, clip, Adam.

    Learning rate 0 keeps the weights, and so the work, the same.

    Args:
        workload: Sizes.
        between: Called after each call.
    """
    batch = _make_batch(workload)
    calls: dict[str, Callable[[], object]] = {}
    megabytes: dict[str, float] = {}
    densities = dict.fromkeys(WAYS, 1.0)
    for way, settings in WAYS.items():
        config = ClassificationConfig(
            preset="benchmark",
            variant="dense",
            embedding_size=workload.hidden_size,
            hidden_sizes=(workload.hidden_size,),
            keep=0.5,
            epochs=1,
            flat_epochs=1,
            decay=0.5,
            clip=_CLIP,
            **settings,
        )
        network = build_network(config, config.architecture(workload.vocabulary_size)).train()
        model: nn.Module = network
        evolution, places = None, 0
        if way != _DENSE:
            evolution = SparseEvolution(network, epsilon=workload.epsilon)
            masks = evolution.masks
            places = sum(mask.numel() for mask in masks.values())
            densities[way] = sum(evolution.counts.values()) / places
        if way == _CSR:
            sparse = SparseClassifier(network, masks).train()
            model, evolution = sparse, None
            places = sum(matrix.place_bytes for matrix in sparse.matrices.values())
        optimizer = torch.optim.Adam(model.parameters(), foreach=True)
        calls[way] = partial(_step, model, optimizer, batch, evolution)
        weights = sum(p.numel() * p.element_size() for p in model.parameters())
        megabytes[way] = (4 * weights + places) / 1e6
    measured = time_in_turn(calls, workload.rounds, between)
    return [
        SparseStep(
            hidden_size=workload.hidden_size,
            epsilon=workload.epsilon,
            density=densities[times.name],
            way=times.name,
            milliseconds=times.median,
            megabytes=megabytes[times.name],
        )
        for times in measured
    ]


def sparse_steps_table(measured: Sequence[Sequence[SparseStep]]) -> str:
    """Times and memory of each workload, as Markdown."""
    rows = [
        [
            step.way,
            f"{step.hidden_size}",
            f"{step.epsilon:g}",
            f"{step.density:.2%}",
            f"{step.milliseconds:.1f}",
            f"{steps[0].milliseconds / step.milliseconds:.2f}x",
            f"{step.megabytes:.2f}",
        ]
        for steps in measured
        for step in steps
    ]
    columns = ["step", "units", "epsilon", "weights that exist", "median ms"]
    return markdown_table([*columns, "speed-up over dense", "MB of weights and their state"], rows)


def _step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    evolution: SparseEvolution | None,
) -> None:
    tokens, lengths, labels = batch
    torch.autograd.backward(cross_entropy(model(tokens, lengths), labels))
    if evolution is not None:
        evolution.mask_gradients_()
    update_(optimizer, list(model.parameters()), learning_rate=0.0, clip=_CLIP)
    if evolution is not None:
        evolution.mask_weights_()


def _make_batch(workload: SparseWorkload) -> Batch:
    """Random words, the n-th most frequent about 1 / n as often as the first, as in a text."""
    shape = (workload.words, workload.batch_size)
    tokens = (workload.vocabulary_size ** torch.rand(shape)).long() - 1
    lengths = torch.full((workload.batch_size,), workload.words)
    return tokens, lengths, torch.randint(2, (workload.batch_size,))
