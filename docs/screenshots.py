"""Pictures of the page at a running service, for README.md and docs/page.md.

Start the service, then ``python docs/screenshots.py``. It sends some traffic of its own, so that
the section Live has something to show. Needs the dependency group ``dev`` and chromium.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

__all__ = ["main"]

IMAGES = Path(__file__).parent / "images"
VIEWS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1200, "height": 1250}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1200, "height": 800}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}
SECTIONS = {
    "score": "score",
    "answer": "answer",
    "classify": "classify",
    "models": None,
    "live": None,
}
"""And the task without which there is nothing to see."""

SENTENCES = (
    "The bank cut its dividend.",
    "Traders said the market fell because investors expect interest rates to rise again soon.",
    "A spokesman for the company declined to comment on the report, which said that two plants in "
    "Ohio will be closed by the end of the year.",
)
REQUESTS: dict[str, tuple[str, tuple[dict[str, Any], ...]]] = {
    "score": ("/score", tuple({"texts": [sentence]} for sentence in SENTENCES)),
    "answer": (
        "/answer",
        ({"question": "What did the bank cut?", "context": " ".join(SENTENCES)},),
    ),
    "classify": (
        "/classify",
        (
            {"texts": ["A warm and funny film."]},
            {"texts": ["Two hours that I will never get back."]},
        ),
    ),
}
"""What a user asks a model of each task: where, and what in turn."""


def main() -> None:
    """Write ``docs/images/page-SECTION-VIEW.png``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", default="http://127.0.0.1:8000", help="its address")
    parser.add_argument("--seconds", type=float, default=45.0, help="of traffic before Live")
    parser.add_argument("--images", type=Path, default=IMAGES, help="folder to write into")
    arguments = parser.parse_args()
    address = arguments.service.rstrip("/")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no chromium on the PATH; Debian's package is named chromium")
    try:
        models = httpx.get(f"{address}/models").raise_for_status().json()["models"]
    except httpx.HTTPError as error:
        sys.exit(f"no service at {address}: {error}")
    ready = [model for model in models if model["state"] == "ready"]
    arguments.images.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for section, task in SECTIONS.items():
            if task is not None and task not in {model["task"] for model in ready}:
                print(f"{section}: left out, as no model of this task is served")  # noqa: T201
                continue
            seconds = arguments.seconds if section == "live" else 0.0
            for view, path in _photograph(browser, address, section, seconds, ready):
                (arguments.images / f"page-{section}-{view}.png").write_bytes(path)
                print(f"{arguments.images}/page-{section}-{view}.png")  # noqa: T201
        browser.close()


def _photograph(
    browser: Browser, address: str, section: str, seconds: float, models: list[dict[str, Any]]
) -> Iterator[tuple[str, bytes]]:
    """A section in every view; for Live all views are open while there is traffic."""
    pages = {view: browser.new_page(**options) for view, options in VIEWS.items()}
    for page in pages.values():
        page.goto(f"{address}/#/{section}")
    if seconds:
        with _traffic(address, models):
            pages["light"].wait_for_timeout(1000 * seconds)
    for view, page in pages.items():
        _settle(page, section, view)
        yield view, page.screenshot(full_page=view != "dark" or section != "models")
        page.close()


def _settle(page: Page, section: str, view: str) -> None:
    results = page.locator(f"#{section} .results > *").first
    results.wait_for()
    if section in ("score", "answer", "classify"):
        page.get_by_text("fastest of 7").wait_for()
    if section == "score" and view == "light":
        page.locator("#score .tokens").first.locator("button").nth(1).hover()
    page.wait_for_timeout(500)


@contextmanager
def _traffic(address: str, models: list[dict[str, Any]]) -> Iterator[None]:
    """Every model is asked by one user."""
    over = threading.Event()

    def user(model: dict[str, Any]) -> None:
        route, requests = REQUESTS[model["task"]]
        with httpx.Client(base_url=address, timeout=30) as client:
            for request in itertools.cycle(requests):
                client.post(route, json=request | {"model": model["name"]}).raise_for_status()
                if over.wait(0.1):
                    return

    users = [threading.Thread(target=user, args=(model,)) for model in models]
    for each in users:
        each.start()
    try:
        yield
    finally:
        over.set()
        for each in users:
            each.join()


if __name__ == "__main__":
    main()
