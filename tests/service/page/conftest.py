"""The page in a real browser, at a real service with tiny models of both tasks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from issrnn.artifact import load, save
from service.settings import Settings
from tests.artifacts import make_artifact, make_reader
from tests.service.running import running_service

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT_MS = 15_000
expect.set_options(timeout=WAIT_MS)

Visit = Callable[..., Page]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Two language models, two readers, and an artifact that cannot be read."""
    folder = tmp_path_factory.mktemp("page-models")
    make_artifact(folder / "lm-dense", seed=1)
    small = make_artifact(folder / "lm-iss", seed=2, hidden_sizes=(4, 3), variant="iss")
    card = small.card.model_copy(update={"dense_hidden_sizes": (8, 6)})
    save(folder / "lm-iss", card, load(folder / "lm-iss").weights, small.vocabulary)
    make_reader(folder / "reader-dense", seed=1)
    make_reader(folder / "reader-iss", seed=2, hidden_sizes=(3, 2, 4, 3, 2, 3, 4, 2), variant="iss")
    (folder / "spoilt").mkdir()
    (folder / "spoilt" / "config.json").write_text("{}")
    settings = Settings(models_dir=folder, port=0, pin_threads=False, max_text_chars=2000)
    with running_service(settings) as client:
        yield client


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Closed before other tests: Playwright's event loop, which runs all along, is theirs too."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the PATH; Debian's package is named chromium")
    with sync_playwright() as playwright:
        # without its sandbox, since tests may run as root; it sees the service's own page alone
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, served: httpx.Client) -> Iterator[Visit]:
    """Open the page at a fragment; afterwards nothing may have failed or asked another host."""
    faults: list[str] = []

    with ExitStack() as contexts:

        def open_page(fragment: str = "", base: str = "", **options: Any) -> Page:
            address = base or str(served.base_url).rstrip("/")
            context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
            contexts.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(WAIT_MS)
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda message: faults.extend(complaint(message.type, message.text)))
            page.on(
                "request",
                lambda request: (
                    None
                    if request.url.startswith(address)
                    else faults.append(f"asked {request.url}")
                ),
            )
            page.goto(f"{address}/{fragment}")
            return page

        yield open_page
    assert faults == []


@pytest.fixture
def visit(browser: Browser, served: httpx.Client) -> Iterator[Visit]:
    with visiting(browser, served) as open_page:
        yield open_page


def complaint(kind: str, text: str) -> list[str]:
    """What the console says of broken scripts and policies; not of refused requests."""
    serious = kind in ("error", "warning") and not text.startswith("Failed to load resource")
    return [text] if serious else []


def compare(served: httpx.Client, task: str, **request: object) -> Any:
    """What the page should show."""
    response = served.post("/compare", json={"task": task, "request": request})
    assert response.status_code == 200, response.text
    return response.json()
