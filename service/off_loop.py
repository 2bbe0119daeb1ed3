"""Work on large texts in another thread, so that the event loop answers others meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

__all__ = ["off_loop_if_large", "work_of"]

_LARGE = 4000
"""Characters: about 2 ms of work on a text; more of it at once would be felt by other requests."""

_EACH = 60
"""Characters that an empty text is worth: it is still read, computed and answered."""

P = ParamSpec("P")
R = TypeVar("R")


def work_of(texts: Iterable[str]) -> int:
    """How much work texts are, in characters."""
    return sum(len(text) + _EACH for text in texts)


async def off_loop_if_large(
    work: int, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call a function: here if its work (in characters) is small, else in a thread."""
    if work < _LARGE:
        return function(*args, **kwargs)
    return await asyncio.to_thread(function, *args, **kwargs)
