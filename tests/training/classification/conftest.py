"""Tiny runs of classification."""

from pathlib import Path

import pytest

from tests.training.classification.small_corpora import write_imdb, write_sanders
from training.classification.config import ClassificationConfig
from training.config import override
from training.experiment import Paths
from training.presets import find_preset

TINY_CLASSIFIER = (
    "pooling=max",
    "embedding_size=8",
    "hidden_sizes=6",
    "folds=4",
    "word_minimum=1",
    "batch_size=4",
    "epochs=4",
    "flat_epochs=2",
    "log_every=3",
    "learning_rate=0.02",
    "precision=fp32",
)
"""Overrides that make any preset small."""

TINY_SET = ("epsilon=0.7", "zeta=0.4")
TINY_ISS = (
    *("lambda=2.5", "hidden_sizes=16", "keep=1", "shrink_every=4"),
    *("epochs=10", "flat_epochs=10", "lambda_epochs=9", "lambda_after=0"),
)
"""Overrides under which some units die, and the others learn."""


def tiny_classifier(preset: str = "imdb-lstm-dense", *more: str) -> ClassificationConfig:
    """A preset at toy size."""
    config = override(find_preset(preset), [*TINY_CLASSIFIER, *more])
    assert isinstance(config, ClassificationConfig)
    return config


@pytest.fixture(scope="session")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """Some reviews and tweets, and a place for what is computed from them."""
    folder: Path = tmp_path_factory.mktemp("texts")
    return Paths(write_sanders(write_imdb(folder)), folder / "cache")
