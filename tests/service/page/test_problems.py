"""What goes wrong is said in sentences."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from service.settings import Settings
from tests.service.conftest import Gate
from tests.service.page.conftest import Visit
from tests.service.running import running_service


def alert_after(page: Page, text: str) -> str:
    page.get_by_label("Sentences, one a line").fill(text)
    page.get_by_role("button", name="Score").click()
    alert = page.locator("#score [role=alert]")
    expect(alert).to_be_visible()
    return alert.locator("p").inner_text()


def test_too_long_a_text(visit: Visit) -> None:
    said = alert_after(visit(), "stock " * 400)
    assert said.startswith("This is too long for the service: Text 1: ")
    assert said.endswith("Shorten it and try again.")


def test_no_text_at_all(visit: Visit) -> None:
    assert alert_after(visit(), " \n ") == "Type a sentence first."


def test_a_service_without_a_language_model_begins_with_what_it_has(
    visit: Visit, settings_for: Callable[..., Settings], readers_dir: Path
) -> None:
    settings = settings_for(models_dir=readers_dir, models=["reader-dense"])
    with running_service(settings) as client:
        page = visit(base=str(client.base_url).rstrip("/"))
        expect(page.locator("#answer .passage")).to_be_visible()
        expect(page.get_by_role("link", name="Answer")).to_have_attribute("aria-current", "page")
        expect(page.locator("nav").get_by_role("link", name="Score")).to_be_hidden()
        page.get_by_role("link", name="issrnn").click()
        expect(page.locator("#answer")).to_be_visible()
        page.close()


def test_a_number_that_the_service_refuses(visit: Visit) -> None:
    page = visit()
    page.get_by_text("Options").first.click()
    page.get_by_label("Likeliest words shown").fill("99")
    said = alert_after(page, "the market")
    assert said.startswith("The service cannot work with this: The number shown: ")


def test_a_link_to_a_model_that_is_gone(visit: Visit) -> None:
    page = visit("#/score?text=the+market&model=lm-dense&model=former")
    expect(page.locator("#score [role=alert]")).to_contain_text(
        "This link asks for former, which the service no longer serves."
    )
    page.get_by_role("button", name="Score").click()
    expect(page.locator("#score .line")).to_have_count(1)


def test_a_model_that_goes_while_the_page_is_open(visit: Visit, served: httpx.Client) -> None:
    page = visit()
    expect(page.locator("#score .line")).to_have_count(2)
    page.evaluate("document.querySelector('#score .choices input').value = 'former'")
    said = alert_after(page, "the market")
    assert said.startswith("The service no longer has this: The models: there is no model 'former'")
    expect(page.locator("#score .choices label").first).to_have_text("lm-dense")


def test_a_full_queue(visit: Visit, settings_for: Callable[..., Settings], gate: Gate) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        running_service(settings_for(max_queued_requests=1)) as client,
    ):
        waiting = pool.submit(client.post, "/score", json={"texts": ["the market"]})
        assert gate.reached.acquire(timeout=20)
        page = visit(base=str(client.base_url).rstrip("/"))
        alert = page.locator("#score [role=alert]")
        expect(alert).to_contain_text(
            "The service takes no more for now: the queue is full; try again in"
        )
        gate.open.set()
        assert waiting.result(20).status_code == 200
        alert.get_by_role("button", name="Try again").click()
        expect(page.locator("#score .line")).to_have_count(1)
        page.close()


def test_a_deadline_that_passes(
    visit: Visit, settings_for: Callable[..., Settings], gate: Gate
) -> None:
    with running_service(settings_for(deadline_seconds=0.2)) as client:
        blocked = client.build_request("POST", "/score", json={"texts": ["the market"]})
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(client.send, blocked)
            assert gate.reached.acquire(timeout=20)
            page = visit(base=str(client.base_url).rstrip("/"))
            expect(page.locator("#score [role=status]")).to_have_text("Asking…")
            page.wait_for_timeout(400)
            gate.open.set()
            expect(page.locator("#score [role=alert]")).to_contain_text(
                "The answer took longer than the service allows"
            )
            waiting.result(20)
        page.close()


def test_a_service_that_is_gone(visit: Visit, settings_for: Callable[..., Settings]) -> None:
    with running_service(settings_for()) as client:
        page = visit(base=str(client.base_url).rstrip("/"))
        expect(page.locator("#score .line")).to_have_count(1)
    said = alert_after(page, "the market")
    assert said == "The service cannot be reached. Is it still running, and are you online?"
    page.get_by_role("link", name="Live").click()
    expect(page.locator("#live [role=alert]")).to_contain_text("The service cannot be reached.")
