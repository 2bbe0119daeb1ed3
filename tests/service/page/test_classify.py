"""Classify: there as soon as a model for it is; each model's label of every text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # has none
from playwright.sync_api import Browser, expect

from service.settings import Settings
from tests.service.page.conftest import Visit, compare, visiting
from tests.service.page.test_access import RULES
from tests.service.running import running_service

TEXTS = ["The stock market fell & <b>rose</b>.", "🙂 It isn't $ in the u.s.", "ill"]


@pytest.fixture(scope="module")
def classifiers(classifiers_dir: Path) -> Iterator[httpx.Client]:
    models = ("mood-dense", "mood-set", "tiny-dense")
    settings = Settings(models_dir=classifiers_dir, models=models, port=0, pin_threads=False)
    with running_service(settings) as client:
        yield client


@pytest.fixture
def visit_classifiers(browser: Browser, classifiers: httpx.Client) -> Iterator[Visit]:
    with visiting(browser, classifiers) as open_page:
        yield open_page


def shown(share: float) -> str:
    """A probability as the page tells it."""
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.1f}".removesuffix(".0") + "%"


def test_without_a_model_there_is_no_such_section(visit: Visit) -> None:
    page = visit()
    expect(page.locator("#score .line")).to_have_count(2)
    expect(page.locator("nav a[href='#/classify']")).to_be_hidden()


def test_labels_and_probabilities_of_every_text_model_by_model(
    visit_classifiers: Visit, classifiers: httpx.Client
) -> None:
    expected = compare(classifiers, "classify", texts=TEXTS)
    assert {each["same"] for each in expected["differences"]} == {True, False}
    page = visit_classifiers("#/classify")
    page.get_by_label("Texts, one a line").fill("\n".join([TEXTS[0], "", *TEXTS[1:]]))
    page.get_by_role("button", name="Classify", exact=True).click()
    expect(page.get_by_role("link", name="Classify")).to_have_attribute("aria-current", "page")
    cards = page.locator("#classify article")
    expect(cards).to_have_count(3)
    for index, text in enumerate(TEXTS):
        card = cards.nth(index)
        expect(card.locator("blockquote")).to_have_text(text)
        assert card.locator("blockquote b").count() == 0  # text, whatever is in it
        difference = expected["differences"][index]
        verdict = "The models agree." if difference["same"] else "The models disagree."
        expect(card.locator(".verdict")).to_contain_text(verdict)
        most = max(difference["spreads"].values())
        expect(card.locator(".verdict")).to_contain_text(f"by {shown(most)}.")
        columns = card.locator(".columns > div")
        expect(columns).to_have_count(2)
        for column, answered in enumerate(expected["results"]):
            result = answered["response"]["results"][index]
            of_model = columns.nth(column)
            expect(of_model).to_contain_text(f"{answered['model']}: {result['label']}")
            expect(of_model).to_contain_text(f"{result['word_count']} words")
            best = sorted(result["scores"], key=result["scores"].__getitem__, reverse=True)
            rows = of_model.get_by_role("row")
            for row, label in enumerate(best):
                expect(rows.nth(row)).to_contain_text(label)
                expect(rows.nth(row)).to_contain_text(shown(result["scores"][label]))
    status = page.locator("#classify [role=status]")
    for answered in expected["results"]:
        first = answered["response"]["results"][0]
        told = f"{answered['model']}: {first['label']}, {shown(first['score'])}"
        expect(status).to_contain_text(told)


def test_of_many_texts_the_first_are_drawn_and_labels_are_counted(
    visit_classifiers: Visit,
) -> None:
    page = visit_classifiers("#/classify")
    page.get_by_label("Texts, one a line").fill("\n".join(["the stock fell"] * 130))
    page.get_by_role("button", name="Classify", exact=True).click()
    expect(page.locator("#classify article")).to_have_count(100)
    expect(page.locator("#classify .results")).to_contain_text("30 more texts")
    expect(page.locator("#classify [role=status]")).to_contain_text("mood-dense: 130 ")


def test_an_address_shows_the_same_to_whoever_opens_it(visit_classifiers: Visit) -> None:
    page = visit_classifiers("#/classify?text=it+fell%0Ait+rose&model=mood-set")
    expect(page.locator("#classify article")).to_have_count(2)
    expect(page.locator("#classify article").first).to_contain_text("mood-set")
    expect(page.locator("#classify article .verdict")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="mood-dense")).not_to_be_checked()


def test_examples_are_classified_and_what_is_missing_is_asked_for(visit_classifiers: Visit) -> None:
    page = visit_classifiers("#/classify")
    for example in ("Praise", "A complaint", "Both"):
        page.get_by_role("button", name=example, exact=True).click()
        expect(page.locator("#classify article")).to_have_count(2 if example == "Both" else 1)
    page.get_by_label("Texts, one a line").fill(" \n ")
    page.get_by_role("button", name="Classify", exact=True).click()
    expect(page.locator("#classify [role=alert]")).to_have_text("Type a text first.")


def test_a_text_without_words_is_named(visit_classifiers: Visit) -> None:
    page = visit_classifiers("#/classify")
    page.get_by_label("Texts, one a line").fill("it fell\n<br />")
    page.get_by_role("button", name="Classify", exact=True).click()
    expect(page.locator("#classify [role=alert]")).to_contain_text("has no words")


def test_a_classifier_has_a_card(visit_classifiers: Visit) -> None:
    page = visit_classifiers("#/models")
    card = page.locator("#models article").filter(has=page.get_by_role("heading", name="mood-set"))
    expect(card).to_contain_text("set · LSTM classifier · task classify")
    expect(card.locator("dl").first).to_contain_text("labelsnegative, neutral, positive")
    expect(page.get_by_role("img", name="test accuracy against multiply-adds")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_by_everyone(visit_classifiers: Visit, scheme: str) -> None:
    narrow = {"width": 360, "height": 700}
    page = visit_classifiers(
        "#/classify", color_scheme=scheme, reduced_motion="reduce", viewport=narrow
    )
    expect(page.locator("#classify article").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == narrow["width"]
    found = Axe().run(page, options={"runOnly": RULES[scheme], "resultTypes": ["violations"]})
    assert [each["id"] for each in found.response["violations"]] == []
