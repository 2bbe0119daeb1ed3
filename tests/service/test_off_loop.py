"""What takes long is done in another thread, also if it is many small texts."""

import asyncio
import threading

import pytest

from service.off_loop import off_loop_if_large, work_of


@pytest.mark.parametrize(
    ("texts", "here"),
    [(["a b c"], True), (["a" * 5000], False), ([""] * 200, False), (["a"] * 8, True)],
)
def test_many_texts_are_work_however_short(texts: list[str], here: bool) -> None:
    thread = asyncio.run(off_loop_if_large(work_of(texts), threading.get_ident))
    assert (thread == threading.get_ident()) is here
