"""Prometheus metrics: where time goes, how full batches and queues are, what traffic scores."""

from __future__ import annotations

import platform
from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from issrnn.artifact import Card
from service.registry import Registry
from service.versions import version_of
from service.worker import BatchObserver

__all__ = ["Metrics", "QueueCollector"]

_SECONDS = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05,
    0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0,
)  # fmt: skip
_ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_BY_REQUEST = ("endpoint", "model", "variant")
_BY_MODEL = ("model", "variant")
_BUILD = ("version", "python", "onnxruntime")


class Metrics:
    """All metrics, in a registry of their own.

    Labels: ``endpoint`` is the route's template; ``model`` and ``variant`` are empty where no model
    answered; ``role`` is ``live`` or ``shadow``; ``label`` is one of a classifier's.
    """

    def __init__(self) -> None:
        """Register all metrics."""
        # a second series for each, which no dashboard reads; prometheus_client leaves it untyped
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Gauge(
            "issrnn_build_info", "1; the release, and what it runs on.", _BUILD,
            registry=self.registry, multiprocess_mode="livemax",
        )  # fmt: skip
        build.labels(
            version_of("issrnn"), platform.python_version(), version_of("onnxruntime")
        ).set(1)
        self.requests = self._counter(
            "issrnn_requests", "Requests answered.", (*_BY_REQUEST, "status")
        )
        self.request_seconds = self._histogram(
            "issrnn_request_seconds", "Whole requests.", _BY_REQUEST
        )
        self.queue_seconds = self._histogram(
            "issrnn_queue_seconds", "Waiting for the model.", (*_BY_REQUEST, "role")
        )
        self.compute_seconds = self._histogram(
            "issrnn_compute_seconds",
            "In batches with a part of the request.",
            (*_BY_REQUEST, "role"),
        )
        self.in_flight = Gauge(
            "issrnn_in_flight_requests", "Requests not answered yet.", registry=self.registry,
            multiprocess_mode="livesum",
        )  # fmt: skip
        self.shed = self._counter("issrnn_shed", "Requests answered 429.", _BY_REQUEST)
        self.deadlines = self._counter(
            "issrnn_deadline_exceeded", "Requests answered 504.", _BY_REQUEST
        )
        self.key_requests = self._counter(
            "issrnn_key_requests",
            "Requests by API key, and what became of them.",
            ("key", "outcome"),
        )
        self.tokens = self._counter(
            "issrnn_scored_tokens", "Tokens scored.", (*_BY_REQUEST, "role")
        )
        self.unknown = self._counter(
            "issrnn_unknown_tokens", "Scored tokens not in the vocabulary.", (*_BY_REQUEST, "role")
        )
        self.negative_log_prob = self._counter(
            "issrnn_negative_log_prob",
            "Sum over scored tokens; exp(this / scored tokens) is the traffic's perplexity.",
            (*_BY_REQUEST, "role"),
        )
        self.questions = self._counter(
            "issrnn_answered_questions", "Questions answered.", (*_BY_REQUEST, "role")
        )
        self.windows = self._counter(
            "issrnn_read_windows", "Windows of contexts read for them.", (*_BY_REQUEST, "role")
        )
        self.answer_probability = self._counter(
            "issrnn_answer_probability",
            "Sum over best answers; this / answered questions is how sure the model is.",
            (*_BY_REQUEST, "role"),
        )
        self.classified_texts = self._counter(
            "issrnn_classified_texts",
            "Texts classified, by the label they got.",
            (*_BY_REQUEST, "role", "label"),
        )
        self.label_probability = self._counter(
            "issrnn_label_probability",
            "Sum over these labels; this / classified texts is how sure the model is.",
            (*_BY_REQUEST, "role"),
        )
        self.classified_words = self._counter(
            "issrnn_classified_words", "Words of classified texts.", (*_BY_REQUEST, "role")
        )
        self.unknown_words = self._counter(
            "issrnn_unknown_words", "Those not in the vocabulary.", (*_BY_REQUEST, "role")
        )
        self.shadow_dropped = self._counter(
            "issrnn_shadow_dropped",
            "Requests not shadowed, as the shadow was busy or could not read them.",
            ("model",),
        )
        self.batch_size = Histogram(
            "issrnn_batch_size", "Chunks or windows in a batch.", _BY_MODEL, buckets=_ROWS,
            registry=self.registry,
        )  # fmt: skip
        self.batch_seconds = self._histogram("issrnn_batch_seconds", "Batches.", _BY_MODEL)
        self.computed_tokens = self._counter(
            "issrnn_computed_tokens", "Steps computed, without padding.", _BY_MODEL
        )
        self.padded_steps = self._counter(
            "issrnn_padding_steps", "Steps computed in vain.", _BY_MODEL
        )

    def observe_batches(self, card: Card) -> BatchObserver:
        """What a model's worker tells of its batches."""
        labels = (card.name, card.variant)
        size = self.batch_size.labels(*labels)
        batch_seconds = self.batch_seconds.labels(*labels)
        computed, padded = self.computed_tokens.labels(*labels), self.padded_steps.labels(*labels)

        def observe(rows: int, tokens: int, steps: int, seconds: float) -> None:
            size.observe(rows)
            batch_seconds.observe(seconds)
            computed.inc(tokens)
            padded.inc(steps - tokens)

        return observe

    def _counter(self, name: str, text: str, labels: Iterable[str]) -> Counter:
        return Counter(name, text, tuple(labels), registry=self.registry)

    def _histogram(self, name: str, text: str, labels: Iterable[str]) -> Histogram:
        return Histogram(name, text, tuple(labels), buckets=_SECONDS, registry=self.registry)


class QueueCollector(Collector):
    """Reads the queues when Prometheus asks."""

    def __init__(self, models: Registry) -> None:
        """Watch a registry's models."""
        self._models = models

    def collect(self) -> Iterable[Metric]:
        """Depth of each queue, and whether each model is ready."""
        requests = GaugeMetricFamily(
            "issrnn_queued_requests", "Requests not computed yet.", labels=_BY_MODEL
        )
        tokens = GaugeMetricFamily(
            "issrnn_queued_tokens", "Tokens not computed yet.", labels=_BY_MODEL
        )
        for variant in self._models.ready():
            labels = (variant.name, variant.card.variant)
            requests.add_metric(labels, variant.worker.queued_requests)
            tokens.add_metric(labels, variant.worker.queued_tokens)
        ready = GaugeMetricFamily(
            "issrnn_model_ready", "1 if it serves.", labels=("model", "variant", "engine")
        )
        for info in self._models.infos():
            ready.add_metric(
                (info.name, info.variant or "", info.engine or ""), float(info.state == "ready")
            )
        return requests, tokens, ready
