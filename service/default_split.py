"""``split.json`` in the models' folder: how traffic is split where the settings do not say."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from issrnn.invalid import first_problem
from service.schemas import TaskName
from service.settings import Settings, Weights

__all__ = ["FILE", "DefaultSplitError", "read_default_split"]

FILE = "split.json"

_CONTENT = TypeAdapter(dict[TaskName, Weights])


class DefaultSplitError(Exception):
    """The file cannot be read or is no split; the message names it and what is wrong."""


def read_default_split(settings: Settings) -> dict[TaskName, dict[str, float]]:
    """Traffic weights by task and model; empty if there is no such file.

    Models that ``settings.models`` leaves out have no part in it; a task whose others have no
    weight is left out too.

    Raises:
        DefaultSplitError: If the file is damaged.
    """
    path = settings.models_dir / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DefaultSplitError(f"cannot read {path}: {error.strerror}") from error
    try:
        split = _CONTENT.validate_json(content)
    except ValidationError as error:
        raise DefaultSplitError(f"{path}: {first_problem(error)}") from error
    served = settings.models
    parts = {
        task: {name: w for name, w in weights.items() if served is None or name in served}
        for task, weights in split.items()
    }
    return {task: weights for task, weights in parts.items() if sum(weights.values()) > 0.0}
