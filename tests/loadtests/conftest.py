"""The load tests' command line without a process of its own."""

import logging
import signal
from collections.abc import Callable, Iterator

import pytest

Run = Callable[..., tuple[int, str, str]]
"""From arguments to the exit code, the output and the errors."""


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """For commands that generate no load: they need none of the patches of Locust's process."""
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    on_sigterm, log = signal.getsignal(signal.SIGTERM), logging.getLogger()
    handlers, level = log.handlers.copy(), log.level

    def run(*arguments: str) -> tuple[int, str, str]:
        from loadtests.cli import main  # noqa: PLC0415 - which imports Locust

        capsys.readouterr()
        code = main(arguments)
        return code, *capsys.readouterr()

    yield run
    signal.signal(signal.SIGTERM, on_sigterm)
    for handler in set(log.handlers) - set(handlers):
        handler.close()
    log.handlers[:] = handlers
    log.setLevel(level)
