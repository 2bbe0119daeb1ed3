"""Readable by everyone: in light and dark, on a phone, by a screen reader."""

from __future__ import annotations

from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # has none
from playwright.sync_api import Page, expect

from tests.service.page.conftest import Visit

RULES = {
    "light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "dark": {"type": "rule", "values": ["color-contrast"]},  # nothing else is different there
}
READY = {
    "#/score?text=the+stock+market+fell+in+gloom+and+it+rose+but+traders+said+no": ".line",
    "#/answer": "mark.best",
    "#/models": "svg.trade-off circle",
    "#/live": "canvas",
}


def ready(page: Page, what: str) -> None:
    expect(page.locator(f"main section:visible {what}").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_broken(visit: Visit, scheme: str) -> None:
    page = visit(color_scheme=scheme, reduced_motion="reduce")
    for fragment, what in READY.items():
        page.goto(page.url.partition("#")[0] + fragment)
        ready(page, what)
        if what == ".line":
            page.locator("button.token").first.hover()
        found = (
            Axe()
            .run(page, options={"runOnly": RULES[scheme], "resultTypes": ["violations"]})
            .response["violations"]
        )
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_surprise_can_be_told_apart_and_read(visit: Visit, scheme: str) -> None:
    page = visit(color_scheme=scheme)
    ready(page, ".legend")
    contrasts, lightness = page.evaluate(
        """() => {
          const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
          const luminance = (colour) => {
            canvas.fillStyle = colour;
            canvas.fillRect(0, 0, 1, 1);
            const linear = (part) =>
              part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
            const { data } = canvas.getImageData(0, 0, 1, 1);
            const [r, g, b] = [...data].map((part) => linear(part / 255));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const tokens = [...document.querySelectorAll(".legend .token")].slice(0, 6);
          const pairs = tokens.map((token) => {
            const style = getComputedStyle(token);
            return [luminance(style.backgroundColor), luminance(style.color)];
          });
          const contrast = ([a, b]) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
          return [pairs.map(contrast), pairs.map(([background]) => background)];
        }"""
    )
    assert len(contrasts) == 6
    assert min(contrasts) >= 4.5  # WCAG AA
    # ordered by lightness alone, so that no kind of colour blindness mixes them up
    assert lightness == sorted(lightness, reverse=scheme == "light")
    steps = [(max(a, b) + 0.05) / (min(a, b) + 0.05) for a, b in pairwise(lightness)]
    assert min(steps) > 1.1


def background(page: Page) -> str:
    colour: str = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return colour


def test_the_switch_counts_more_than_the_system_and_is_remembered(visit: Visit) -> None:
    page = visit(color_scheme="light")
    light = background(page)
    page.get_by_label("Colours").select_option("dark")
    dark = background(page)
    assert dark != light
    page.reload()
    assert background(page) == dark
    expect(page.get_by_label("Colours")).to_have_value("dark")
    page.get_by_label("Colours").select_option("system")
    assert background(page) == light
    page.emulate_media(color_scheme="dark")
    assert background(page) == dark


def test_charts_follow_the_colours(visit: Visit) -> None:
    page = visit("#/live", color_scheme="light")
    ready(page, "canvas")
    pixels = "document.querySelector('#live canvas').toDataURL()"
    before = page.evaluate(pixels)
    page.get_by_label("Colours").select_option("dark")
    assert page.evaluate(pixels) != before


@pytest.mark.parametrize("width", [360, 700])
def test_nothing_is_wider_than_a_narrow_screen(visit: Visit, width: int) -> None:
    page = visit(viewport={"width": width, "height": 700})
    for fragment, what in READY.items():
        page.goto(page.url.partition("#")[0] + fragment)
        ready(page, what)
        if what == ".line":
            page.locator("button.token").nth(3).focus()
            expect(page.get_by_role("tooltip")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == width, fragment


def test_the_landmarks_are_there(visit: Visit) -> None:
    page = visit()
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    expect(page.get_by_role("link", name="Score", exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    expect(page.locator("#score")).to_be_visible()
