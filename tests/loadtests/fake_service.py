"""A stand-in for the service that answers by the HTTP contract, as slowly or wrongly as told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Behaviour", "fake_service", "score_body"]

Behaviour = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]
"""Turns a request's body into a status and a body."""


def score_body(model: str, texts: int = 1) -> dict[str, Any]:
    """A right answer."""
    score = {"log_prob": -20.5, "perplexity": 60.0, "token_count": 5, "unknown_count": 0}
    return {
        "model": model,
        "scores": [score] * texts,
        "timing_ms": {"queue": 0.25, "compute": 1.5, "total": 2.0},
    }


@contextmanager
def fake_service(
    names: tuple[str, ...] = ("tiny-dense", "tiny-iss"),
    behaviour: Behaviour | None = None,
    seconds: dict[str, float] | None = None,
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve on a free port; yields the URL and the requests that came, headers under ``headers``.

    Args:
        names: Models it lists.
        behaviour: What it answers to ``/score``; None: what is right.
        seconds: How long each model takes.
    """
    received: list[dict[str, Any]] = []
    models = [{"name": n, "task": "score", "variant": n.split("-")[-1]} for n in names]
    documents: dict[str, dict[str, Any]] = {
        "/models": {"models": models},
        "/health/ready": {"status": "ready"},
        **{f"/models/{model['name']}": model for model in models},
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            known = self.path in documents
            self.answer(200 if known else 404, documents.get(self.path, {}), "none")

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.append(request | {"headers": dict(self.headers), "at": time.monotonic()})
            model = request["model"] or names[0]
            time.sleep((seconds or {}).get(model, 0.0))
            status, body = (
                behaviour(request) if behaviour else (200, score_body(model, len(request["texts"])))
            )
            self.answer(status, body, model)

        def answer(self, status: int, body: dict[str, Any], model: str) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Model", model)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
