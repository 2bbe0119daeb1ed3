"""Which traffic is compared, and which models answer it."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadtests.tasks import TASKS, TaskName

__all__ = ["MIX", "Contender", "Scenario", "choose_scenarios", "parse_mix", "parse_models"]

_LOG = logging.getLogger("loadtests")

MIX = "mix"


@dataclass(frozen=True)
class Contender:
    """What is compared under one scenario: a model for each of its tasks."""

    name: str
    """The model's name; in a mix the variant that the models have in common, such as ``iss``."""
    models: dict[TaskName, str]
    host: str = ""
    """Base URL of the service that answers."""


@dataclass(frozen=True)
class Scenario:
    """One kind of traffic."""

    name: str
    """The task, or ``mix``."""
    weights: dict[TaskName, float]
    """How often each task is asked, against the others."""
    contenders: tuple[Contender, ...]
    """The first is the one the others are compared with."""

    @property
    def mixed(self) -> bool:
        """Whether there is more than one task."""
        return len(self.weights) > 1


def choose_scenarios(
    models: Sequence[dict[str, Any]],
    wanted: Sequence[str] | None = None,
    variants: Sequence[str] | None = None,
    mix: Mapping[TaskName, float] | None = None,
) -> list[Scenario]:
    """One scenario for each task, and one of all of them mixed.

    Args:
        models: What ``GET /models/NAME`` says of each.
        wanted: Tasks, and ``mix``; None: all tasks that are served, and the mix if there are
            several.
        variants: Names of the models to compare, in this order; None: all that are ready, dense
            ones first.
        mix: How often each task is asked in the mix; None: equally often.

    Raises:
        ValueError: If something asked for is not served; the message names the option.
    """
    served = _by_task(_select(models, variants))
    if not served:
        raise ValueError(f"the service has no model for {' or '.join(f'/{t}' for t in TASKS)}")
    tasks = [task for task in wanted or served if task != MIX]
    for task in [*tasks, *(mix or {})]:
        if task not in served:
            raise ValueError(f"no model to compare serves /{task}; {_listed(served)}")
    scenarios = [_alone(task, own) for task, own in served.items() if task in tasks]
    mix_wanted = MIX in (wanted or ()) or mix is not None
    if mix_wanted or (wanted is None and len(served) > 1):
        mixed = _mixed(served, mix or dict.fromkeys(served, 1.0))
        if mixed:
            scenarios.append(mixed)
        elif mix_wanted:
            raise ValueError(
                "a mix takes two tasks or more, and a variant (such as dense) that each of them "
                f"has; {_listed(served)}"
            )
        else:
            _LOG.info("not mixed: the tasks have no variant in common; %s", _listed(served))
    if variants:
        _check_all_are_used(variants, scenarios)
    return scenarios


def parse_mix(text: str) -> dict[TaskName, float]:
    """Read how often each task is asked, such as ``score=3,answer=1`` or ``answer=1``.

    Raises:
        ValueError: If a task is unknown or a weight is no number above 0.
    """
    weights: dict[TaskName, float] = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        task = _task(name)
        try:
            weight = float(value)
        except ValueError:
            weight = math.nan
        if task is None or not 0 < weight < math.inf:
            example = ",".join(f"{task}=1" for task in TASKS)
            raise ValueError(f"--mix takes weights above 0 such as {example}, got {text!r}")
        weights[task] = weight
    return weights


def parse_models(text: str, tasks: Collection[TaskName]) -> dict[TaskName, str]:
    """Read the models to ask for: a name if there is one task, ``score=NAME,answer=NAME`` if more.

    Args:
        text: Empty: none, the service chooses.
        tasks: Those that are asked.

    Raises:
        ValueError: If a task is not asked, or it is not said which task a name is for.
    """
    if text and "=" not in text and len(tasks) == 1:
        return dict.fromkeys(tasks, text)
    models: dict[TaskName, str] = {}
    for part in filter(None, text.split(",")):
        name, _, model = part.partition("=")
        task = _task(name)
        if task is None or task not in tasks or not model:
            example = ",".join(f"{task}=NAME" for task in tasks)
            raise ValueError(f"--variant takes the tasks' models as {example}, got {text!r}")
        models[task] = model.strip()
    return models


def _task(name: str) -> TaskName | None:
    return next((task for task in TASKS if task == name.strip()), None)


_Served = dict[TaskName, list[dict[str, Any]]]


def _select(
    models: Sequence[dict[str, Any]], variants: Sequence[str] | None
) -> list[dict[str, Any]]:
    known = {model["name"]: model for model in models}
    if variants is None:
        ready = [model for model in models if model.get("state", "ready") == "ready"]
        return sorted(ready, key=lambda model: model.get("variant") != "dense")
    if missing := [name for name in variants if name not in known]:
        raise ValueError(f"--variants {missing[0]} is not served; there are: {', '.join(known)}")
    return [known[name] for name in variants]


def _by_task(models: Sequence[dict[str, Any]]) -> _Served:
    served = {task: [model for model in models if model["task"] == task] for task in TASKS}
    return {task: own for task, own in served.items() if own}


def _alone(task: TaskName, models: Sequence[dict[str, Any]]) -> Scenario:
    contenders = tuple(Contender(model["name"], {task: model["name"]}) for model in models)
    return Scenario(task, {task: 1.0}, contenders)


def _mixed(served: _Served, weights: Mapping[TaskName, float]) -> Scenario | None:
    """Each variant that all the tasks have; None without such a variant or a second task."""
    first, *others = named = [_first_by_variant(served[task]) for task in weights]
    contenders = tuple(
        Contender(variant, {task: own[variant] for task, own in zip(weights, named, strict=True)})
        for variant in first
        if all(variant in other for other in others)
    )
    return Scenario(MIX, dict(weights), contenders) if others and contenders else None


def _first_by_variant(models: Sequence[dict[str, Any]]) -> dict[str, str]:
    named: dict[str, str] = {}
    for model in models:
        if model.get("variant"):
            named.setdefault(model["variant"], model["name"])
    return named


def _check_all_are_used(variants: Sequence[str], scenarios: Sequence[Scenario]) -> None:
    used = {name for s in scenarios for c in s.contenders for name in c.models.values()}
    for name in variants:
        if name not in used:
            raise ValueError(f"--variants {name} takes no part in what --task asks for")


def _listed(served: _Served) -> str:
    tasks = (
        f"/{task} is served by {', '.join(model['name'] for model in own)}"
        for task, own in served.items()
    )
    return "; ".join(tasks)
