"""The reference engine of readers: `issrnn.networks.bidaf` in fp32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from issrnn.architecture import BiDAFArchitecture
from issrnn.artifact import Weights
from issrnn.networks.bidaf import BiDAF, Text
from issrnn.reading.encoding import Encoded
from service.engines.base import EngineName
from service.engines.bidaf.passages import Passage, SpanLogits

__all__ = ["TorchEngine"]


class TorchEngine:
    """Runs `issrnn.networks.bidaf.BiDAF`."""

    name: EngineName = "torch-fp32"

    def __init__(self, architecture: BiDAFArchitecture, weights: Weights, threads: int) -> None:
        """Build the module.

        Args:
            architecture: All sizes.
            weights: They are copied.
            threads: Threads of one call; torch keeps this number for each calling thread, so the
                engine must be made in the thread that runs it.
        """
        torch.set_num_threads(threads)
        self.weight_bytes = sum(weight.nbytes for weight in weights.values())
        self.model = BiDAF(architecture).eval()
        self.model.load_state_dict(
            {name: torch.from_numpy(weight) for name, weight in weights.items()}
        )

    @torch.inference_mode()
    def compute(self, items: Sequence[Passage]) -> list[SpanLogits]:
        """Read passages together."""
        context = _padded([item.context for item in items])
        starts, ends = self.model(context, _padded([item.question for item in items]))  # (T, B)
        return [
            SpanLogits(starts[:length, row].numpy(), ends[:length, row].numpy())
            for row, length in enumerate(context.lengths.tolist())
        ]


def _padded(texts: Sequence[Encoded]) -> Text:
    lengths = [len(text.vectors) for text in texts]
    shape = max(lengths), len(texts)
    vectors = np.zeros((*shape, texts[0].vectors.shape[1]), dtype=np.float32)
    characters = np.zeros((*shape, texts[0].characters.shape[1]), dtype=np.int64)
    for row, (text, length) in enumerate(zip(texts, lengths, strict=True)):
        vectors[:length, row] = text.vectors
        characters[:length, row] = text.characters
    return Text(torch.from_numpy(vectors), torch.from_numpy(characters), torch.tensor(lengths))
