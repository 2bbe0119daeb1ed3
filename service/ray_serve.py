"""The application as a deployment of Ray Serve, for more than one machine.

``serve run deploy/ray/serve.yaml``; Ray is no dependency of this project (``pip install
'ray[serve]'``). Every replica is the whole application: registry, engines, batching, the page.
Where `DIRECTORY_VARIABLE` is set, a node's replicas add up their metrics.
https://docs.ray.io/en/latest/serve/http-guide.html
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ray import serve
from starlette.types import ASGIApp

from service.app import create_app
from service.default_split import read_default_split
from service.logs import configure_logging
from service.settings import Settings
from service.shared_metrics import DIRECTORY_VARIABLE, with_shared_gauges

__all__ = ["application"]


def application(arguments: dict[str, Any]) -> Any:
    """What ``import_path`` of ``serve.yaml`` names.

    Args:
        arguments: Settings by name, in place of environment variables; the environment holds for
            the others.

    Returns:
        The application of Ray Serve, whose replicas each load the models anew.

    Raises:
        pydantic.ValidationError: If a setting is wrong or unknown.
        DefaultSplitError: If the models' folder holds a split that is damaged.
    """
    # a request to an admin route would reach one replica, and leave the others as they are
    settings = Settings(**arguments).model_copy(update={"admin_token": None})
    read_default_split(settings)  # what is wrong with it is said here and not by every replica

    def build() -> ASGIApp:
        configure_logging(settings.log_level)
        if directory := os.environ.get(DIRECTORY_VARIABLE):
            Path(directory).mkdir(parents=True, exist_ok=True)
        return with_shared_gauges(create_app(settings))

    return serve.deployment(serve.ingress(build)(), name="issrnn").bind()
