"""Artifacts of the paper's sizes with random weights: what their speed is, before any training.

``python -m service.untrained FOLDER`` writes `MODELS` there. Time does not depend on the weights'
values, so that the pair shows what removing units is worth in time; their answers mean nothing.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from issrnn.architecture import RecurrentLanguageModel
from issrnn.artifact import ArtifactError, Card, Provenance, Weights, save
from issrnn.vocabulary import END, UNKNOWN, Vocabulary

__all__ = ["MODELS", "main", "make_untrained"]

DENSE_SIZES = (1500, 1500)
MODELS: dict[str, tuple[int, int]] = {
    "ptb-lstm-large-dense-untrained": DENSE_SIZES,
    "ptb-lstm-large-iss-untrained": (373, 315),
}
"""ISS sizes of each model (Wen et al., ICLR 2018, Table 1)."""

VOCABULARY_SIZE = 10_000
EMBEDDING_SIZE = 1500

_COMMON_WORDS = """
the of to a in and 's that for $ is it said on at by as from with million mr. was be are its n't has
an have will he or company which this year would about market they were had but new one more than
who their been stock some trading two other also up shares billion do not last we after his most all
out over when such no any could corp. there sales president if into says first can because i share
inc. only prices many before time years even much so major company could through three them under
you business may rose what world made make fell still then since did against next day while
u.s. york bank co. investors price group week month money interest rates government plan may people
house state city water work early late good small large part four five six like how long told back
"""
"""Frequent words, so that English sentences do not become ``<unk>`` throughout."""


def make_untrained(
    folder: Path,
    name: str,
    hidden_sizes: tuple[int, ...],
    *,
    vocabulary_size: int = VOCABULARY_SIZE,
    embedding_size: int = EMBEDDING_SIZE,
    seed: int = 0,
) -> Card:
    """Write one artifact with weights from U(-0.04, 0.04), stored as fp16.

    Args:
        folder: Takes the artifact's folder.
        name: Of the model and its folder.
        hidden_sizes: Units of each LSTM layer; smaller than 1500 makes it the ``iss`` variant.
        vocabulary_size: Words; frequent English ones come first, the others are numbered.
        embedding_size: Numbers a word.
        seed: Fixes the weights.

    Returns:
        Its card, without metrics and with a note that it is untrained.

    Raises:
        ArtifactError: If it cannot be written.
    """
    begin = time.monotonic()
    architecture = RecurrentLanguageModel(
        vocabulary_size=vocabulary_size, embedding_size=embedding_size, hidden_sizes=hidden_sizes
    )
    generator = np.random.default_rng(seed)
    weights: Weights = {
        weight: generator.random(shape, dtype=np.float32) * np.float32(0.08) - np.float32(0.04)
        for weight, shape in architecture.shapes().items()
    }
    dense = hidden_sizes == DENSE_SIZES
    card = Card(
        name=name,
        task="score",
        variant="dense" if dense else "iss",
        architecture=architecture,
        dense_hidden_sizes=None if dense else DENSE_SIZES,
        weights_dtype="float16",
        metrics={},
        provenance=Provenance(
            preset="untrained",
            command="python -m service.untrained FOLDER",
            seed=seed,
            commit="",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            machine=platform.platform(),
            wall_time_seconds=round(time.monotonic() - begin, 3),
            training={},
            data_sha256={},
            notes="Untrained: random weights, for measuring time only; its answers mean nothing.",
        ),
    )
    return save(folder / name, card, weights, _vocabulary(vocabulary_size))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns 2 after an error, which it has named."""
    parser = argparse.ArgumentParser(prog="python -m service.untrained", description=__doc__)
    parser.add_argument("folder", type=Path, help="takes one folder a model, about 170 MB in all")
    parser.add_argument("--seed", type=int, default=0, help="fixes the weights (default 0)")
    options = parser.parse_args(arguments)
    try:
        for name, sizes in MODELS.items():
            make_untrained(options.folder, name, sizes, seed=options.seed)
            sys.stdout.write(f"{options.folder / name}: untrained, ISS sizes {sizes}\n")
    except ArtifactError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _vocabulary(size: int) -> Vocabulary:
    words = dict.fromkeys((END, UNKNOWN, "N", *_COMMON_WORDS.split()))
    numbered = (f"word{number}" for number in range(size))
    return Vocabulary((*words, *numbered)[:size])


if __name__ == "__main__":
    sys.exit(main())
