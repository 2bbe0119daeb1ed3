"""Answer: each model's best spans are marked in the passage."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from tests.service.page.conftest import Visit, compare

QUESTION = "What fell in the market?"
# characters that a browser counts as two and the service as one, and markup
PASSAGE = (
    "🙂🙂 <b>The stock</b> market fell. Traders said it rose in the u.s. & fell in years "
    "of no market."
)


def ask(page: Page) -> None:
    page.get_by_role("textbox", name="Passage").fill(PASSAGE)
    page.get_by_label("Question").fill(QUESTION)
    page.get_by_label("Question").press("Enter")


def test_each_models_answers_are_marked_in_the_passage(visit: Visit, served: httpx.Client) -> None:
    page = visit("#/answer")
    ask(page)
    results = compare(served, "answer", question=QUESTION, context=PASSAGE, top_k=3)["results"]
    cards = page.locator("#answer article")
    expect(page.locator("#answer [role=status]")).to_contain_text(
        f"{results[1]['model']}: “{results[1]['response']['answers'][0]['text']}”"
    )
    expect(cards).to_have_count(2)
    for index, result in enumerate(results):
        answers = result["response"]["answers"]
        passage = cards.nth(index).get_by_role("region")
        marks = passage.locator("mark")
        expect(marks).to_have_count(len(answers))
        for answer in answers:
            assert any(text.startswith(answer["text"]) for text in marks.all_inner_texts())
        expect(passage.locator("mark.best")).to_contain_text(answers[0]["text"])
        expect(passage.locator("mark.best")).to_contain_text("%")
        listed = cards.nth(index).locator("ol b").all_inner_texts()
        assert listed == [" ".join(answer["text"].split()) for answer in answers]


def test_a_passage_stays_text_whatever_is_in_it(visit: Visit) -> None:
    page = visit("#/answer")
    ask(page)
    passage = page.locator("#answer .passage").first
    expect(passage).to_contain_text("🙂")
    assert passage.locator("b").count() == 0
    passage.locator(".score").evaluate_all("scores => scores.forEach((each) => each.remove())")
    assert passage.inner_text() == PASSAGE


def test_what_is_missing_is_asked_for(visit: Visit) -> None:
    page = visit("#/answer")
    page.get_by_label("Question").fill("  ")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#answer [role=alert]")).to_have_text("Ask a question about the passage.")
    expect(page.get_by_label("Question")).to_be_focused()
    page.get_by_role("textbox", name="Passage").fill("")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#answer [role=alert]")).to_have_text("Put in a passage first.")
    expect(page.get_by_role("textbox", name="Passage")).to_be_focused()
