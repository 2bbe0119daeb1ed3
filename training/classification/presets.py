"""Named training runs: classifiers of reviews and tweets, dense, sparse from the start (SET), ISS.

The network and the sparse variant are those of Liu et al. (2019), https://arxiv.org/abs/1901.09208;
epsilon leaves under 4% of the dense network's parameters, as there.
"""

from __future__ import annotations

from typing import Any

from training.classification.config import ClassificationConfig

__all__ = ["CLASSIFICATION_PRESETS"]

_IMDB: dict[str, Any] = {
    "corpus": "imdb",
    "pooling": "mean",
    "keep": 0.4,
    "epochs": 5,
    "flat_epochs": 2,
    "decay": 0.4,
    "clip": 5.0,
}
"""The learning rate falls early: after an epoch at the full one, test accuracy is as often a point
lower as not."""

_SANDERS: dict[str, Any] = {
    "corpus": "sanders",
    "labels": ("negative", "neutral", "positive"),
    "embedding_size": 128,
    "hidden_sizes": (128,),
    "keep": 0.5,
    "batch_size": 32,
    "epochs": 12,
    "flat_epochs": 6,
    "decay": 0.7,
    "clip": 5.0,
    "log_every": 20,
}

_SET: dict[str, Any] = {"zeta": 0.3, "keep": 0.8, "learning_rate": 1e-2, "decay": 0.75}
"""Few weights carry little of a signal, so less of it is dropped and weights move faster: at the
dense network's settings the first epoch learns next to nothing."""

_IMDB_SET: dict[str, Any] = {
    **_SET,
    "epsilon": 4.7,
    "keep": 0.5,
    "average_patience": 0,
    "epochs": 9,
    "flat_epochs": 4,
}
"""Averaged as in Selfish-RNN (Liu et al., 2021), https://arxiv.org/abs/2101.09048."""

_SANDERS_SET: dict[str, Any] = {**_SET, "epsilon": 3.5, "epochs": 20, "flat_epochs": 8}

_ISS: dict[str, Any] = {
    "tau": 4e-4,
    "shrink_every": 50,
}
"""A group begins about 2 long; the learning rate times lambda is what a mini-batch cuts off, so
that a unit that the loss does not hold is soon gone; then the others recover. tau as for the
readers."""

_IMDB_ISS: dict[str, Any] = {
    **_ISS,
    "lambda": 4.0,
    "lambda_epochs": 3,
    "lambda_after": 0.4,
    "epochs": 6,
    "flat_epochs": 3,
}
_SANDERS_ISS: dict[str, Any] = {
    **_ISS,
    "lambda": 10.0,
    "lambda_epochs": 4,
    "epochs": 18,
    "flat_epochs": 10,
}


def _family(stem: str, dense: dict[str, Any], evolving: dict[str, Any], iss: dict[str, Any]) -> Any:
    """The three runs of one corpus."""
    return {
        f"{stem}-dense": {**dense, "variant": "dense"},
        f"{stem}-set": {**dense, **evolving, "variant": "set"},
        f"{stem}-iss": {**dense, **iss, "variant": "iss"},
    }


_SETTINGS: dict[str, dict[str, Any]] = {
    **_family("imdb-lstm", _IMDB, _IMDB_SET, _IMDB_ISS),
    **_family("sanders-lstm", _SANDERS, _SANDERS_SET, _SANDERS_ISS),
}

CLASSIFICATION_PRESETS: dict[str, ClassificationConfig] = {
    name: ClassificationConfig.model_validate({"preset": name, **settings})
    for name, settings in _SETTINGS.items()
}
"""Every preset by its name."""
