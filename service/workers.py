"""Several processes behind one port: uvicorn's supervisor, a drain, and metrics added up.

Every worker is the whole application with models and queues of its own. The supervisor starts a
worker anew if it dies, replaces them one by one on SIGHUP (which loads changed models), and stops
them on SIGTERM. https://www.uvicorn.org/deployment/#built-in
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from service.app import create_app
from service.default_split import DefaultSplitError
from service.logs import configure_logging
from service.settings import Settings
from service.shared_metrics import DIRECTORY_VARIABLE, with_shared_gauges
from service.tracing import TracingError

__all__ = ["create_worker", "drain_on_sigterm", "serve_with_workers"]

log = logging.getLogger(__name__)

_START_SECONDS = 120
"""How long a worker may take to load its models when it replaces another, and to answer a ping."""


def serve_with_workers(settings: Settings) -> None:
    """Serve with ``settings.workers`` processes until told to stop.

    Exits with 0 after SIGTERM or SIGINT, 3 if a worker could not start. The settings reach the
    workers through the environment.
    """
    config = uvicorn.Config(
        "service.workers:create_worker",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        timeout_worker_healthcheck=_START_SECONDS,
        server_header=False,
    )
    with tempfile.TemporaryDirectory(prefix="issrnn-metrics-") as folder:
        # read by prometheus_client when a worker imports it
        os.environ[DIRECTORY_VARIABLE] = folder
        with _listening(settings.host, settings.port) as shared:
            supervisor = _Supervisor(config, [shared])
            supervisor.run()
    if any(worker.exitcode == STARTUP_FAILURE for worker in supervisor.processes):
        sys.exit(STARTUP_FAILURE)


class _Supervisor(Multiprocess):
    """Notices at once that a worker died while its answer to a ping is awaited.

    Uvicorn's keeps the worker's end of their pipe open in this process too. Then there is no end of
    file when the worker dies, and the supervisor waits the whole of `_START_SECONDS` for an answer,
    without replacing the worker or reacting to a signal.
    """

    def keep_subprocess_alive(self) -> None:
        for process in self.processes:
            process.child_conn.close()  # a started worker has its own copy
        super().keep_subprocess_alive()


def _listening(host: str, port: int) -> socket.socket:
    """A socket that all workers accept connections from.

    Not uvicorn's ``bind_socket``: asyncio turns off Nagle's algorithm only for sockets that say
    they are TCP, which that one does not; answers then wait 40 ms for an acknowledgement.
    """
    shared = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        shared = socket.socket(family, kind, protocol)
        shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        shared.bind(address)
    except OSError as error:
        if shared:
            shared.close()
        log.error("cannot listen on %s port %d: %s", host, port, error)
        sys.exit(STARTUP_FAILURE)
    host, port = shared.getsockname()[:2]
    log.info("listening on http://%s:%d", host, port)
    return shared


def create_worker() -> ASGIApp:
    """The application of one worker, with the settings of the environment."""
    settings = Settings()
    configure_logging(settings.log_level)
    try:
        app = create_app(settings)
    except (DefaultSplitError, TracingError) as error:  # damaged since the start
        log.error("%s", error)
        sys.exit(STARTUP_FAILURE)
    shared = with_shared_gauges(app)

    async def worker(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            drain_on_sigterm(app, settings.drain_seconds)
        await shared(scope, receive, send)

    return worker


def drain_on_sigterm(app: FastAPI, seconds: float) -> None:
    """Let readiness say no for a while before the server closes; as `service.server.Server` does.

    Args:
        app: The application.
        seconds: How long.
    """
    loop = asyncio.get_running_loop()
    close = signal.getsignal(signal.SIGTERM)

    def drain(sig: int, frame: FrameType | None) -> None:
        if not callable(close):
            return
        if app.state.draining:
            close(sig, frame)
            return
        app.state.draining = True
        log.info("draining", extra={"seconds": seconds})
        loop.call_soon_threadsafe(loop.call_later, seconds, close, sig, frame)

    signal.signal(signal.SIGTERM, drain)
