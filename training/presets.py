"""Every named training run of every task."""

from __future__ import annotations

import difflib

from training.classification.presets import CLASSIFICATION_PRESETS
from training.config import RunConfig
from training.errors import ConfigError
from training.language_modelling.presets import LANGUAGE_MODELLING_PRESETS
from training.question_answering.presets import QUESTION_ANSWERING_PRESETS

__all__ = ["PRESETS", "find_preset"]

PRESETS: dict[str, RunConfig] = {
    **LANGUAGE_MODELLING_PRESETS,
    **QUESTION_ANSWERING_PRESETS,
    **CLASSIFICATION_PRESETS,
}
"""Every preset by its name."""


def find_preset(name: str) -> RunConfig:
    """The preset of this name.

    Raises:
        ConfigError: If there is none; the message names the nearest.
    """
    if name in PRESETS:
        return PRESETS[name]
    near = difflib.get_close_matches(name, PRESETS, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else "`python -m training list` prints them"
    raise ConfigError(f"no preset {name!r}; {hint}")
