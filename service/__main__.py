"""``python -m service``: serve the models of a folder over HTTP."""

from __future__ import annotations

import sys

from pydantic import ValidationError
from pydantic_settings import SettingsError

from service.app import create_app
from service.logs import configure_logging
from service.server import serve
from service.settings import Settings

__all__ = ["main"]


def main() -> None:
    """Read the settings from the environment and serve."""
    try:
        settings = Settings()
    except ValidationError as error:
        for item in error.errors():
            name = ".".join(str(part) for part in item["loc"])
            sys.stderr.write(f"ISSRNN_{name.upper()}: {item['msg']}\n")
        sys.exit(2)
    except SettingsError as error:  # a list or map that is not JSON
        sys.stderr.write(f"{error}: {error.__cause__}\n")
        sys.exit(2)
    configure_logging(settings.log_level)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
