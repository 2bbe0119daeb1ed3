"""The command that makes a run again."""

from __future__ import annotations

import shlex
from collections.abc import Collection

from training.config import RunConfig
from training.presets import PRESETS

__all__ = ["run_command", "word_vectors_option"]


def run_command(name: str, config: RunConfig) -> str:
    """``python -m training run``, with the preset and what differs from it.

    Args:
        name: Of the run.
        config: Complete; what it holds beyond today's preset becomes ``--set``.
    """
    parts = ["python -m training run", shlex.quote(config.preset)]
    if name != config.preset:
        parts.append(f"--as {shlex.quote(name)}")
    preset = PRESETS[config.preset].to_document() if config.preset in PRESETS else {}
    for field, value in config.to_document().items():
        if value != preset.get(field) and field != "preset":
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            assignment = f"{field}={'none' if value is None else text}"
            parts.append(f"--set {shlex.quote(assignment)}")
    return " ".join(parts)


def word_vectors_option(config: RunConfig, data: Collection[str]) -> str:
    """`` --word-vectors FILE`` for the commands on a run that read such a file, else nothing.

    Args:
        config: Of the run.
        data: Names of the files it was trained on, as in its record.
    """
    if config.task != "answer":
        return ""
    vectors = [name for name in data if not name.endswith("-v1.1.json")]  # the rest is SQuAD
    # The default, a package, is of two files.
    return f" --word-vectors {shlex.quote(vectors[0])}" if len(vectors) == 1 else ""
