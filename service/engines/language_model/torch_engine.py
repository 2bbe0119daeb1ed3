"""The reference engine of language models: the library's own networks in fp32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from issrnn.architecture import LanguageModelArchitecture, RecurrentHighwayLanguageModel
from issrnn.artifact import Weights
from issrnn.networks import LanguageModel, RecurrentHighwayNetwork
from service.engines.base import EngineName
from service.engines.language_model.chunks import (
    Chunk,
    PaddedBatch,
    PaddedResult,
    Scored,
    pad,
    split,
)
from service.engines.states import State, state_sizes
from service.engines.torch_layers import run_layers

__all__ = ["TorchEngine"]


class TorchEngine:
    """Runs `issrnn.networks.LanguageModel` or `issrnn.networks.RecurrentHighwayNetwork`."""

    name: EngineName = "torch-fp32"

    def __init__(
        self, architecture: LanguageModelArchitecture, weights: Weights, threads: int
    ) -> None:
        """Build the module.

        Args:
            architecture: Kind and sizes.
            weights: They are copied.
            threads: Threads of one call; torch keeps this number for each calling thread, so the
                engine must be made in the thread that runs it.
        """
        torch.set_num_threads(threads)
        self.weight_bytes = sum(weight.nbytes for weight in weights.values())
        self._state_sizes = state_sizes(architecture)
        self.model: LanguageModel | RecurrentHighwayNetwork
        if isinstance(architecture, RecurrentHighwayLanguageModel):
            self.model = RecurrentHighwayNetwork(architecture)
        else:
            self.model = LanguageModel(architecture)
        self.model.eval().load_state_dict(
            {name: torch.from_numpy(weight) for name, weight in weights.items()}
        )

    @torch.inference_mode()
    def compute(self, items: Sequence[Chunk]) -> list[Scored]:
        """Score chunks together."""
        batch = pad(items, self._state_sizes)
        if isinstance(self.model, RecurrentHighwayNetwork):
            outputs, state = _run_highway(self.model, batch)  # (T, B, H)
        else:
            vectors = self.model.embedding(torch.from_numpy(batch.inputs))
            outputs, state = run_layers(
                self.model.layers, self.model.cell, vectors, batch.lengths, batch.state
            )
        features = outputs.flatten(0, 1)[torch.from_numpy(batch.positions)]  # (N, H)
        logits = linear(features, self.model.decoder_weight, self.model.decoder.bias)
        log_probs = torch.log_softmax(logits, dim=-1)  # (N, V)
        targets = torch.from_numpy(batch.targets)
        chosen = log_probs.gather(1, targets[:, None])[:, 0]
        top = log_probs.topk(batch.top_k, dim=-1)
        result = PaddedResult(chosen.numpy(), state, top.indices.numpy(), top.values.numpy())
        return split(result, items)


def _run_highway(model: RecurrentHighwayNetwork, batch: PaddedBatch) -> tuple[Tensor, State]:
    """The highway layer's outputs, and the state after each row's own last step.

    All rows run to the end of the longest; the state is what the layer gives out at each step.
    """
    [before] = batch.state
    vectors = model.embedding(torch.from_numpy(batch.inputs))
    outputs, _ = model.highway(vectors, torch.from_numpy(before))
    return outputs, (outputs[batch.lengths - 1, np.arange(len(before))].numpy(),)
