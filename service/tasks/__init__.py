"""The tasks that models do; a folder for each holds everything in which it differs."""

from __future__ import annotations

from typing import Any

from service.schemas import TaskName
from service.tasks.answer import ANSWER
from service.tasks.base import Task
from service.tasks.classify import CLASSIFY
from service.tasks.score import SCORE

__all__ = ["TASKS"]

TASKS: dict[TaskName, Task[Any, Any]] = {task.name: task for task in (SCORE, ANSWER, CLASSIFY)}
"""All tasks that are served, by name."""
