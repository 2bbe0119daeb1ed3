"""A link in the address bar reproduces what is on the screen."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlencode

from playwright.sync_api import Page, expect

from tests.service.page.conftest import Visit


def fragment(page: Page) -> str:
    return "#" + page.url.partition("#")[2]


def test_a_score_with_all_its_options(visit: Visit) -> None:
    page = visit()
    page.get_by_role("checkbox", name="lm-dense").uncheck()
    page.get_by_text("Options").first.click()
    page.get_by_label("Likeliest words shown").fill("2")
    page.get_by_label("The lines are one document").check()
    page.get_by_label("Sentences, one a line").fill("the stock rose & fell\nit is #1 = “no?”")
    page.get_by_role("button", name="Score").click()
    expect(page.locator("#score .lines")).to_have_count(2)
    before = page.locator("#score .tokens").all_inner_texts()

    copy = visit(fragment(page))
    expect(copy.locator("#score .lines")).to_have_count(2)
    assert copy.locator("#score .tokens").all_inner_texts() == before
    assert copy.locator("#score .line-head").all_inner_texts() == (
        page.locator("#score .line-head").all_inner_texts()
    )
    text = copy.get_by_label("Sentences, one a line")
    assert text.input_value() == "the stock rose & fell\nit is #1 = “no?”"
    assert not copy.get_by_role("checkbox", name="lm-dense").is_checked()
    copy.get_by_text("Options").first.click()
    expect(copy.get_by_label("Likeliest words shown")).to_have_value("2")
    expect(copy.get_by_label("The lines are one document")).to_be_checked()


def test_an_answer(visit: Visit) -> None:
    query = {"context": "The stock fell. Traders said no.", "question": "Who said no?", "top": "2"}
    page = visit("#/answer?" + urlencode(query))
    expect(page.locator("#answer article")).to_have_count(2)
    assert page.locator("#answer article").first.locator("mark").count() == 2
    expect(page.get_by_label("Question")).to_have_value("Who said no?")
    assert parse_qs(fragment(page).partition("?")[2]) == {
        name: [value] for name, value in query.items()
    }


def test_live_as_it_was_set(visit: Visit) -> None:
    page = visit("#/live")
    page.get_by_label("Percentile").select_option("99")
    page.get_by_role("combobox", name="Time").select_option("compute")
    copy = visit(fragment(page))
    expect(copy.get_by_text("Latency, ms: 99th percentile, computing")).to_be_visible()
    expect(copy.get_by_label("Last")).to_have_value("5")


def test_cards_that_are_open(visit: Visit) -> None:
    page = visit("#/models?open=lm-iss")
    card = page.locator("#models article", has=page.get_by_role("heading", name="lm-iss"))
    expect(card.get_by_text("command", exact=True)).to_be_visible()
    page.locator("#models article").filter(has_text="lm-dense").get_by_text("How it was").click()
    expect(page).to_have_url(re.compile("open=lm-dense"))


def test_going_back_shows_what_was_there(visit: Visit) -> None:
    page = visit("#/score?text=the+market")
    line = page.locator("#score .tokens").first
    expect(line).to_contain_text("market")
    page.get_by_label("Sentences, one a line").fill("it is ill")
    page.get_by_role("button", name="Score").click()
    expect(line).to_contain_text("ill")
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.get_by_role("heading", name="What is being served?")).to_be_focused()
    page.go_back()
    expect(line).to_contain_text("ill")
    page.go_back()
    expect(line).to_contain_text("market")
    expect(page.get_by_label("Sentences, one a line")).to_have_value("the market")


def test_a_section_is_left_and_found_again_as_it_was(visit: Visit) -> None:
    page = visit("#/score?text=the+market")
    expect(page.locator("#score .line")).to_have_count(2)
    page.get_by_role("link", name="Live").click()
    page.get_by_role("link", name="Score", exact=True).click()
    expect(page.locator("#score .tokens").first).to_contain_text("market")
    assert "text=the+market" in page.url


def test_an_address_that_means_nothing_does_no_harm(visit: Visit) -> None:
    page = visit("#/nowhere")
    for wrong in ("#/score?unknown=1", "#%", "#/live?minutes=9", "#/models?score=none"):
        expect(page.locator("main section:visible")).to_have_count(1)
        page.goto(page.url.partition("#")[0] + wrong)
    expect(page.get_by_role("heading", name="What is being served?")).to_be_visible()
