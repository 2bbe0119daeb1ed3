"""The API's interactive description: drawn in a browser, from the service alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from service.routes.page import DOCS_CONTENT_SECURITY_POLICY
from service.settings import Settings
from tests.service.page.conftest import Visit
from tests.service.running import running_service

DRAW_MS = 60_000
"""Swagger UI takes its time on a busy machine."""


def test_the_description_is_drawn_and_asks_no_other_host(visit: Visit) -> None:
    """`visit` fails on a request to another host, and on what the policy forbids."""
    page = visit("docs")
    page.set_default_timeout(DRAW_MS)
    page.locator("#operations-score-score_score_post").get_by_role("button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table .response").first
    expect(answer).to_contain_text('"log_prob"')
    page.wait_for_load_state("networkidle")


def test_the_policy_of_the_description(client: httpx.Client) -> None:
    response = client.get("/docs")
    assert response.headers["Content-Security-Policy"] == DOCS_CONTENT_SECURITY_POLICY
    assert "unsafe" not in DOCS_CONTENT_SECURITY_POLICY
    assert client.get("/redoc").status_code == 404


def test_a_key_can_be_given(visit: Visit, settings_for: Callable[..., Settings]) -> None:
    keys = {"team": {"sha256": hashlib.sha256(b"a-key").hexdigest()}}
    with running_service(settings_for(api_keys=keys)) as client:
        page = visit("docs", base=str(client.base_url).rstrip("/"))
        page.set_default_timeout(DRAW_MS)
        page.get_by_role("button", name="Authorize").click()
        form = page.locator(".auth-container").filter(has_text="X-API-Key")
        form.get_by_role("textbox").fill("a-key")
        form.locator("button.authorize").click()
        page.locator("button.close-modal").click()
        page.locator("#operations-models-list_models_models_get").get_by_role(
            "button"
        ).first.click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        expect(page.locator(".live-responses-table .response").first).to_contain_text("tiny-dense")
        page.close()
