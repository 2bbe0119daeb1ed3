"""The default engine of readers: onnxruntime, in fp32 or with int8 weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from issrnn.architecture import BiDAFArchitecture
from issrnn.artifact import Weights
from issrnn.reading.encoding import Encoded
from service.engines.base import Floats, Ids, Lengths
from service.engines.bidaf.graph import SCORES, build_graph
from service.engines.bidaf.passages import Passage, SpanLogits
from service.engines.onnx_engine import OnnxEngine

__all__ = ["OnnxruntimeEngine"]


class OnnxruntimeEngine(OnnxEngine):
    """Runs the graph of `build_graph`.

    In int8, LSTM and highway layers have int8 weights and activations that are quantised for each
    batch: an answer then depends slightly on what it is batched with.
    """

    def __init__(
        self,
        architecture: BiDAFArchitecture,
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
        super().__init__(
            partial(build_graph, architecture, weights),
            threads,
            quantised=["MatMul", "LSTM"] if int8 else None,
            leave=SCORES,
            profile=profile,
        )

    def compute(self, items: Sequence[Passage]) -> list[SpanLogits]:
        """Read passages together."""
        texts = [item.context for item in items] + [item.question for item in items]
        feeds = {
            "vectors": np.concatenate([text.vectors for text in texts]),
            "characters": np.concatenate([text.characters for text in texts]),
        }
        starts = np.cumsum([0, *(len(text.vectors) for text in texts[:-1])])
        for name, of_name in (
            ("context", slice(len(items))),
            ("question", slice(len(items), None)),
        ):
            places, lengths, mask = _padded(texts[of_name], starts[of_name])
            feeds |= {f"{name}_places": places, f"{name}_lengths": lengths, f"{name}_mask": mask}
        first, last = self.session.run(["starts", "ends"], feeds)
        return [
            SpanLogits(first[row, :length], last[row, :length])
            for row, length in enumerate(feeds["context_lengths"].tolist())
        ]


def _padded(texts: Sequence[Encoded], starts: Ids) -> tuple[Ids, Lengths, Floats]:
    """Where each text's words lie, (T, B); how many it has, (B,); and its mask, (B, 1, T)."""
    lengths = np.array([len(text.vectors) for text in texts], dtype=np.int32)
    steps = np.arange(int(lengths.max()))
    is_word = steps < lengths[:, np.newaxis]  # (B, T)
    places = np.where(is_word, steps + starts[:, np.newaxis], 0).T
    mask = np.where(is_word, np.float32(0.0), np.float32(-np.inf))[:, np.newaxis]
    return np.ascontiguousarray(places), lengths, mask
