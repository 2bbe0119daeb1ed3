"""The service as a process of its own, started for a load test and stopped after it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from loadtests.http import HttpError, get_json

__all__ = ["ServiceError", "run_service"]

STOP_SECONDS = 60.0

_READY = "/health/ready"


class ServiceError(Exception):
    """The service did not start; the message ends with the last lines of its log."""


@contextmanager
def run_service(
    log: Path,
    cpus: frozenset[int] | None = None,
    start_seconds: float = 180.0,
    settings: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, int]]:
    """Run ``python -m service`` on a free port of this machine.

    Its settings come from this process's environment, unless others are given. It is stopped by
    SIGTERM, so that it drains.

    Args:
        log: File that takes its output.
        cpus: Cores it may use; None: all. Linux only.
        start_seconds: How long it may take until it is ready.
        settings: Environment variables that count more than this process's.

    Yields:
        Its base URL and process id.

    Raises:
        ServiceError: If it ends or is not ready in time.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, **(settings or {}), "HOST": "127.0.0.1", "PORT": str(port)}
    own_cpus = os.sched_getaffinity(0) if cpus else frozenset[int]()
    with log.open("w", encoding="utf-8") as output:
        if cpus:
            os.sched_setaffinity(0, cpus)  # a child starts with its parent's cores
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "service"],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for the load test, which then stops the service itself.
                start_new_session=True,
            )
        finally:
            if cpus:
                os.sched_setaffinity(0, own_cpus)
        try:
            _wait_until_ready(process, url, log, start_seconds)
            yield url, process.pid
        finally:
            _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(
    process: subprocess.Popen[bytes], url: str, log: Path, start_seconds: float
) -> None:
    deadline = time.monotonic() + start_seconds
    while True:
        if process.poll() is not None:
            raise ServiceError(f"the service ended with code {process.returncode}:\n{_tail(log)}")
        try:
            get_json(url + _READY)
        except HttpError as error:
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"the service was not ready after {start_seconds:g} s ({error}):\n{_tail(log)}"
                ) from None
            time.sleep(0.2)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path, lines: int = 15) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([line for line in text if _READY not in line][-lines:])
