"""A model behind a plain FastAPI endpoint: ``python -m service.benchmark.plain_endpoint MODEL``.

What load tests compare the service with: the endpoint that is written first, a ``def`` in which
each request calls the network by itself, in one of FastAPI's threads. It has the service's engines,
tokenisers and answers, and nothing of what stands between them: no queue, no batches, no limits,
no deadlines, no metrics. With ``--one-at-a-time`` there is a lock around the network.
"""

from __future__ import annotations

import argparse
import math
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Response

from issrnn.artifact import ArtifactError
from service.cores import available_cores
from service.engines import ENGINE_NAMES
from service.jobs import JobResult
from service.measuring.computing import compute_alone
from service.problems import add_handlers
from service.schemas import ModelInfo, ModelList
from service.settings import Settings
from service.slots import Slots
from service.tasks import TASKS
from service.variants import Variant, load_variant
from service.worker import Placement

__all__ = ["main", "plain_endpoint"]


def plain_endpoint(variant: Variant, *, one_at_a_time: bool = False) -> FastAPI:
    """An application that answers its task's requests.

    Args:
        variant: Named as the answers are to tell; its engine is called from FastAPI's threads,
            its worker is not asked.
        one_at_a_time: Whether a request has the network to itself while others wait.
    """
    task = TASKS[variant.card.task]
    defaults = Settings.model_construct()
    turn = threading.Lock() if one_at_a_time else nullcontext()
    app = FastAPI(title=variant.name)
    add_handlers(app)

    def answer(request: Any) -> Response:
        started = time.perf_counter()
        prepared = task.prepare(request, variant, defaults, math.inf)
        asked = time.perf_counter()
        with turn:
            begun = time.perf_counter()
            value = compute_alone(variant.engine, prepared.job, defaults)
        result = JobResult(value, begun - asked, time.perf_counter() - begun)
        return Response(
            prepared.finish(result).to_json(started),
            media_type="application/json",
            headers={"X-Model": variant.name},
        )

    answer.__annotations__["request"] = task.request  # where FastAPI looks for the body's schema
    app.post(f"/{task.name}")(answer)

    @app.get("/models")
    def list_models() -> ModelList:
        return ModelList(models=[variant.info()])

    @app.get(f"/models/{variant.name}")
    def describe() -> ModelInfo:
        return variant.info(provenance=True)

    return app


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped.

    Returns:
        0, or 1 after one line on standard error.
    """
    parser = argparse.ArgumentParser(
        prog="python -m service.benchmark.plain_endpoint", description=__doc__
    )
    parser.add_argument("model", type=Path, help="artifact folder")
    parser.add_argument("--engine", choices=ENGINE_NAMES, default="torch-fp32")
    parser.add_argument(
        "--one-at-a-time", action="store_true", help="let no two requests compute side by side"
    )
    parser.add_argument(
        "--as", dest="name", help="how answers name the model (default: MODEL-plain-ENGINE)"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    options = parser.parse_args(arguments)
    cores = available_cores()
    try:
        variant = load_variant(
            options.model,
            Settings.model_construct(engine=options.engine),
            Placement(threads=len(cores), cores=(), slots=Slots(1)),
            lambda _card: lambda _rows, _tokens, _steps, _seconds: None,
        )
    except ArtifactError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    name = options.name or f"{variant.name}-plain-{options.engine}"
    variant = replace(variant, card=variant.card.model_copy(update={"name": name}))
    app = plain_endpoint(variant, one_at_a_time=options.one_at_a_time)
    uvicorn.run(app, host=options.host, port=options.port, access_log=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
