"""A stand-in for the service that answers by the HTTP contract, as slowly or wrongly as told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Behaviour", "answer_body", "classify_body", "fake_service", "score_body"]

Behaviour = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]
"""Turns a request's body into a status and a body."""

_TIMING = {"queue": 0.25, "compute": 1.5, "total": 2.0}


def score_body(model: str, texts: int = 1) -> dict[str, Any]:
    """A right answer to ``/score``."""
    score = {"log_prob": -20.5, "perplexity": 60.0, "token_count": 5, "unknown_count": 0}
    return {"model": model, "scores": [score] * texts, "timing_ms": _TIMING}


def answer_body(model: str, context: str, top_k: int = 1) -> dict[str, Any]:
    """What ``/answer`` may say: the passage's first words, each less likely than the last."""
    answers: list[dict[str, Any]] = []
    for word in context.split()[:top_k]:
        start = context.index(word, answers[-1]["end"] if answers else 0)
        score = 0.5 ** (len(answers) + 1)
        answers.append({"text": word, "start": start, "end": start + len(word), "score": score})
    return {"model": model, "answers": answers, "timing_ms": _TIMING}


def classify_body(model: str, texts: int = 1) -> dict[str, Any]:
    """What ``/classify`` may say."""
    scores = {"negative": 0.25, "positive": 0.75}
    result = {"label": "positive", "score": 0.75, "scores": scores}
    return {"model": model, "results": [result] * texts, "timing_ms": _TIMING}


def _answer_rightly(request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    model = request["model"]
    if request["path"] == "/answer":
        return 200, answer_body(model, request["context"], request["top_k"])
    body = score_body if request["path"] == "/score" else classify_body
    return 200, body(model, len(request["texts"]))


@contextmanager
def fake_service(
    names: tuple[str, ...] = ("tiny-dense", "tiny-iss"),
    behaviour: Behaviour | None = None,
    seconds: dict[str, float] | None = None,
    readers: tuple[str, ...] = (),
    classifiers: tuple[str, ...] = (),
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve on a free port; yields the URL and the requests that came.

    Each request is its body, with its ``path``, its ``headers`` and the time it came ``at``.

    Args:
        names: Models for ``/score`` that it lists; the variant is what stands after the last ``-``.
        behaviour: What it answers; None: what is right.
        seconds: How long each model takes.
        readers: Models for ``/answer``.
        classifiers: Models for ``/classify``.
    """
    received: list[dict[str, Any]] = []
    tasks = dict.fromkeys(names, "score") | dict.fromkeys(readers, "answer")
    tasks |= dict.fromkeys(classifiers, "classify")
    models = [{"name": n, "task": t, "variant": n.split("-")[-1]} for n, t in tasks.items()]
    documents: dict[str, dict[str, Any]] = {
        "/models": {"models": models},
        "/health/ready": {"status": "ready"},
        **{f"/models/{model['name']}": model for model in models},
    }

    def not_served(_request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 404, {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            if self.path == "/fails":
                self.answer(503, {"detail": "not ready: loading"}, "none")
            elif self.path in documents:
                self.answer(200, documents[self.path], "none")
            else:
                self.answer(404, {}, "none")

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = {"path": self.path, "headers": dict(self.headers), "at": time.monotonic()}
            request = body | known
            received.append(request)
            served = [name for name, task in tasks.items() if self.path == f"/{task}"]
            model = request["model"] or (served or ["none"])[0]
            time.sleep((seconds or {}).get(model, 0.0))
            respond = (behaviour or _answer_rightly) if model in served else not_served
            self.answer(*respond(request | {"model": model}), model)

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
