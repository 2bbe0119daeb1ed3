"""The perplexity of a text file on an engine: ``python -m service.measure MODEL TEXT``.

The file has one sentence a line, in the model's own form; it is read as one document, each line
followed by ``<eos>``, as ``/score`` with ``carry_state`` reads it. With ``--record`` the figure
goes into the artifact's card, such as an int8 engine's own ``test_perplexity_int8``.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from issrnn.artifact import ArtifactError, load, save
from issrnn.vocabulary import Vocabulary
from service.cores import available_cores
from service.engines import ENGINE_NAMES, Engine, create_engine
from service.engines.base import Chunk, score_chunks
from service.schemas import ScoreRequest
from service.scoring import encode_texts, to_sequences
from service.settings import Settings

__all__ = ["Measurement", "main", "measure_perplexity"]


@dataclass(frozen=True)
class Measurement:
    """A text's perplexity."""

    perplexity: float
    token_count: int
    unknown_count: int
    seconds: float


def measure_perplexity(
    engine: Engine, vocabulary: Vocabulary, lines: list[str], chunk_steps: int
) -> Measurement:
    """Score lines as one document, chunk by chunk, as the service does.

    Args:
        engine: What computes.
        vocabulary: Of the model.
        lines: Sentences in the model's own form.
        chunk_steps: Steps of a chunk; an int8 engine's answers depend slightly on them.
    """
    request = ScoreRequest(texts=lines, pretokenized=True, carry_state=True)
    texts = encode_texts(request, vocabulary)
    [sequence] = to_sequences(texts, vocabulary, carry_state=True)
    started = time.perf_counter()
    state, log_prob = None, 0.0
    for start in range(0, len(sequence.inputs), chunk_steps):
        steps = slice(start, start + chunk_steps)
        chunk = Chunk(sequence.inputs[steps], sequence.targets[steps], state)
        [scored] = score_chunks(engine, [chunk])
        state = scored.state
        log_prob += float(scored.log_probs.sum(dtype="float64"))
    count = len(sequence.inputs)
    return Measurement(
        perplexity=math.exp(-log_prob / count),
        token_count=count,
        unknown_count=sum(text.unknown_count for text in texts),
        seconds=time.perf_counter() - started,
    )


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, and record if asked to.

    Returns:
        0, or 1 after one line on standard error.
    """
    parser = argparse.ArgumentParser(prog="python -m service.measure", description=__doc__)
    parser.add_argument("model", type=Path, help="artifact folder")
    parser.add_argument("text", type=Path, help="one sentence a line, in the model's own form")
    parser.add_argument("--engine", choices=ENGINE_NAMES, default="onnxruntime-fp32")
    parser.add_argument("--threads", type=_positive, default=len(available_cores()))
    parser.add_argument("--record", metavar="METRIC", type=_metric, help="write it into the card")
    options = parser.parse_args(arguments)
    try:
        artifact = load(options.model)
        lines = options.text.read_text(encoding="utf-8").splitlines()
        if not lines:
            raise ValueError(f"{options.text} is empty")
        engine = create_engine(options.engine, artifact, options.threads)
        steps = int(Settings.model_fields["chunk_steps"].default)
        found = measure_perplexity(engine, artifact.vocabulary, lines, steps)
        sys.stdout.write(
            f"{artifact.card.name} on {engine.name}: perplexity {found.perplexity:.3f} "
            f"over {found.token_count} tokens ({found.unknown_count} unknown), "
            f"{found.seconds:.1f} s on {options.threads} threads\n"
        )
        if options.record:
            metrics = artifact.card.metrics | {options.record: round(found.perplexity, 4)}
            card = artifact.card.model_copy(update={"metrics": metrics})
            save(options.model, card, artifact.weights, artifact.vocabulary)
    except (ArtifactError, ImportError, OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _metric(text: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", text):
        raise argparse.ArgumentTypeError(
            "must be letters, digits and _, such as test_perplexity_int8"
        )
    return text


if __name__ == "__main__":
    sys.exit(main())
