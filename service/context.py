"""What every endpoint needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from service.api_keys import ApiKeys
from service.metrics import Metrics
from service.registry import Registry
from service.settings import Settings
from service.splits import Splits
from service.tracing import Tracing

__all__ = ["Context", "RequestContext"]


@dataclass(frozen=True)
class Context:
    """What the application has one of."""

    settings: Settings
    models: Registry
    metrics: Metrics
    splits: Splits
    keys: ApiKeys
    tracing: Tracing = field(default_factory=Tracing)


async def _context(request: Request) -> Context:
    # async, since FastAPI would run a plain function in another thread for every request
    context: Context = request.app.state.context
    return context


RequestContext = Annotated[Context, Depends(_context)]
