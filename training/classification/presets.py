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
    "keep": 0.5,
    "epochs": 6,
    "flat_epochs": 3,
    "decay": 0.5,
    "clip": 5.0,
}

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

_IMDB_SET: dict[str, Any] = {"epsilon": 4.7, "zeta": 0.3, "epochs": 15, "flat_epochs": 10}
_SANDERS_SET: dict[str, Any] = {"epsilon": 3.0, "zeta": 0.3, "epochs": 20, "flat_epochs": 12}
_ISS: dict[str, Any] = {"lambda": 1.0, "shrink_every": 50}


def _family(stem: str, dense: dict[str, Any], evolving: dict[str, Any]) -> Any:
    """The three runs of one corpus."""
    return {
        f"{stem}-dense": {**dense, "variant": "dense"},
        f"{stem}-set": {**dense, **evolving, "variant": "set"},
        f"{stem}-iss": {**dense, **_ISS, "variant": "iss"},
    }


_SETTINGS: dict[str, dict[str, Any]] = {
    **_family("imdb-lstm", _IMDB, _IMDB_SET),
    **_family("sanders-lstm", _SANDERS, _SANDERS_SET),
}

CLASSIFICATION_PRESETS: dict[str, ClassificationConfig] = {
    name: ClassificationConfig.model_validate({"preset": name, **settings})
    for name, settings in _SETTINGS.items()
}
"""Every preset by its name."""
