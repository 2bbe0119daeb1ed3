"""Engines of classifiers on torch in fp32: the reference, and sparse matrices as they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from issrnn.architecture import ClassifierArchitecture
from issrnn.artifact import Weights
from issrnn.networks import Classifier
from issrnn.networks.classifier import pool
from service.engines.base import EngineName
from service.engines.classifier.chunks import LabelLogits, PaddedTexts, TextChunk, pad, split
from service.engines.classifier.csr_network import CSRClassifier
from service.engines.states import State
from service.engines.torch_layers import run_layers

__all__ = ["TorchEngine"]


class TorchEngine:
    """Runs `issrnn.networks.Classifier`, or the same network with its sparse matrices as CSR."""

    def __init__(
        self,
        architecture: ClassifierArchitecture,
        weights: Weights,
        threads: int,
        *,
        sparse: Collection[str] = (),
    ) -> None:
        """Build the module.

        Args:
            architecture: All sizes.
            weights: They are copied.
            threads: Threads of one call; torch keeps this number for each calling thread, so the
                engine must be made in the thread that runs it.
            sparse: Names of the matrices that are held and computed with as CSR; without any, all
                is dense.
        """
        torch.set_num_threads(threads)
        self._architecture = architecture
        self.model: Classifier | CSRClassifier
        self.name: EngineName
        if sparse:
            self.name = "torch-csr-fp32"
            self.model = CSRClassifier(architecture, weights, sparse)
            self.weight_bytes = self.model.nbytes
        else:
            self.name = "torch-fp32"
            self.model = Classifier(architecture)
            self.model.load_state_dict(
                {name: torch.from_numpy(weight) for name, weight in weights.items()}
            )
            self.weight_bytes = sum(weight.nbytes for weight in weights.values())
        self.model.eval()

    @torch.inference_mode()
    def compute(self, items: Sequence[TextChunk]) -> list[LabelLogits]:
        """Label chunks together."""
        batch = pad(items, self._architecture)
        states, after = self._run(batch)  # (T, B, H)
        here = pool(states, torch.from_numpy(batch.lengths).long(), self._architecture.pooling)
        pooled, features = self._add(batch, here)
        logits = self.model.output(features)
        return split(logits.numpy(), after, pooled.numpy(), batch)

    def _run(self, batch: PaddedTexts) -> tuple[Tensor, State]:
        if isinstance(self.model, CSRClassifier):
            return self.model.run(batch.words, batch.lengths, batch.state)
        vectors = self.model.embedding(torch.from_numpy(batch.words))
        cell = self._architecture.cell
        return run_layers(self.model.layers, cell, vectors, batch.lengths, batch.state)

    def _add(self, batch: PaddedTexts, here: Tensor) -> tuple[Tensor, Tensor]:
        """What is pooled of all words so far, and what the linear layer reads of it, (B, H) each.

        Args:
            batch: Has what was pooled before.
            here: (B, H), pooled over the batch's own words.
        """
        before = torch.from_numpy(batch.pooled)
        if self._architecture.pooling == "last":
            return before, here
        if self._architecture.pooling == "max":
            largest = torch.maximum(before, here)
            return largest, largest
        total = before + here * torch.from_numpy(batch.lengths)[:, None]
        return total, total / torch.from_numpy(batch.read)
