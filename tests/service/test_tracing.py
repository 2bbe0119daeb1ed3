"""Spans of requests, received by a collector in this process."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from service.__main__ import main
from service.logs import JsonFormatter
from service.settings import Settings
from service.tracing import TracingError, make_tracing
from tests.service.running import running_service

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
"""As in the examples of https://www.w3.org/TR/trace-context/."""

needs_sdk = pytest.mark.skipif(
    subprocess.run(
        [sys.executable, "-c", "import opentelemetry.sdk, opentelemetry.exporter.otlp.proto.http"],
        check=False, capture_output=True,
    ).returncode != 0,
    reason="the packages of the extra 'tracing' are not installed",
)  # fmt: skip


class Collector:
    """Takes spans over OTLP, as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resources: list[Any] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                # here, since the packages are optional
                from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415
                    ExportTraceServiceRequest,
                )

                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    collector.resources.append(resource.resource)
                    for scope in resource.scope_spans:
                        collector.spans += scope.spans
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def named(self, name: str) -> Any:
        (span,) = [span for span in self.spans if span.name == name]
        return span


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    collector = Collector()
    address = f"http://127.0.0.1:{collector.server.server_address[1]}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    yield collector
    collector.server.shutdown()
    collector.server.server_close()


def attributes_of(thing: Any) -> dict[str, Any]:
    return {
        entry.key: entry.value.string_value or entry.value.int_value for entry in thing.attributes
    }


@needs_sdk
def test_a_request_is_a_part_of_its_callers_trace_and_has_parts(
    models_dir: Path, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(models_dir=models_dir, port=0, pin_threads=False, tracing=True)
    with caplog.at_level(logging.INFO, "service.requests"), running_service(settings) as client:
        request = {"texts": ["The stock rose."], "model": "tiny-iss"}
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "mine"}
        assert client.post("/score", json=request, headers=headers).status_code == 200
        assert client.get("/nowhere").status_code == 404

    whole = collector.named("POST /score")
    assert whole.trace_id.hex() == TRACE
    assert whole.parent_span_id.hex() == PARENT
    said = attributes_of(whole)
    assert said["http.response.status_code"] == 200
    assert (said["issrnn.model"], said["issrnn.request_id"]) == ("tiny-iss", "mine")
    assert attributes_of(collector.resources[0])["service.name"] == "issrnn"

    parts = [collector.named(name) for name in ("encode", "queue", "compute", "decode")]
    for part in parts:
        assert part.parent_span_id == whole.span_id
        assert whole.start_time_unix_nano <= part.start_time_unix_nano <= part.end_time_unix_nano
    starts = [part.start_time_unix_nano for part in parts]
    assert starts == sorted(starts)
    assert attributes_of(parts[2])["issrnn.engine"] == "onnxruntime-fp32"

    assert collector.named("GET unmatched").trace_id.hex() != TRACE
    lines = [json.loads(JsonFormatter().format(r)) for r in caplog.records if r.msg == "request"]
    assert lines[0]["trace_id"] == TRACE


@needs_sdk
def test_a_collector_that_is_away_costs_no_request(
    models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    settings = Settings(models_dir=models_dir, port=0, pin_threads=False, tracing=True)
    with running_service(settings) as client:
        for _ in range(3):
            assert client.post("/score", json={"texts": ["The stock rose."]}).status_code == 200


def test_nothing_is_traced_unless_asked_for(client: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "service.requests"):
        client.post("/score", json={"texts": ["The stock rose."]})
    assert all(not hasattr(record, "trace_id") for record in caplog.records)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "service.open_telemetry", None)
    with pytest.raises(TracingError, match="extra 'tracing'"):
        make_tracing(wanted=True)


def test_missing_packages_end_a_service_of_several_workers_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "service.open_telemetry", None)
    monkeypatch.setenv("ISSRNN_TRACING", "true")
    monkeypatch.setenv("ISSRNN_WORKERS", "2")
    monkeypatch.setattr("service.__main__.configure_logging", lambda _: None)  # of this process
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "extra 'tracing'" in capsys.readouterr().err
