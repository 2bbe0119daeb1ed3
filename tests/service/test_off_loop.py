"""What takes long is done in another thread, also if it is many small texts."""

import asyncio
import math
import threading
from pathlib import Path

import pytest

from service.metrics import Metrics
from service.off_loop import off_loop_if_large, work_of
from service.registry import Registry
from service.settings import Settings
from service.tasks.score import SCORE
from service.tasks.score.schemas import ScoreRequest
from tests.artifacts import make_artifact


@pytest.mark.parametrize(
    ("texts", "here"),
    [(["a b c"], True), (["a" * 5000], False), ([""] * 200, False), (["a"] * 8, True)],
)
def test_many_texts_are_work_however_short(texts: list[str], here: bool) -> None:
    thread = asyncio.run(off_loop_if_large(work_of(texts), threading.get_ident))
    assert (thread == threading.get_ident()) is here


def test_likeliest_words_are_work_too(tmp_path: Path) -> None:
    make_artifact(tmp_path / "tiny")
    settings = Settings(models_dir=tmp_path, pin_threads=False)
    registry = Registry(settings, Metrics().observe_batches)
    variant = registry.load("tiny")
    try:
        request = ScoreRequest(texts=["the"], top_k=49)
        prepared = SCORE.prepare(request, variant, settings, math.inf)
        variant.worker.submit(prepared.job)
        reply = prepared.finish(prepared.job.future.result(20))
        assert reply.work == 50 * SCORE.work(request)
    finally:
        registry.stop(20)
