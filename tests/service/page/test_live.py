"""Live: the service's own metrics, read as Prometheus would, and drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from service.settings import Settings
from tests.artifacts import make_artifact
from tests.service.page.conftest import Visit
from tests.service.running import running_service

HISTORY = """async (scrapes) => {
  const { History } = await import(new URL("page/history.js", document.baseURI));
  const history = new History();
  for (const [at, text] of scrapes) history.add(at, text);
  return history.of("tiny", 0, "request");
}"""


class Scraped:
    """Metrics of one model with the service's names."""

    def __init__(self, started: float | None = None) -> None:
        self.registry = CollectorRegistry()
        if started is not None:
            Gauge("process_start_time_seconds", "", registry=self.registry).set(started)
        self.requests = Counter(
            "issrnn_requests", "", ("endpoint", "model", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "issrnn_request_seconds", "", ("model",), buckets=(0.1, 0.2, 0.4),
            registry=self.registry,
        )  # fmt: skip
        self.queue = Histogram(
            "issrnn_queue_seconds", "", ("endpoint", "model"), registry=self.registry
        )
        self.batch = Histogram(
            "issrnn_batch_size", "", ("model",), buckets=(1, 2, 4), registry=self.registry
        )

    def text(self) -> str:
        return generate_latest(self.registry).decode()


def points(visit: Visit, scrapes: list[tuple[int, str]]) -> Any:
    return visit().evaluate(HISTORY, [list(scrape) for scrape in scrapes])


def test_rates_and_percentiles_are_those_between_two_scrapes(visit: Visit) -> None:
    scraped = Scraped()
    scraped.seconds.labels("tiny").observe(0.3)  # before: must not count
    scraped.requests.labels("/score", "tiny", "200").inc(7)
    first = scraped.text()
    scraped.requests.labels("/score", "tiny", "200").inc(30)
    scraped.requests.labels("/compare", "several", "200").inc(8)
    scraped.requests.labels("/compare", "tiny", "200").inc(2)
    for _ in range(10):
        scraped.queue.labels("/compare", "tiny").observe(0.001)
        scraped.queue.labels("/compare", "other").observe(0.001)
    scraped.queue.labels("/score", "tiny").observe(0.001)
    for seconds in (0.05, 0.15, 0.15, 0.15):
        scraped.seconds.labels("tiny").observe(seconds)
    for size in (1, 2, 3):
        scraped.batch.labels("tiny").observe(size)
    before, after = points(visit, [(1000, first), (11_000, scraped.text())])
    assert before["rate"] is None
    assert after["rate"] == pytest.approx(4.0)  # the comparison counts for each of its models
    assert after["p50"] == pytest.approx(0.1 + 0.1 / 3)  # the second of four: a third of 0.1 to 0.2
    assert after["p99"] == pytest.approx(0.1 + 0.1 * (3.96 - 1) / 3)
    assert after["batch"] == pytest.approx(2.0)


def test_a_service_that_started_anew_counts_from_zero(visit: Visit) -> None:
    old, new = Scraped(), Scraped()
    old.requests.labels("/score", "tiny", "200").inc(500)
    new.requests.labels("/score", "tiny", "200").inc(20)
    assert points(visit, [(0, old.text()), (10_000, new.text())])[1]["rate"] == pytest.approx(2.0)


def test_replicas_that_answer_in_turn_are_not_taken_for_each_other(visit: Visit) -> None:
    one, other = Scraped(started=1), Scraped(started=2)
    one.requests.labels("/score", "tiny", "200").inc(500)
    other.requests.labels("/score", "tiny", "200").inc(7)
    scrapes = [(0, one.text()), (2000, other.text())]
    one.requests.labels("/score", "tiny", "200").inc(20)
    other.requests.labels("/score", "tiny", "200").inc(30)
    scrapes += [(10_000, one.text()), (12_000, other.text())]
    rates = [point["rate"] for point in points(visit, scrapes)]
    assert rates == [None, None, pytest.approx(2.0), pytest.approx(3.0)]


def test_what_happened_while_nobody_looked_is_left_open(visit: Visit) -> None:
    scraped = Scraped()
    scraped.requests.labels("/score", "tiny", "200").inc(500)
    assert points(visit, [(0, scraped.text()), (60_000, scraped.text())])[1]["rate"] is None


def test_values_beyond_the_last_bucket_are_given_its_bound(visit: Visit) -> None:
    scraped = Scraped()
    scraped.seconds.labels("tiny").observe(0)
    first = scraped.text()
    scraped.seconds.labels("tiny").observe(60)
    assert points(visit, [(0, first), (5000, scraped.text())])[1]["p99"] == pytest.approx(0.4)


def test_traffic_shows_up_within_seconds(visit: Visit, served: httpx.Client) -> None:
    page = visit("#/live")
    charts = page.locator("#live figure")
    expect(charts).to_have_count(6)
    expect(charts.locator("canvas")).to_have_count(6)
    row = page.get_by_role("row", name="lm-iss")
    for _ in range(8):
        body = {"texts": ["the market fell"], "model": "lm-iss"}
        assert served.post("/score", json=body).status_code == 200
    expect(row.get_by_role("cell").nth(2)).to_contain_text("ms")  # the median of whole requests
    rate = row.get_by_role("cell").first
    expect(rate).not_to_have_text("0")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Pause")).to_have_attribute("aria-pressed", "true")
    paused = rate.inner_text()
    for _ in range(20):
        assert served.post("/score", json=body).status_code == 200
    for _ in range(2):
        with page.expect_response("**/metrics"):
            pass
    page.get_by_label("Percentile").select_option("99")
    expect(page.locator("#live figcaption").nth(1)).to_contain_text("99th")
    expect(rate).to_have_text(paused)
    page.get_by_role("button", name="Pause").click()
    expect(rate).not_to_have_text(paused)


def test_a_model_that_is_added_shows_up_by_itself(visit: Visit, tmp_path: Path) -> None:
    make_artifact(tmp_path / "first")
    settings = Settings(
        models_dir=tmp_path,
        port=0,
        pin_threads=False,
        admin_token="open sesame",  # noqa: S106 - of this test alone
    )
    with running_service(settings) as client:
        page = visit("#/live", base=str(client.base_url).rstrip("/"))
        expect(page.get_by_role("row", name="first")).to_be_visible()
        make_artifact(tmp_path / "second")
        headers = {"Authorization": "Bearer open sesame"}
        assert client.post("/models/second/reload", headers=headers).status_code == 200
        expect(page.get_by_role("row", name="second")).to_be_visible()
        # the charts of before are gone for good
        assert page.evaluate("uPlot.sync('live').plots.length") == 6
        page.get_by_role("link", name="Score", exact=True).click()
        expect(page.get_by_role("checkbox", name="second")).to_be_visible()
        page.close()
