"""``python -m service``: serve the models of a folder over HTTP."""

from __future__ import annotations

import argparse
import logging
import re
import sys
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_settings import SettingsError

from issrnn.invalid import message_of
from service.app import create_app
from service.default_split import DefaultSplitError, read_default_split
from service.logs import configure_logging
from service.server import serve
from service.settings import Settings, unknown_variables
from service.tracing import TracingError, check_packages
from service.workers import serve_with_workers

__all__ = ["main"]

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the settings from the environment and serve."""
    argparse.ArgumentParser(
        prog="python -m service",
        description="Serve the models of a folder over HTTP. There are no arguments: "
        "settings are environment variables, all of them in docs/operating.md.",
    ).parse_args(arguments)
    try:
        settings = Settings()
    except ValidationError as error:
        for item in error.errors():
            sys.stderr.write(f"{_variable(item['loc'])}{message_of(item)}\n")
        sys.exit(2)
    except SettingsError as error:  # a list or map that is not JSON
        named = re.search(r'field "(\w+)"', str(error))
        where = f"ISSRNN_{named[1].upper()}: is not JSON" if named else str(error)
        sys.stderr.write(f"{where}: {error.__cause__}\n")
        sys.exit(2)
    configure_logging(settings.log_level)
    if unknown := unknown_variables():
        log.warning("no setting of the service: %s", ", ".join(unknown))
    try:
        if settings.workers > 1:
            # What is wrong is said once, not by every worker.
            read_default_split(settings)
            if settings.tracing:
                check_packages()
            serve_with_workers(settings)
        else:
            serve(create_app(settings), settings)
    except (TracingError, DefaultSplitError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


def _variable(location: Sequence[str | int]) -> str:
    """``("engines", "a")`` as ``ISSRNN_ENGINES.a: ``; nothing if the message names the setting."""
    if not location:
        return ""
    setting, *keys = (str(part) for part in location if part != "[key]")
    if setting.isupper():  # the first of two names; either may have given the value
        return f"{setting} or ISSRNN_{setting}: "
    return ".".join([f"ISSRNN_{setting.upper()}", *keys]) + ": "


if __name__ == "__main__":
    main()
