"""The perplexity of a text file."""

from __future__ import annotations

import math
import time
from pathlib import Path

from issrnn.artifact import Artifact
from service.engines import Engine
from service.engines.language_model import Chunk, Scored
from service.measuring.computing import compute_alone
from service.measuring.measurement import Measurement
from service.settings import Settings
from service.tasks.score.job import ScoreJob
from service.tasks.score.schemas import ScoreRequest
from service.tasks.score.texts import encode_texts, to_sequences

__all__ = ["measure_perplexity"]


def measure_perplexity(
    engine: Engine[Chunk, Scored], artifact: Artifact, path: Path, settings: Settings
) -> Measurement:
    """Score lines as one document, chunk by chunk, as ``/score`` with ``carry_state`` does.

    Args:
        engine: What computes.
        artifact: The model.
        path: One sentence a line, in the model's own form.
        settings: Steps of a chunk; an int8 engine's answers depend slightly on them.

    Raises:
        OSError, ValueError: If the file cannot be read or is empty.
    """
    content = path.read_text(encoding="utf-8-sig")
    if not content:
        raise ValueError(f"{path} is empty")
    lines = content.removesuffix("\n").split("\n")  # as training reads a corpus
    request = ScoreRequest(texts=lines, pretokenized=True, carry_state=True)
    texts = encode_texts(request, artifact.vocabulary)
    sequences = to_sequences(texts, artifact.vocabulary, carry_state=True)
    started = time.perf_counter()
    job = ScoreJob(sequences, chunk_steps=settings.chunk_steps)
    [result] = compute_alone(engine, job, settings)
    count = len(result.log_probs)
    unknown = sum(text.unknown_count for text in texts)
    return Measurement(
        figures={"perplexity": math.exp(-float(result.log_probs.sum(dtype="float64")) / count)},
        subject=f"{count} tokens ({unknown} unknown)",
        seconds=time.perf_counter() - started,
    )
