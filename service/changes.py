"""Changes that operators make while the service runs, out of the way of requests and each other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, ParamSpec, TypeVar

from fastapi import Depends, Request

__all__ = ["Changes", "RequestChanges"]

P = ParamSpec("P")
R = TypeVar("R")


class Changes:
    """What the routes that change something share; used by the event loop alone."""

    def __init__(self) -> None:
        """Start a thread once there is something to do."""
        self.naming = asyncio.Lock()
        """Held while a model is taken away, and while a split is made that may name it: unloading
        may have to wait, and what was true of the splits before must still be true after."""
        # Loads wait for each other. In asyncio's own threads, which are few, they would leave none
        # to the large requests.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="changes")

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call a function that may take long, after those that came before."""
        call = partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def stop(self) -> None:
        """Begin nothing more; what has begun goes on until it is done."""
        self._thread.shutdown(wait=False, cancel_futures=True)


async def _changes(http: Request) -> Changes:
    changes: Changes = http.app.state.changes
    return changes


RequestChanges = Annotated[Changes, Depends(_changes)]
