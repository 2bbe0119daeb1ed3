"""Score: what is typed is scored by every model, and each word tells more when asked."""

from __future__ import annotations

import math

import httpx
from playwright.sync_api import Page, expect

from tests.service.page.conftest import Visit, compare

TEXT = "The stock market fell in gloom, said Mr. Smith."


def type_text(page: Page, text: str) -> None:
    """Afterwards the results are of this text, no longer of the first example."""
    page.get_by_label("Sentences, one a line").fill(text)
    page.get_by_role("button", name="Score").click()
    expect(page.locator("#score .results")).to_have_attribute("aria-busy", "false")


def tokens(page: Page, line: int = 0) -> list[str]:
    return page.locator("#score .tokens").nth(line).locator("button.token").all_inner_texts()


def test_an_example_is_scored_before_anything_is_typed(visit: Visit) -> None:
    page = visit()
    expect(page.locator("#score [role=status]")).to_contain_text("tokens scored. Perplexity:")
    assert page.title() == "Score · issrnn"


def test_every_model_colours_each_word_by_its_probability(
    visit: Visit, served: httpx.Client
) -> None:
    page = visit()
    type_text(page, TEXT)
    expected = compare(served, "score", texts=[TEXT])
    status = page.locator("#score [role=status]")
    for result in expected["results"]:
        perplexity = f"{result['response']['scores'][0]['perplexity']:.3g}"
        expect(status).to_contain_text(f"{result['model']} {perplexity}")
    assert page.locator("#score .line-head b").all_inner_texts() == ["lm-dense", "lm-iss"]
    assert tokens(page) == tokens(page, 1)
    assert " ".join(tokens(page)) == "The stock market fell in gloom said Mr. Smith ⏎"
    scores = expected["results"][1]["response"]["scores"][0]["tokens"]
    line = page.locator("#score .tokens").nth(1).locator("button.token")
    for index, token in enumerate(scores):
        rarer = math.ceil(-token["log_prob"] / math.log(10) - 1e-9)
        likely = token["log_prob"] >= math.log(0.5)
        surprise = 0 if likely else min(max(rarer, 1), 5)
        expect(line.nth(index)).to_contain_class(f"s{surprise}")
    assert page.locator("#score .lines .unknown").all_inner_texts() == ["gloom", "gloom"]


def test_words_on_which_the_models_disagree_are_marked_and_listed(
    visit: Visit, served: httpx.Client
) -> None:
    page = visit()
    type_text(page, TEXT)
    expect(page.locator("#score .line")).to_have_count(2)
    largest = compare(served, "score", texts=[TEXT])["differences"][0]["largest"]
    marked = [each["position"] for each in largest if each["spread"] >= math.log(2)]
    assert marked  # two random models disagree on something
    expect(page.get_by_role("table", name="Where the models disagree most")).to_be_visible()
    first = page.locator("#score .tokens").first.locator("button.differs")
    positions = [int(each.get_attribute("data-position") or -1) for each in first.all()]
    assert positions == sorted(marked)


def test_pointing_at_a_word_tells_what_each_model_expected(
    visit: Visit, served: httpx.Client
) -> None:
    page = visit()
    type_text(page, TEXT)
    expect(page.locator("#score .line")).to_have_count(2)
    page.locator("#score .tokens").nth(1).get_by_text("market").hover()
    details = page.get_by_role("tooltip")
    results = compare(served, "score", texts=[TEXT], top_k=5)["results"]
    for result in results:
        token = result["response"]["scores"][0]["tokens"][2]
        expect(details).to_contain_text(result["model"])
        expect(details).to_contain_text(f"log-probability {token['log_prob']:.3g}")
        expect(details).to_contain_text(token["top"][0]["text"])
    page.locator("#score-title").hover()
    expect(details).to_be_hidden()


def test_what_is_told_of_a_word_never_covers_it(visit: Visit) -> None:
    """Also where the panel is too high for the room above or below, as with many models."""
    page = visit(viewport={"width": 1200, "height": 260})
    type_text(page, TEXT)
    expect(page.locator("#score .line")).to_have_count(2)
    for word in page.locator("#score .tokens").nth(1).locator("button").all():
        page.mouse.move(0, 0)
        expect(page.get_by_role("tooltip")).to_be_hidden()
        word.hover()
        panel = page.get_by_role("tooltip").bounding_box()
        box = word.bounding_box()
        assert panel is not None
        assert box is not None
        assert (
            panel["x"] >= box["x"] + box["width"]
            or panel["x"] + panel["width"] <= box["x"]
            or panel["y"] >= box["y"] + box["height"]
            or panel["y"] + panel["height"] <= box["y"]
        )
        assert panel["y"] >= 0
        assert panel["y"] + panel["height"] <= 260


def test_all_of_it_works_with_the_keyboard_alone(visit: Visit) -> None:
    page = visit()
    field = page.get_by_label("Sentences, one a line")
    expect(field).to_be_visible()  # hidden until the models are known, and then not focusable
    field.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("the market fell")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#score .line").first).to_contain_text("market")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('token')"):
            break
    details = page.get_by_role("tooltip")
    expect(details).to_contain_text("the")
    page.keyboard.press("ArrowRight")
    expect(details).to_contain_text("market")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('ol').ariaLabel").endswith(
        "lm-iss expects them"
    )
    page.keyboard.press("End")
    expect(details).to_contain_text("End of the sentence")
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()


def test_the_browsers_own_keys_are_left_to_it(visit: Visit) -> None:
    page = visit()
    token = page.locator("#score .tokens button").nth(1)
    token.focus()
    for keys in ("Alt+ArrowLeft", "Control+End", "Meta+ArrowRight"):
        page.keyboard.press(keys)
        expect(token).to_be_focused()


def test_models_can_be_left_out(visit: Visit) -> None:
    page = visit()
    expect(page.locator("#score .line")).to_have_count(2)
    page.get_by_role("checkbox", name="lm-dense").uncheck()
    expect(page.locator("#score .line")).to_have_count(1)
    assert "model=lm-iss" in page.url
    page.get_by_role("checkbox", name="lm-iss").uncheck()
    expect(page.get_by_role("alert")).to_have_text("Choose at least one model.")


def test_a_long_document_is_scored_without_drawing_its_words(visit: Visit) -> None:
    page = visit()
    type_text(page, "\n".join(["the stock market fell and traders said it rose"] * 500))
    expect(page.get_by_text("The text is long")).to_be_visible()
    expect(page.locator("#score [role=status]")).to_contain_text("5,000 tokens scored.")
    expect(page.locator("#score [role=status]")).to_contain_text("too long for a link")
    expect(page.get_by_role("table", name="Perplexity")).to_be_visible()
    assert page.url.endswith("#/score")


def test_times_are_the_fastest_of_several_runs(visit: Visit) -> None:
    page = visit()
    times = page.get_by_role("table", name="Time to compute")
    expect(times).to_contain_text("fastest of 7 runs")
    expect(times.get_by_role("row")).to_have_count(2)
