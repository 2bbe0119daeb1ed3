"""Artifacts of the paper's sizes with random weights: what their speed is, before any training.

``python -m service.untrained FOLDER`` writes those of a task there. Time does not depend on the
weights' values, so that dense and ISS show what removing units is worth in time, and dense and SET
what removing single weights is; their answers mean nothing.
"""

from __future__ import annotations

import argparse
import platform
import string
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np

from issrnn.architecture import (
    Architecture,
    BiDAFArchitecture,
    ClassifierArchitecture,
    RecurrentHighwayLanguageModel,
    RecurrentLanguageModel,
)
from issrnn.artifact import ArtifactError, Card, Provenance, Weights, save
from issrnn.reading.rules import Reading
from issrnn.vocabulary import END, PADDING, UNKNOWN, Vocabulary
from issrnn.word_vectors import WordVectors
from service.schemas import TaskName

__all__ = ["UNTRAINED", "main", "make_all_untrained", "make_untrained"]

_TASKS: dict[str, TaskName] = {"bidaf": "answer", "classifier": "classify"}
_LABELS = ("negative", "positive")
_CHARACTERS = (PADDING, UNKNOWN, *string.ascii_letters, *string.digits, *string.punctuation)


def _language_model(*hidden_sizes: int) -> RecurrentLanguageModel:
    return RecurrentLanguageModel(
        vocabulary_size=10_000, embedding_size=1500, hidden_sizes=hidden_sizes
    )


def _highway_model(width: int) -> RecurrentHighwayLanguageModel:
    return RecurrentHighwayLanguageModel(vocabulary_size=10_000, hidden_sizes=(width,), depth=10)


def _reader(*hidden_sizes: int) -> BiDAFArchitecture:
    return BiDAFArchitecture(
        word_vector_size=100, character_count=len(_CHARACTERS), hidden_sizes=hidden_sizes
    )


def _classifier(hidden: int) -> ClassifierArchitecture:
    return ClassifierArchitecture(
        vocabulary_size=20_000,
        embedding_size=hidden,
        hidden_sizes=(hidden,),
        pooling="mean",
        label_count=len(_LABELS),
    )


UNTRAINED: dict[str, dict[str, Architecture]] = {
    "score": {
        "ptb-lstm-large-dense-untrained": _language_model(1500, 1500),
        "ptb-lstm-large-iss-untrained": _language_model(373, 315),
    },
    "score-rhn": {
        "ptb-rhn-dense-untrained": _highway_model(830),
        **{
            f"ptb-rhn-iss-{width}-untrained": _highway_model(width)
            for width in (726, 517, 403, 328)
        },
    },
    "answer": {
        "squad-bidaf-dense-untrained": _reader(*[100] * 8),
        "squad-bidaf-iss-untrained": _reader(100, 100, 51, 33, 42, 58, 37, 26),
    },
    "classify": {
        "imdb-lstm-dense-untrained": _classifier(128),
        "imdb-lstm-set-untrained": _classifier(128),
    },
    "classify-large": {
        "imdb-lstm-large-dense-untrained": _classifier(1500),
        "imdb-lstm-large-set-untrained": _classifier(1500),
    },
}
"""By task, and by network where a task has two, the models' architectures, the dense one first (Wen
et al., ICLR 2018: the second row of Table 1, all of Table 2, the third row of Table 4; classifiers
of this project's size and of the units of Table 1). A second one of the same sizes is sparse."""

_DENSITY = 0.04
"""Of a sparse classifier; SET-LSTM has less (Liu et al., 2019, https://arxiv.org/abs/1901.09208)."""

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


def make_all_untrained(folder: Path, task: str, *, seed: int = 0) -> list[Card]:
    """Write the artifacts of a task.

    Args:
        folder: Takes one folder a model.
        task: One of those in `UNTRAINED`, which names the network after it where there are two.
        seed: Fixes the weights.

    Returns:
        Their cards, the dense one's first.

    Raises:
        ArtifactError: If one cannot be written.
    """
    dense, *others = UNTRAINED[task].items()
    command = f"python -m service.untrained FOLDER --task {task} --seed {seed}"
    make = partial(make_untrained, folder, seed=seed, command=command)
    cards = [make(*dense)]
    for name, architecture in others:
        if architecture == dense[1]:
            cards.append(make(name, architecture, density=_DENSITY))
        else:
            cards.append(make(name, architecture, dense_hidden_sizes=dense[1].hidden_sizes))
    return cards


