"""The tasks there are: which config and which experiment belong to which."""

from __future__ import annotations

from typing import Any

from training.classification.config import ClassificationConfig
from training.classification.experiment import Classification
from training.config import RunConfig
from training.errors import ConfigError
from training.experiment import Experiment, Paths, Quality
from training.language_modelling.config import LanguageModelConfig
from training.language_modelling.experiment import LanguageModelling
from training.question_answering.config import QuestionAnsweringConfig
from training.question_answering.experiment import QuestionAnswering

__all__ = ["open_experiment", "parse_config", "quality_of"]

_CONFIGS: dict[str, type[RunConfig]] = {
    "score": LanguageModelConfig,
    "answer": QuestionAnsweringConfig,
    "classify": ClassificationConfig,
}

_EXPERIMENTS: dict[str, type[Experiment[Any]]] = {
    "score": LanguageModelling,
    "answer": QuestionAnswering,
    "classify": Classification,
}


def quality_of(config: RunConfig) -> Quality:
    """The figure that tells how good the models of a config's task are."""
    return _EXPERIMENTS[config.task].quality


def parse_config(document: object, where: str) -> RunConfig:
    """The config of any task from JSON values.

    Args:
        document: Parsed JSON; without ``task`` it is a language model's.
        where: Named in the error, such as a file.

    Raises:
        ConfigError: Naming the first field that is wrong.
    """
    task = document.get("task", "score") if isinstance(document, dict) else "score"
    if task not in _CONFIGS:
        raise ConfigError(f"{where}: task: must be one of {', '.join(_CONFIGS)}, not {task!r}")
    return _CONFIGS[task].from_document(document, where)


def open_experiment(config: RunConfig, paths: Paths) -> Experiment[Any]:
    """A config with its data.

    Raises:
        DataError: If they are missing or damaged.
    """
    if isinstance(config, LanguageModelConfig):
        return LanguageModelling.open(config, paths)
    if isinstance(config, QuestionAnsweringConfig):
        return QuestionAnswering.open(config, paths)
    if isinstance(config, ClassificationConfig):
        return Classification.open(config, paths)
    raise ConfigError(f"no task for {type(config).__name__}")
