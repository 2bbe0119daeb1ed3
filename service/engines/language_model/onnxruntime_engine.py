"""The default engine of language models: onnxruntime, in fp32 or with int8 weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from issrnn.architecture import LanguageModelArchitecture
from issrnn.artifact import Weights
from service.engines.language_model.chunks import Chunk, PaddedResult, Scored, pad, split
from service.engines.language_model.graph import build_graph
from service.engines.onnx_engine import OnnxEngine
from service.engines.states import state_names, state_sizes

__all__ = ["OnnxruntimeEngine"]


class OnnxruntimeEngine(OnnxEngine):
    """Runs the graph of `build_graph`.

    In int8, activations are quantised for each batch: an answer then depends slightly on what it is
    batched with. onnxruntime quantises LSTM layers, the softmax layer, and the products of a
    highway layer, whose state is quantised anew for each of its steps; biases, gates and the state
    itself stay fp32, as do GRU and RNN layers. The embedding is a look-up and stays fp32.

    In fp32 the graph holds tied weights once, as word vectors. onnxruntime packs a copy for the
    product, as it does of all weights; transposed ones would take as much memory again.
    """

    def __init__(
        self,
        architecture: LanguageModelArchitecture,
        weights: Weights,
        threads: int,
        *,
        int8: bool,
        profile: Path | None = None,
    ) -> None:
        """Build the graph and the session.

        Args:
            architecture: Kind and sizes.
            weights: They are copied.
            threads: Threads of one call, the calling one included.
            int8: Quantise.
            profile: As `service.engines.onnx_session.create_session` takes it.
        """
        self._state_sizes = state_sizes(architecture)
        self._state_names = state_names(architecture)
        if int8:  # what is looked up stays fp32, so that tied weights are needed in both forms
            weights = {"decoder.weight": weights["embedding.weight"], **weights}
        super().__init__(
            partial(build_graph, architecture, weights),
            threads,
            quantised=["MatMul", "LSTM"] if int8 else None,
            profile=profile,
        )
        self._outputs = [
            "log_probs",
            *(f"{name}_after" for name in self._state_names),
            "top_log_probs",
            "top_ids",
        ]

    def compute(self, items: Sequence[Chunk]) -> list[Scored]:
        """Score chunks together."""
        batch = pad(items, self._state_sizes)
        feeds = {
            "inputs": batch.inputs,
            "lengths": batch.lengths,
            "positions": batch.positions,
            "targets": batch.targets,
            "top_k": np.array([batch.top_k], dtype=np.int64),
            **dict(zip(self._state_names, batch.state, strict=True)),
        }
        log_probs, *state, top_log_probs, top_ids = self.session.run(self._outputs, feeds)
        if not batch.top_k:
            top_log_probs = np.zeros((len(log_probs), 0), dtype=np.float32)
            top_ids = np.zeros((len(log_probs), 0), dtype=np.int64)
        return split(PaddedResult(log_probs, tuple(state), top_ids, top_log_probs), items)
