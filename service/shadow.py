"""A second model that answers the same requests, off their path: only its metrics are kept."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from service.answering import Context, off_loop_if_large
from service.jobs import Job, OverloadedError, ScoredSequence
from service.schemas import ScoreRequest
from service.scoring import EncodedText, encode_texts, to_sequences
from service.variants import Variant
from service.worker import WorkerStoppedError

__all__ = ["Shadow", "count_tokens"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Offer:
    endpoint: str
    request: ScoreRequest


class Shadow:
    """Runs one request at a time from a short queue of its own; what does not fit is dropped."""

    def __init__(self, context: Context) -> None:
        """Prepare; `run` works the queue."""
        self._context = context
        self._offers: asyncio.Queue[_Offer] = asyncio.Queue(context.settings.shadow_queue)

    def offer(self, endpoint: str, request: ScoreRequest, answered_by: Variant) -> None:
        """Hand over a request, unless the shadow itself answered it or is busy; never waits."""
        name = self._context.settings.shadow.get("score")
        if name is None or name == answered_by.name:
            return
        try:
            self._offers.put_nowait(_Offer(endpoint, request))
        except asyncio.QueueFull:
            self._context.metrics.shadow_dropped.labels(name).inc()

    async def run(self) -> None:
        """Work the queue until cancelled."""
        while True:
            offer = await self._offers.get()
            try:
                await self._answer(offer)
            except (OverloadedError, WorkerStoppedError):
                name = self._context.settings.shadow["score"]
                self._context.metrics.shadow_dropped.labels(name).inc()
            except Exception:  # the shadow must never end the service
                log.exception("the shadow model failed")

    async def _answer(self, offer: _Offer) -> None:
        variant = self._context.models.get(self._context.settings.shadow["score"])
        if variant is None:
            return
        request = offer.request
        characters = sum(map(len, request.texts))
        texts = await off_loop_if_large(characters, encode_texts, request, variant.vocabulary)
        job = Job(to_sequences(texts, variant.vocabulary, carry_state=request.carry_state))
        variant.worker.submit(job)
        result = await asyncio.wrap_future(job.future)
        labels = (offer.endpoint, variant.name, variant.card.variant, "shadow")
        metrics = self._context.metrics
        metrics.queue_seconds.labels(*labels).observe(result.queue_seconds)
        metrics.compute_seconds.labels(*labels).observe(result.compute_seconds)
        count_tokens(self._context, labels, texts, result.sequences)


def count_tokens(
    context: Context,
    labels: tuple[str, str, str, str],
    texts: list[EncodedText],
    scored: tuple[ScoredSequence, ...],
) -> None:
    """Add scored texts to the counters that give the traffic's perplexity.

    Args:
        context: Has the metrics.
        labels: Endpoint, model, variant and role.
        texts: As encoded.
        scored: The model's answers.
    """
    metrics = context.metrics
    metrics.tokens.labels(*labels).inc(sum(len(text.ids) for text in texts))
    metrics.unknown.labels(*labels).inc(sum(text.unknown_count for text in texts))
    total = sum(float(sequence.log_probs.sum(dtype="float64")) for sequence in scored)
    metrics.negative_log_prob.labels(*labels).inc(max(0.0, -total))
