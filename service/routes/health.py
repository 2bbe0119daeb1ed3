"""Health and metrics; these answer however busy the models are."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from service.context import RequestContext
from service.problems import ProblemError, problem_responses
from service.readiness import missing
from service.shared_metrics import exposition

__all__ = ["router"]

router = APIRouter(tags=["operations"])


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready", responses=problem_responses(503))
async def ready(http: Request, context: RequestContext) -> dict[str, str]:
    """200 if all configured models serve; 503, with the reasons, if not or while shutting down."""
    reasons = ["shutting down"] if http.app.state.draining else missing(context)
    if reasons:
        raise ProblemError(503, "not ready: " + "; ".join(reasons))
    return {"status": "ready"}


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(http: Request, context: RequestContext) -> Response:
    """Prometheus metrics."""
    if context.settings.metrics_need_key:
        context.keys.admit(http)
    return Response(exposition(context.metrics.registry), media_type=CONTENT_TYPE_LATEST)
