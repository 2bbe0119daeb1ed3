"""The shadow's queue is short, and never in the way."""

from __future__ import annotations

from collections.abc import Callable

from service.api_keys import ApiKeys
from service.context import Context
from service.metrics import Metrics
from service.registry import Registry
from service.settings import Settings
from service.shadow import Shadow
from service.splits import Splits
from service.tasks.score import SCORE
from service.tasks.score.schemas import ScoreRequest


def test_what_does_not_fit_is_dropped_and_counted(settings_for: Callable[..., Settings]) -> None:
    settings = settings_for(models=None, shadow={"score": "tiny-iss"}, shadow_queue=2)
    metrics = Metrics()
    registry = Registry(settings, metrics.observe_batches)
    registry.load_all()
    try:
        dense, iss = registry.ready()
        keys = ApiKeys(settings, metrics.key_requests)
        shadow = Shadow(Context(settings, registry, metrics, Splits(settings), keys))
        for _ in range(5):
            shadow.offer("/score", SCORE, ScoreRequest(texts=["the"]), dense)
        shadow.offer("/score", SCORE, ScoreRequest(texts=["the"]), iss)
        dropped = metrics.registry.get_sample_value(
            "issrnn_shadow_dropped_total", {"model": "tiny-iss"}
        )
        assert dropped == 3
    finally:
        registry.stop(5)
