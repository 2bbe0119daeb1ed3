"""Classify: there as soon as a model for it is.

No network of this project classifies yet, so the two answers of the service are told here, in the
shape of its contract; everything else is real.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
from playwright.sync_api import Route, expect

from tests.service.page.conftest import Visit

CLASSIFIER = {
    "name": "mood-dense",
    "task": "classify",
    "variant": "dense",
    "state": "ready",
    "multiply_adds": 10,
}


def result(label: str, score: float) -> dict[str, Any]:
    return {"label": label, "score": score, "scores": {"good": 1 - score, "bad": score}}


def test_without_a_model_there_is_no_such_section(visit: Visit) -> None:
    page = visit()
    expect(page.locator("#score .line")).to_have_count(2)
    expect(page.locator("nav a[href='#/classify']")).to_be_hidden()


def test_labels_and_probabilities_of_every_text(visit: Visit, served: httpx.Client) -> None:
    models = served.get("/models").json()["models"]

    def list_models(route: Route) -> None:
        route.fulfill(json={"models": [*models, CLASSIFIER]})

    def answer(route: Route) -> None:
        body = json.loads(route.request.post_data or "")
        if body["task"] != "classify":  # of the section that was open before
            route.continue_()
            return
        results = [result("bad", 0.875) for _ in body["request"]["texts"]]
        timing = {"queue": 0.1, "compute": 2.0, "total": 2.5}
        response = {"model": "mood-dense", "results": results, "timing_ms": timing}
        answered = {"model": "mood-dense", "latency_ms": 3.0, "response": response}
        route.fulfill(json={"task": "classify", "results": [answered], "differences": []})

    page = visit()
    page.route("**/models", list_models)
    page.route("**/compare", answer)
    page.goto(page.url.partition("#")[0] + "#/classify?text=Never+again.%0ANo.")
    page.reload()
    expect(page.get_by_role("link", name="Classify")).to_have_attribute("aria-current", "page")
    cards = page.locator("#classify article")
    expect(cards).to_have_count(2)
    expect(cards.first).to_contain_text("Never again.")
    expect(cards.first.get_by_role("row", name="bad")).to_contain_text("88%")
    expect(page.locator("#classify [role=status]")).to_contain_text("mood-dense: bad, 88%")
