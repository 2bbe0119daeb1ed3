"""Models: cards say what is left of a model, what it costs, how good it is, how it was made."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.service.page.conftest import visiting


@pytest.fixture(scope="module")
def page(browser: Browser, served: httpx.Client) -> Iterator[Page]:
    """Shared, since these tests look more than they touch."""
    with visiting(browser, served) as visit:
        yield visit("#/models")


def card(page: Page, name: str) -> Locator:
    return page.locator("#models article").filter(has=page.get_by_role("heading", name=name))


def test_every_model_has_a_card_with_its_figures(page: Page, served: httpx.Client) -> None:
    expect(page.locator("#models [role=status]")).to_have_text("4 models are ready, 1 are not.")
    for model in served.get("/models").json()["models"]:
        if model["state"] == "ready":
            facts = card(page, model["name"]).locator("dl").first
            for exact in (model["parameters"], model["multiply_adds"]):
                expect(facts.get_by_title(f"{exact:,}", exact=True)).to_have_count(1)
            for name in model["metrics"]:
                expect(facts).to_contain_text(name.replace("_", " ").replace("f1", "F1"))


def test_iss_sizes_are_drawn_inside_the_dense_layers(page: Page) -> None:
    table = card(page, "lm-iss").get_by_role("table")
    expect(table).to_contain_text("4 of 8")
    rows = table.get_by_role("row")
    for index, (size, dense) in enumerate([(4, 8), (3, 6)]):
        widths = (
            rows.nth(index)
            .locator(".bar span")
            .evaluate_all("spans => spans.map((span) => span.getBoundingClientRect().width)")
        )
        track = rows.nth(index).locator(".bar").bounding_box()
        assert track is not None
        assert abs(widths[0] / track["width"] - dense / 8) < 0.02
        assert abs(widths[1] / track["width"] - size / 8) < 0.02


def test_a_readers_eight_layers_have_names(page: Page) -> None:
    heads = card(page, "reader-dense").get_by_role("rowheader")
    expect(heads).to_have_text(
        [
            f"{layer}, {direction}"
            for layer in ("contextual", "modelling 1", "modelling 2", "output")
            for direction in ("forward", "backward")
        ]
    )


def test_a_card_tells_how_the_model_was_made(page: Page) -> None:
    made = card(page, "lm-dense").get_by_text("How it was made")
    made.click()
    expect(card(page, "lm-dense").get_by_text("1 January 2026")).to_be_visible()
    expect(card(page, "lm-dense").get_by_text("0" * 40)).to_be_visible()


def test_a_model_that_failed_says_why(page: Page, served: httpx.Client) -> None:
    expect(card(page, "spoilt")).to_contain_text("failed")
    error = served.get("/models/spoilt").json()["error"]
    expect(card(page, "spoilt").locator(".problem")).to_contain_text(error[:40])


def test_quality_is_plotted_against_cost(page: Page) -> None:
    plot = page.get_by_role("img", name="test perplexity against multiply-adds: lm-dense 50")
    expect(plot.locator("circle")).to_have_count(2)
    dense, small = (plot.locator("circle").nth(index).bounding_box() for index in (0, 1))
    assert dense is not None
    assert small is not None
    assert small["x"] < dense["x"]  # fewer multiply-adds
    answer = page.locator(".card", has=page.get_by_role("heading", name="Trade-off: answer"))
    answer.get_by_label("Metric").select_option("exact_match")
    expect(answer.get_by_role("img", name="exact match against")).to_be_visible()


READERS = {
    "squad-bidaf-dense": (2_500_000, 74.9),
    "squad-bidaf-iss": (1_431_000, 75.6),
    "squad-bidaf-iss-finetune": (1_157_500, 73.7),
}
"""At 300 pixels the middle one's name has room on neither side."""
LANGUAGE_MODELS = {
    "ptb-gru-small-dense": (2_480_000, 100.1),
    "ptb-gru-small-iss": (2_290_163, 101.8),
    "ptb-lstm-large-dense": (51_000_000, 78.7),
    "ptb-lstm-large-iss": (6_661_300, 78.6),
    "ptb-lstm-small-dense": (2_640_000, 95.6),
    "ptb-lstm-small-iss": (1_825_392, 96.3),
    "ptb-rhn-small-dense": (3_346_432, 88.7),
    "ptb-rhn-small-iss": (1_865_788, 87.2),
    "ptb-rnn-small-dense": (2_160_000, 130.8),
    "ptb-rnn-small-iss": (2_110_889, 137.3),
}
"""Nine of them at the left end of a linear scale."""


@pytest.mark.parametrize("width", [300, 420, 900])
@pytest.mark.parametrize("made", [READERS, LANGUAGE_MODELS], ids=["readers", "language models"])
def test_no_name_in_the_plot_covers_a_point_or_another_name(
    page: Page, made: dict[str, tuple[float, float]], width: int
) -> None:
    models = [
        {"name": name, "multiply_adds": cost, "metrics": {"f1": value}}
        for name, (cost, value) in made.items()
    ]
    drawn: dict[str, list[dict[str, float]]] = page.evaluate(
        """async ({ models, width }) => {
          const { tradeOff } = await import("/page/trade_off.js");
          const plot = tradeOff(models, "f1", () => 1, width);
          document.querySelector("main").append(plot);
          const boxes = (selector) => [...plot.querySelectorAll(selector)]
            .map((element) => element.getBoundingClientRect().toJSON());
          return { points: boxes(".point"), names: boxes(".point + text"), ticks: boxes(".tick"),
                   plot: [plot.getBoundingClientRect().toJSON()] };
        }""",
        {"models": models, "width": width},
    )
    points, names, (plot,) = drawn["points"], drawn["names"], drawn["plot"]
    assert len(points) == len(names) == len(made)
    for name in names:
        assert plot["left"] <= name["left"]
        assert name["right"] <= plot["right"] + 1
        for other in (*points, *names, *drawn["ticks"]):
            apart = (
                other is name
                or name["right"] <= other["left"]
                or other["right"] <= name["left"]
                or name["bottom"] <= other["top"] + 4  # a line's box is higher than its letters
                or other["bottom"] <= name["top"] + 4
            )
            assert apart, (name, other)
