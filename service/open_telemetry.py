"""Spans of requests, sent to a collector over OTLP (https://opentelemetry.io/docs/specs/otlp/).

Where to, how many and under what name is set by OpenTelemetry's own variables:
``OTEL_EXPORTER_OTLP_ENDPOINT`` (default http://localhost:4318), ``OTEL_TRACES_SAMPLER``,
``OTEL_SERVICE_NAME`` (default issrnn), ``OTEL_RESOURCE_ATTRIBUTES``;
https://opentelemetry.io/docs/languages/sdk-configuration/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.tracing import Attributes, RequestSpan, Tracing

__all__ = ["OpenTelemetryTracing"]


class OpenTelemetryTracing(Tracing):
    """Sends spans in the background, in batches; a collector that is away costs no request."""

    def __init__(self) -> None:
        """Start; the environment says where to send to."""
        resource = Resource({SERVICE_NAME: "issrnn"}).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("service")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[RequestSpan]:
        """Around a request."""
        caller = self._propagator.extract(dict(headers))
        with self._tracer.start_as_current_span("request", caller, SpanKind.SERVER) as span:
            yield _RequestSpan(span)

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Around a part of the present request."""
        with self._tracer.start_as_current_span(name):
            yield

    def past_span(self, name: str, start: int, end: int, attributes: Attributes) -> None:
        """A part of the present request that is over."""
        self._tracer.start_span(name, start_time=start, attributes=dict(attributes)).end(end)

    def stop(self) -> None:
        """Send what has not been sent yet."""
        self._provider.shutdown()


class _RequestSpan(RequestSpan):
    def __init__(self, span: Span) -> None:
        self._span = span
        self.trace_id = format_trace_id(span.get_span_context().trace_id)

    def describe(self, name: str, attributes: Attributes, *, failed: bool) -> None:
        self._span.update_name(name)
        self._span.set_attributes(dict(attributes))
        if failed:
            self._span.set_status(Status(StatusCode.ERROR))
