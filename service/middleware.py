"""Around every request: its id, its log line, its metrics, and an answer even to a failure."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import Metrics
from service.problems import ProblemError, problem_response
from service.tracing import RequestSpan, Tracing

__all__ = ["RequestMiddleware"]

log = logging.getLogger("service.requests")

_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class RequestMiddleware:
    """Outermost: sees every response, of routes that do not exist and of handlers that fail too."""

    def __init__(self, app: ASGIApp, metrics: Metrics, tracing: Tracing) -> None:
        """Wrap an application.

        Args:
            app: What to watch.
            metrics: What to count in.
            tracing: What to tell of each request.
        """
        self._app = app
        self._metrics = metrics
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        with self._tracing.request(headers) as span:
            await self._handle(scope, receive, send, headers.get("x-request-id", ""), span)

    async def _handle(
        self, scope: Scope, receive: Receive, send: Send, given: str, span: RequestSpan
    ) -> None:
        request_id = given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status: int | None = None

        async def labelled(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                if scope["app"].state.draining:
                    # before the server closes all connections, which might cut a request just sent
                    headers["Connection"] = "close"
                headers["X-Model"] = state.get("model", "")
            await send(message)

        async def end_with(problem: ProblemError) -> None:
            if status is None:
                await problem_response(problem, request_id)(scope, receive, labelled)

        started = time.perf_counter()
        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, labelled)
        except asyncio.CancelledError:  # the server gives up on what SHUTDOWN_SECONDS did not do
            detail = "the service ended before the request was computed"
            await end_with(ProblemError(503, detail, headers={"Retry-After": "1"}))
            raise
        except Exception:
            log.exception(
                "the request failed",
                extra={"request_id": request_id} | _trace_id(span),
            )
            detail = "an unexpected error; the log has it under the request id"
            await end_with(ProblemError(500, detail))
        finally:
            self._metrics.in_flight.dec()
            self._record(scope, status, time.perf_counter() - started, span)

    def _record(self, scope: Scope, status: int | None, seconds: float, span: RequestSpan) -> None:
        state = scope["state"]
        endpoint = getattr(scope.get("route"), "path", "unmatched")
        labels = (endpoint, *state.get("labels", ("", "")))
        self._metrics.requests.labels(*labels, str(status)).inc()
        self._metrics.request_seconds.labels(*labels).observe(seconds)
        quiet = endpoint in ("/health/live", "/health/ready", "/metrics") and status == 200
        log.log(
            logging.DEBUG if quiet else logging.INFO,
            "request",
            extra={
                "request_id": state["request_id"],
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "milliseconds": round(1000 * seconds, 3),
                "model": state.get("model"),
            }
            | ({"key": state["key"]} if "key" in state else {})
            | _trace_id(span),
        )
        attributes = {
            "http.request.method": scope["method"],
            "http.route": endpoint,
            "http.response.status_code": status or 0,
            "issrnn.request_id": state["request_id"],
            "issrnn.model": state.get("model", ""),
        }
        span.describe(f"{scope['method']} {endpoint}", attributes, failed=(status or 500) >= 500)


def _trace_id(span: RequestSpan) -> dict[str, str]:
    return {"trace_id": span.trace_id} if span.trace_id else {}
