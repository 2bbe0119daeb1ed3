"""How each task's traffic is split: as settings or models' folder say, until an operator does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from service.default_split import read_default_split
from service.schemas import TaskName
from service.settings import Settings

__all__ = ["Split", "Splits"]


@dataclass(frozen=True)
class Split:
    """Which models answer the requests to a task that name none."""

    weights: Mapping[str, float]
    """By model name; empty: even among all that are ready."""
    shadow: str | None = None
    """A model that also answers every request, off its path."""

    @property
    def names(self) -> set[str]:
        """All models that it names."""
        return {*self.weights, *filter(None, [self.shadow])}


class Splits:
    """The present split of every task; read and changed by the event loop alone."""

    def __init__(self, settings: Settings) -> None:
        """Start with what the settings say, and of a task they do not split the models' folder.

        Raises:
            DefaultSplitError: As `read_default_split`.
        """
        weights = read_default_split(settings) | settings.split
        self._by_task: dict[TaskName, Split] = {
            task: Split(weights.get(task, {}), settings.shadow.get(task))
            for task in get_args(TaskName)
        }

    def of(self, task: TaskName) -> Split:
        """The split of a task."""
        return self._by_task[task]

    def change(self, task: TaskName, split: Split) -> None:
        """Split a task's traffic anew, from the next request on."""
        self._by_task[task] = split

    def tasks_naming(self, model: str) -> list[TaskName]:
        """The tasks whose split names a model."""
        return [task for task, split in self._by_task.items() if model in split.names]

    def named(self) -> set[tuple[TaskName, str]]:
        """All models that are named, each with the task it is named for."""
        return {(task, name) for task, split in self._by_task.items() for name in split.names}
