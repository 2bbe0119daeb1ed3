"""Several processes behind one port: uvicorn's supervisor, a drain, and metrics added up.

Every worker is the whole application with models and queues of its own. The supervisor starts a
worker anew if it dies, replaces them one by one on SIGHUP (which loads changed models), and stops
them on SIGTERM. https://www.uvicorn.org/deployment/#built-in
"""

from __future__ import annotations

import asyncio
import copy
import logging
import os
import signal
import socket
import sys
import tempfile
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess, Process

from service.app import create_app
from service.default_split import DefaultSplitError
from service.logs import configure_logging
from service.server import uvicorn_config
from service.settings import Settings
from service.shared_metrics import DIRECTORY_VARIABLE, with_shared_gauges
from service.tracing import TracingError

__all__ = ["create_successor", "create_worker", "drain_on_sigterm", "serve_with_workers"]

log = logging.getLogger(__name__)

_START_SECONDS = 120
"""How long a worker may take to load its models when it replaces another, and to answer a ping."""


def serve_with_workers(settings: Settings) -> None:
    """Serve with ``settings.workers`` processes until told to stop.

    Exits with 0 after SIGTERM or SIGINT, 3 if a worker could not start. The settings reach the
    workers through the environment.
    """
    config = uvicorn_config(
        "service.workers:create_worker",
        settings,
        factory=True,
        workers=settings.workers,
        timeout_worker_healthcheck=_START_SECONDS,
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
    """Uvicorn's, with these differences.

    It notices at once that a worker died while its answer to a ping is awaited. It stops at once
    when it is told to while it replaces workers. A worker that cannot serve a model replaces none.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self._successors = copy.copy(config)
        self._successors.app = "service.workers:create_successor"
        self._leaving: list[Process] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            # uvicorn's own are looked at only between two replacements of all workers
            signal.signal(number, lambda *_: self.should_exit.set())

    def keep_subprocess_alive(self) -> None:
        """Start a worker in the place of each that has died.

        Uvicorn keeps the worker's end of their pipe open in this process too. Then there is no end
        of file when the worker dies, and it would wait the whole of `_START_SECONDS` for an answer.
        """
        for process in self.processes:
            process.child_conn.close()  # a started worker has its own copy
        super().keep_subprocess_alive()

    def restart_all(self) -> None:
        """Replace the workers one by one, each once its successor is ready."""
        for index, former in enumerate(self.processes):
            if self.should_exit.is_set():
                return
            successor = Process(self._successors, self.sockets)
            successor.start()
            if not successor.wait_until_ready(_START_SECONDS, self.should_exit):
                successor.kill()
                successor.join()
                if not self.should_exit.is_set():
                    log.error("workers stay as they are: a new one did not become ready")
                return
            self.processes[index] = successor
            self._leaving = [process for process in self._leaving if process.exitcode is None]
            self._leaving.append(former)
            former.terminate()
            while former.exitcode is None and not self.should_exit.wait(0.1):
                pass

    def join_all(self) -> None:
        """Wait for all workers to end, also those that have been replaced."""
        for process in (*self.processes, *self._leaving):
            process.join()


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
    return _worker(needs_all_models=False)


def create_successor() -> ASGIApp:
    """The same for a worker that is to replace another: it does not start if it lacks a model."""
    return _worker(needs_all_models=True)


def _worker(*, needs_all_models: bool) -> ASGIApp:
    settings = Settings()
    configure_logging(settings.log_level)
    try:
        app = create_app(settings)
    except (DefaultSplitError, TracingError) as error:  # damaged since the start
        log.error("%s", error)
        sys.exit(STARTUP_FAILURE)
    shared = with_shared_gauges(app)

    async def worker(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_if_complete(message: Message) -> None:
            models = app.state.context.models.infos()
            lacking = ", ".join(model.name for model in models if model.state == "failed")
            if message["type"] == "lifespan.startup.complete" and lacking:
                reason = f"it would replace a worker, and cannot serve {lacking}"
                message = {"type": "lifespan.startup.failed", "message": reason}
            await send(message)

        if scope["type"] == "lifespan":
            drain_on_sigterm(app, settings.drain_seconds)
            await shared(scope, receive, send_if_complete if needs_all_models else send)
        else:
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
