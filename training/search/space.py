"""What a search tries: values or ranges of fields of a config, and the trials they make."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from training.config import RunConfig, override
from training.errors import ConfigError

__all__ = ["Range", "Trial", "Values", "draw_trials", "parse_space"]

_DRAWS = 100
"""For each trial that is asked for: what then has not been drawn is rare, or not there."""


@dataclass(frozen=True)
class Values:
    """Some values of a field."""

    field: str
    texts: tuple[str, ...]
    """As ``--set`` takes them, but with slashes where it takes commas."""

    def draw(self, chance: random.Random) -> str:
        """One of them."""
        return chance.choice(self.texts)


@dataclass(frozen=True)
class Range:
    """All values of a field between two."""

    field: str
    low: float
    high: float
    logarithmic: bool
    """Each factor is as likely, rather than each difference."""
    whole: bool
    """Whole numbers only."""

    def draw(self, chance: random.Random) -> str:
        """One of them, with three digits if it is not whole."""
        if self.logarithmic:
            value = math.exp(chance.uniform(math.log(self.low), math.log(self.high)))
        else:
            value = chance.uniform(self.low, self.high)
        return str(round(value)) if self.whole else f"{value:.3g}"


@dataclass(frozen=True)
class Trial:
    """One run of a search."""

    name: str
    """Folder of the run: says what was tried, so that a search with more values finds it again."""
    config: RunConfig


def parse_space(text: str) -> Values | Range:
    """What ``--try`` says: ``lambda=0.002,0.003``, ``keep=uniform:0.5:0.8``, ``tau=log:1e-5:1e-3``.

    A range between whole numbers holds whole numbers. Values of a field that is a list are written
    with slashes: ``hidden_sizes=100/100,200/200``.

    Raises:
        ConfigError: If it says something else.
    """
    field, separator, what = text.partition("=")
    if not separator or not what:
        raise ConfigError(f"--try {text}: write it as field=value,value or field=log:low:high")
    kind, *bounds = what.split(":")
    if not bounds:
        return Values(field.strip(), tuple(value.strip() for value in what.split(",")))
    try:
        low, high = map(float, bounds)
    except ValueError:
        low, high = math.nan, math.nan
    if kind not in ("log", "uniform") or not low < high or (kind == "log" and low <= 0):
        raise ConfigError(
            f"--try {text}: write a range as log:low:high, low above 0, or uniform:low:high"
        )
    whole = all(bound.isdecimal() for bound in bounds)
    return Range(field.strip(), low, high, kind == "log", whole)


def draw_trials(
    config: RunConfig, spaces: Sequence[Values | Range], count: int | None, seed: int
) -> list[Trial]:
    """The trials of a search: the same for the same arguments.

    Args:
        config: Of all that is not tried.
        spaces: What is tried.
        count: How many trials, at random, or as many different ones as there are (of ranges: as
            are found); None takes every combination of values.
        seed: Of the random choice.

    Raises:
        ConfigError: If a field is unknown or is there twice or a value does not fit, or ranges
            need a ``count``.
    """
    fields = [space.field for space in spaces]
    for field in fields:
        if fields.count(field) > 1:
            raise ConfigError(f"--try {field} is there twice: give all its values in one --try")
    chance = random.Random(seed)
    values = [space for space in spaces if isinstance(space, Values)]
    combinations = list(dict.fromkeys(itertools.product(*(space.texts for space in values))))
    if len(values) < len(spaces):
        if count is None:
            raise ConfigError("--trials says how many to draw from a range")
        combinations = _draw_different(spaces, count, chance)
    elif count is not None:
        combinations = chance.sample(combinations, min(count, len(combinations)))
    return [
        _trial(config, dict(zip(fields, combination, strict=True))) for combination in combinations
    ]


def _draw_different(
    spaces: Sequence[Values | Range], count: int, chance: random.Random
) -> list[tuple[str, ...]]:
    """Different combinations: so many, or fewer where that many draws find no more."""
    drawn: dict[tuple[str, ...], None] = {}
    for _ in range(_DRAWS * count):
        drawn[tuple(space.draw(chance) for space in spaces)] = None
        if len(drawn) == count:
            break
    return list(drawn)


def _trial(config: RunConfig, settings: dict[str, str]) -> Trial:
    name = "-".join(f"{field}-{text}" for field, text in settings.items())
    assignments = [f"{field}={text.replace('/', ',')}" for field, text in settings.items()]
    return Trial(re.sub(r"[^\w.+-]", "_", name), override(config, assignments, "--try"))
