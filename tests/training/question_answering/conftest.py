"""Tiny runs of question answering."""

from pathlib import Path

import pytest

from tests.training.question_answering.small_squad import write_squad, write_vectors
from training.config import override
from training.experiment import Paths
from training.presets import find_preset
from training.question_answering.config import QuestionAnsweringConfig

TINY_READER = (
    "hidden_sizes=6,5,6,5,6,5,6,5",
    "filters=4",
    "character_size=3",
    "character_minimum=1",
    "word_length=8",
    "word_vector_limit=20",
    "batch_size=2",
    "epochs=3",
    "flat_epochs=2",
    "log_every=2",
    "shrink_every=2",
    "learning_rate=0.02",
    "precision=fp32",
)
"""Overrides that make any preset small."""


def tiny_reader(preset: str = "squad-bidaf-dense", *more: str) -> QuestionAnsweringConfig:
    """A preset at toy size."""
    config = override(find_preset(preset), [*TINY_READER, *more])
    assert isinstance(config, QuestionAnsweringConfig)
    return config


@pytest.fixture(scope="session")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """A small SQuAD, its word vectors, and a place for what is computed from them."""
    folder: Path = tmp_path_factory.mktemp("squad")
    return Paths(write_squad(folder), folder / "cache", write_vectors(folder))
