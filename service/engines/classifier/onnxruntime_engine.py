"""The default engine of classifiers: onnxruntime, in fp32 or with int8 weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from issrnn.architecture import ClassifierArchitecture
from issrnn.artifact import Weights
from service.engines.base import Floats
from service.engines.classifier.chunks import LabelLogits, PaddedTexts, TextChunk, pad, split
from service.engines.classifier.graph import build_graph
from service.engines.onnx_engine import OnnxEngine
from service.engines.states import state_names

__all__ = ["OnnxruntimeEngine"]


class OnnxruntimeEngine(OnnxEngine):
    """Runs the graph of `build_graph`.

    In int8, LSTM layers have int8 weights and activations that are quantised for each batch: an
    answer then depends slightly on what it is batched with. The embedding is a look-up, and the
    linear layer over a few labels is too small: both stay fp32.
    """

    def __init__(
        self,
        architecture: ClassifierArchitecture,
        weights: Weights,
        threads: int,
        *,
        int8: bool,
        profile: Path | None = None,
    ) -> None:
        """Build the graph and the session.

        Args:
            architecture: All sizes.
            weights: They are copied.
            threads: Threads of one call, the calling one included.
            int8: Quantise.
            profile: As `service.engines.onnx_session.create_session` takes it.
        """
        self._architecture = architecture
        super().__init__(
            partial(build_graph, architecture, weights),
            threads,
            quantised=["LSTM"] if int8 else None,
            profile=profile,
        )
        self._outputs = ["logits", *(f"{name}_after" for name in state_names(architecture))]
        if architecture.pooling != "last":
            self._outputs.append("pooled_after")

    def compute(self, items: Sequence[TextChunk]) -> list[LabelLogits]:
        """Label chunks together."""
        batch = pad(items, self._architecture)
        names = state_names(self._architecture)
        feeds = {
            "words": batch.words,
            "lengths": batch.lengths,
            **dict(zip(names, batch.state, strict=True)),
            **self._pooling_feeds(batch),
        }
        logits, *after = self.session.run(self._outputs, feeds)
        state = tuple(after[: len(names)])
        pooled = batch.pooled if self._architecture.pooling == "last" else after[-1]
        return split(logits, state, pooled, batch)

    def _pooling_feeds(self, batch: PaddedTexts) -> dict[str, Floats]:
        if self._architecture.pooling == "last":
            return {}
        if self._architecture.pooling == "mean":
            return {"pooled": batch.pooled, "read": batch.read}
        is_word = np.arange(len(batch.words))[:, np.newaxis] < batch.lengths  # (T, B)
        padding = np.where(is_word, np.float32(0.0), np.float32(-np.inf))[..., np.newaxis]
        return {"pooled": batch.pooled, "padding": padding}
