"""What simulated users ask of each task, and how its answers are checked: one file a task."""

from __future__ import annotations

from collections.abc import Iterable

from loadtests.tasks.answer import AnswerTask
from loadtests.tasks.call import Call, Content, ContractError, Task, TaskName
from loadtests.tasks.classify import ClassifyTask
from loadtests.tasks.deck import Deck
from loadtests.tasks.options import RequestOptions
from loadtests.tasks.questions import read_questions, within
from loadtests.tasks.reviews import read_reviews
from loadtests.tasks.score import ScoreTask
from loadtests.tasks.sentences import read_sentences

__all__ = [
    "TASKS",
    "Call",
    "Content",
    "ContractError",
    "RequestOptions",
    "Task",
    "TaskName",
    "build_tasks",
]

TASKS: tuple[TaskName, ...] = ("score", "answer", "classify")
"""The tasks that can be loaded; each is posted to the path of its name."""


def build_tasks(names: Iterable[TaskName], options: RequestOptions) -> dict[TaskName, Task]:
    """The tasks with their texts read.

    Raises:
        ValueError: If texts cannot be read, or the options leave none of them.
    """
    return {name: _build_task(name, options) for name in names}


def _build_task(name: TaskName, options: RequestOptions) -> Task:
    if name == "score":
        return ScoreTask(Deck(read_sentences()), options.texts_per_request, options.token_details)
    if name == "classify":
        return ClassifyTask(Deck(read_reviews()), options.texts_per_request)
    questions = within(read_questions(), options.context_words)
    return AnswerTask(Deck(questions), options.top_k)
