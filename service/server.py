"""Running the application: one process, and a SIGTERM that loses no request."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from service.settings import Settings

__all__ = ["Server", "serve", "uvicorn_config"]

log = logging.getLogger(__name__)


def uvicorn_config(app: FastAPI | str, settings: Settings, **more: Any) -> uvicorn.Config:
    """How uvicorn serves, in one process or in several.

    Args:
        app: The application, or where the workers find it.
        settings: Address, and how long shutting down may take.
        **more: Other settings of uvicorn.
    """
    return uvicorn.Config(
        app,
        lifespan="on",
        ws="none",
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        server_header=False,
        **more,
    )


class Server(uvicorn.Server):
    """On SIGTERM, first says it is not ready, so that balancers look elsewhere, then closes."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        """Prepare to serve.

        Args:
            app: The application.
            settings: Address, and how long shutting down may take.
        """
        super().__init__(uvicorn_config(app, settings))
        self._app = app
        self._drain_seconds = settings.drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Start listening, remembering the loop to call from the signal handler."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)  # type: ignore[arg-type]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain on the first SIGTERM; anything else closes at once, as uvicorn does."""
        draining: bool = self._app.state.draining
        if sig != signal.SIGTERM or draining or self._loop is None:
            super().handle_exit(sig, frame)
            return
        self._app.state.draining = True
        log.info("draining", extra={"seconds": self._drain_seconds})
        close = super().handle_exit
        self._loop.call_soon_threadsafe(
            self._loop.call_later, self._drain_seconds, close, sig, frame
        )


def serve(app: FastAPI, settings: Settings) -> None:
    """Serve until told to stop; exits with 0 after SIGTERM or SIGINT, 3 if it could not start."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        # uvicorn raises a signal again when it has closed; before it starts, this is the handler
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server = Server(app, settings)
    server.run()
    if not server.started:
        sys.exit(3)