def make_untrained(
    folder: Path,
    name: str,
    architecture: Architecture,
    *,
    dense_hidden_sizes: tuple[int, ...] | None = None,
    density: float = 1.0,
    seed: int = 0,
    command: str = "",
) -> Card:
    """Write one artifact with weights from U(-0.04, 0.04), stored as fp16.

    Args:
        folder: Takes the artifact's folder.
        name: Of the model and its folder.
        architecture: All sizes.
        dense_hidden_sizes: Of the dense model; makes this one the ``iss`` variant.
        density: Share of the weights of embedding and layers that are not zero; below 1 makes this
            one the ``set`` variant.
        seed: Fixes the weights.
        command: Told by its card: what makes it again.

    Returns:
        Its card, without metrics and with a note that it is untrained.

    Raises:
        ArtifactError: If it cannot be written.
    """
    begin = time.monotonic()
    generator = np.random.default_rng(seed)
    weights: Weights = {
        weight: generator.random(shape, dtype=np.float32) * np.float32(0.08) - np.float32(0.04)
        for weight, shape in architecture.shapes().items()
    }
    for weight, array in weights.items():
        if density < 1.0 and array.ndim == 2 and not weight.startswith("output."):
            array[generator.random(array.shape, dtype=np.float32) >= density] = 0.0
    task = _TASKS.get(architecture.kind, "score")
    card = Card(
        name=name,
        task=task,
        variant=_variant(dense_hidden_sizes, density),
        architecture=architecture,
        dense_hidden_sizes=dense_hidden_sizes,
        reading=Reading() if task == "answer" else None,
        labels=_LABELS if task == "classify" else None,
        weights_dtype="float16",
        metrics={},
        provenance=Provenance(
            preset="untrained",
            command=command,
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
    if isinstance(architecture, BiDAFArchitecture):
        vectors = _word_vectors(architecture.word_vector_size)
        return save(folder / name, card, weights, Vocabulary(_CHARACTERS), vectors)
    special = PADDING if task == "classify" else END
    return save(folder / name, card, weights, _vocabulary(special, architecture.vocabulary_size))


def _variant(dense_hidden_sizes: tuple[int, ...] | None, density: float) -> str:
    if density < 1.0:
        return "set"
    return "dense" if dense_hidden_sizes is None else "iss"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns 2 after an error, which it has named."""
    parser = argparse.ArgumentParser(prog="python -m service.untrained", description=__doc__)
    parser.add_argument("folder", type=Path, help="takes one folder a model, up to 170 MB in all")
    parser.add_argument("--task", choices=list(UNTRAINED), default="score", help="and network")
    parser.add_argument("--seed", type=int, default=0, help="fixes the weights (default 0)")
    options = parser.parse_args(arguments)
    try:
        for card in make_all_untrained(options.folder, options.task, seed=options.seed):
            sizes = card.architecture.hidden_sizes
            sys.stdout.write(f"{options.folder / card.name}: untrained, ISS sizes {sizes}\n")
    except ArtifactError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _vocabulary(special: str, size: int) -> Vocabulary:
    words = dict.fromkeys((special, UNKNOWN, "N", *_COMMON_WORDS.split()))
    numbered = (f"word{number}" for number in range(size))
    return Vocabulary((*words, *numbered)[:size])


def _word_vectors(size: int) -> WordVectors:
    words = tuple(dict.fromkeys(_COMMON_WORDS.split()))
    vectors = np.random.default_rng(0).standard_normal((len(words), size))
    return WordVectors(f"untrained-{size}d", words, vectors.astype(np.float16))


if __name__ == "__main__":
    sys.exit(main())
