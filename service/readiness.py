"""Whether the service can do what it is set to do."""

from __future__ import annotations

from service.context import Context

__all__ = ["missing"]


def missing(context: Context) -> list[str]:
    """Why the service is not ready: models asked for that do not serve; empty if it is."""
    settings, models = context.settings, context.models
    by_task = sorted(context.splits.named())
    configured = {*(settings.models or ()), *settings.engines} - models.unloaded
    named = configured | {name for _, name in by_task}
    reasons = [f"{name} is not ready" for name in sorted(named) if models.get(name) is None]
    for task, name in by_task:
        variant = models.get(name)
        if variant is not None and variant.card.task != task:
            reasons.append(f"{name} is set for {task!r} but is for {variant.card.task!r}")
    if not models.ready():
        reasons.append("no model is ready")
    return reasons
