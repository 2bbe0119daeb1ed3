"""Where a request's time went, as spans; nothing is traced unless a setting asks for it.

`service.open_telemetry` makes the spans; its packages are needed only then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["Attributes", "RequestSpan", "Tracing", "TracingError", "check_packages", "make_tracing"]

Attributes = Mapping[str, str | int | float]


class TracingError(Exception):
    """Tracing was asked for and its packages are not installed."""


class RequestSpan:
    """The span of a whole request; this one is none."""

    trace_id: str | None = None
    """32 hexadecimal digits, for the log."""

    def describe(self, name: str, attributes: Attributes, *, failed: bool) -> None:
        """Say what became of the request.

        Args:
            name: Method and route.
            attributes: By OpenTelemetry's names.
            failed: Whether the service is to blame.
        """


class Tracing:
    """What the service tells of each request; this one keeps nothing."""

    @contextmanager
    def request(self, headers: Mapping[str, str]) -> Iterator[RequestSpan]:  # noqa: ARG002 - not used here
        """Around a request.

        Args:
            headers: Lower-case names; ``traceparent`` makes it a part of the caller's trace.
        """
        yield RequestSpan()

    @contextmanager
    def span(self, name: str) -> Iterator[None]:  # noqa: ARG002 - not used here
        """Around a part of the present request."""
        yield

    def past_span(self, name: str, start: int, end: int, attributes: Attributes) -> None:
        """A part of the present request that is over.

        Args:
            name: Of the part.
            start: Nanoseconds since 1970.
            end: The same.
            attributes: What to say of it.
        """

    def stop(self) -> None:
        """Send what has not been sent yet."""


def make_tracing(*, wanted: bool) -> Tracing:
    """OpenTelemetry's spans, or none.

    Raises:
        TracingError: If they are wanted and cannot be made.
    """
    if not wanted:
        return Tracing()
    check_packages()
    from service.open_telemetry import OpenTelemetryTracing  # noqa: PLC0415 - optional

    return OpenTelemetryTracing()


def check_packages() -> None:
    """Find out whether spans can be made, without making any.

    Raises:
        TracingError: If packages are missing.
    """
    try:
        import service.open_telemetry  # noqa: F401, PLC0415 - optional
    except ImportError as error:
        raise TracingError(
            f"ISSRNN_TRACING needs the packages of the extra 'tracing' ({error})"
        ) from error
