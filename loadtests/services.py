"""What several services offer, put side by side: the scenarios of each as one comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from loadtests.scenarios import Contender, Scenario, choose_scenarios
from loadtests.tasks import TaskName

__all__ = ["Served", "choose_across", "models_of"]

Served = Mapping[str, Sequence[dict[str, Any]]]
"""What ``GET /models/NAME`` says of each model, by the base URL of its service."""


def choose_across(
    served: Served,
    wanted: Sequence[str] | None = None,
    variants: Sequence[str] | None = None,
    mix: Mapping[TaskName, float] | None = None,
) -> list[Scenario]:
    """The scenarios of all services, each with the contenders of every service that has it.

    Contenders stand in the order of the services; where several services have one of a name, it is
    called ``NAME at HOST``.

    Args:
        served: At least one service.
        wanted: As `choose_scenarios` takes it, for every service.
        variants: Names of the models to compare, each served by one service or more; None: all.
        mix: As `choose_scenarios` takes it, for every service.

    Raises:
        ValueError: As `choose_scenarios`, or if a service serves none of the variants, or the
            services would be sent different mixes.
    """
    merged: dict[str, Scenario] = {}
    for host in served:
        for scenario in _of_service(served, host, wanted, variants, mix):
            before = merged.get(scenario.name)
            if before and before.weights != scenario.weights:
                raise ValueError(
                    f"{host} does not serve the same tasks as the services before it: say with "
                    "--mix what all are sent"
                )
            here = tuple(replace(each, host=host) for each in scenario.contenders)
            contenders = (*before.contenders, *here) if before else here
            merged[scenario.name] = replace(scenario, contenders=contenders)
    return [
        replace(scenario, contenders=_told_apart(scenario.contenders))
        for scenario in merged.values()
    ]


def models_of(served: Served, scenarios: Sequence[Scenario]) -> list[dict[str, Any]]:
    """The models that take part, each once; with their ``host`` if there are several services."""
    known = {(host, model["name"]): model for host, models in served.items() for model in models}
    used = dict.fromkeys(
        (contender.host, name)
        for scenario in scenarios
        for contender in scenario.contenders
        for name in contender.models.values()
    )
    return [known[host, name] | ({"host": host} if len(served) > 1 else {}) for host, name in used]


def _of_service(
    served: Served,
    host: str,
    wanted: Sequence[str] | None,
    variants: Sequence[str] | None,
    mix: Mapping[TaskName, float] | None,
) -> list[Scenario]:
    try:
        return choose_scenarios(served[host], wanted, _own(served, host, variants), mix)
    except ValueError as error:
        if len(served) == 1:
            raise
        raise ValueError(f"{host}: {error}") from error


def _own(served: Served, host: str, variants: Sequence[str] | None) -> list[str] | None:
    """The variants that are this service's, and those that are nobody's, which are wrong."""
    if variants is None:
        return None
    here = {model["name"] for model in served[host]}
    anywhere = {model["name"] for models in served.values() for model in models}
    own = [name for name in variants if name in here or name not in anywhere]
    if not own:
        raise ValueError(f"none of --variants {' '.join(variants)} is served")
    return own


def _told_apart(contenders: Sequence[Contender]) -> tuple[Contender, ...]:
    times = Counter(contender.name for contender in contenders)
    return tuple(
        each if times[each.name] == 1 else replace(each, name=f"{each.name} at {each.host}")
        for each in contenders
    )
