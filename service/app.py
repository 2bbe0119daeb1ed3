"""The application, assembled from lists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.middleware import Middleware

from service.api_keys import ApiKeys, describe_keys
from service.body_limit import BodyLimit
from service.changes import Changes
from service.context import Context
from service.metrics import Metrics, QueueCollector
from service.middleware import RequestMiddleware
from service.problems import add_handlers
from service.registry import Registry
from service.routes import (
    answer,
    classify,
    compare,
    completions,
    health,
    hugging_face,
    models,
    page,
    score,
    split,
)
from service.settings import Settings
from service.shadow import Shadow
from service.splits import Splits
from service.tracing import make_tracing
from service.versions import version_of

__all__ = ["create_app"]

ROUTERS = (
    score.router,
    answer.router,
    classify.router,
    compare.router,
    completions.router,
    hugging_face.router,
    models.router,
    split.router,
    health.router,
    page.router,
)


def create_app(settings: Settings) -> FastAPI:
    """Build the application; its models are loaded when it starts.

    Args:
        settings: Everything that can be set.

    Raises:
        TracingError: If the settings ask for tracing and its packages are not installed.
        DefaultSplitError: If the models' folder holds a split that is damaged.
    """
    metrics = Metrics()
    registry = Registry(settings, metrics.observe_batches)
    metrics.registry.register(QueueCollector(registry))
    tracing = make_tracing(wanted=settings.tracing)
    keys = ApiKeys(settings, metrics.key_requests)
    context = Context(settings, registry, metrics, Splits(settings), keys, tracing)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(registry.load_all)
        shadow = Shadow(context)
        app.state.shadow = shadow
        changes = Changes()
        app.state.changes = changes
        shadowing = asyncio.create_task(shadow.run())
        yield
        changes.stop()
        shadowing.cancel()
        with suppress(asyncio.CancelledError):
            await shadowing
        await asyncio.to_thread(registry.stop, settings.shutdown_seconds)
        await asyncio.to_thread(tracing.stop)

    app = FastAPI(
        title="issrnn",
        description="Compressed recurrent networks and their dense originals, side by side.",
        version=version_of("issrnn"),
        docs_url=None,  # FastAPI's own ask other hosts; that of service.routes.page does not
        redoc_url=None,
        lifespan=lifespan,
        middleware=[
            Middleware(RequestMiddleware, metrics=metrics, tracing=tracing),
            Middleware(BodyLimit, max_bytes=settings.max_body_bytes),
        ],
    )
    app.state.context = context
    app.state.draining = False
    add_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    if settings.api_keys:
        # openapi() keeps what it returns
        describe_keys(app.openapi(), metrics_too=settings.metrics_need_key)
    return app
