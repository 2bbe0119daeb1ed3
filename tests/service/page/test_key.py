"""A service that wants an API key: the page asks for it once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # has none
from playwright.sync_api import expect

from service.settings import Settings
from tests.service.page.conftest import Visit
from tests.service.running import running_service

KEY = "a-key-of-a-team"


def test_the_page_asks_for_the_key_and_keeps_it(
    visit: Visit, settings_for: Callable[..., Settings]
) -> None:
    keys = {"team": {"sha256": hashlib.sha256(KEY.encode()).hexdigest()}}
    with running_service(settings_for(api_keys=keys, metrics_need_key=True)) as client:
        page = visit(base=str(client.base_url).rstrip("/"))
        alert = page.locator("#score [role=alert]")
        expect(alert).to_have_text("The service needs an API key. Give yours above.")
        expect(page.locator("#score form")).to_be_hidden()  # it could not be sent
        field = page.get_by_label("API key")
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [each["id"] for each in found] == []

        field.fill("another")
        page.get_by_role("button", name="Use it").click()
        expect(alert).to_contain_text("The service does not know this API key.")

        field.fill(f" {KEY} ")  # as it may be pasted
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("#score .line")).to_have_count(1)
        expect(field).to_be_hidden()
        page.get_by_role("link", name="Models", exact=True).click()
        expect(page.locator("#models .model")).to_have_count(1)
        page.get_by_role("link", name="Live").click()
        expect(page.locator("#live canvas").first).to_be_visible()
        assert KEY not in page.url
        page.reload()
        expect(page.locator("#live canvas").first).to_be_visible()
        assert page.evaluate("[sessionStorage.length, localStorage.length]") == [1, 0]
        page.close()


def test_the_cards_take_no_more_requests_than_there_are_sections(
    visit: Visit, settings_for: Callable[..., Settings]
) -> None:
    limited = {"requests_per_second": 0.01, "burst": 3}
    keys = {"team": {"sha256": hashlib.sha256(KEY.encode()).hexdigest()} | limited}
    with running_service(settings_for(models=None, api_keys=keys)) as client:
        page = visit("#/models", base=str(client.base_url).rstrip("/"))
        page.get_by_label("API key").fill(KEY)
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("#models .model")).to_have_count(2)
        first, second = page.locator("#models .model").all()
        first.get_by_text("How it was made").click()
        expect(first.get_by_text("1 January 2026")).to_be_visible()
        second.get_by_text("How it was made").click()
        expect(second.get_by_role("alert")).to_contain_text("takes no more for now")
        page.close()


def test_a_key_that_asks_too_often_is_told_so(
    visit: Visit, settings_for: Callable[..., Settings]
) -> None:
    limited = {"requests_per_second": 0.01, "burst": 1}  # spent on the list of models
    keys = {"team": {"sha256": hashlib.sha256(KEY.encode()).hexdigest()} | limited}
    with running_service(settings_for(api_keys=keys)) as client:
        page = visit(base=str(client.base_url).rstrip("/"))
        page.get_by_label("API key").fill(KEY)
        page.get_by_role("button", name="Use it").click()
        expect(page.locator("#score [role=alert]")).to_contain_text(
            "The service takes no more for now: the key 'team' may ask 0.01 times a second"
        )
        page.close()
