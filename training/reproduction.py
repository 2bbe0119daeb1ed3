"""The command that makes a run again."""

from __future__ import annotations

import shlex

from training.config import RunConfig
from training.presets import PRESETS

__all__ = ["run_command"]


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
