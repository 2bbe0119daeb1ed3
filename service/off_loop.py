"""Work on large texts in another thread, so that the event loop answers others meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

__all__ = ["off_loop_if_large"]

_LARGE_CHARACTERS = 4000
"""About 2 ms of work on the text; more of it at once would be felt by other requests."""

P = ParamSpec("P")
R = TypeVar("R")


async def off_loop_if_large(
    characters: int, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call a function: here if its text is short, else in a thread."""
    if characters < _LARGE_CHARACTERS:
        return function(*args, **kwargs)
    return await asyncio.to_thread(function, *args, **kwargs)
