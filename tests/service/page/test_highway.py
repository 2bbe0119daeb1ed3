"""The page with a recurrent highway network and what ISS left of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from issrnn.artifact import save
from service.settings import Settings
from tests.artifacts import highway_architecture, make_artifact
from tests.service.page.conftest import visiting
from tests.service.running import running_service


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    make_artifact(tmp_path / "rhn-dense", architecture=highway_architecture(8))
    iss = make_artifact(
        tmp_path / "rhn-iss", architecture=highway_architecture(5), variant="iss", seed=2
    )
    card = iss.card.model_copy(update={"dense_hidden_sizes": (8,)})
    save(tmp_path / "rhn-iss", card, iss.weights, iss.vocabulary)
    with running_service(Settings(models_dir=tmp_path, port=0, pin_threads=False)) as client:
        yield client


def test_it_is_scored_and_has_a_card(browser: Browser, client: httpx.Client) -> None:
    with visiting(browser, client) as visit:
        page = visit("#/score?text=the+stock+market+fell")
        lines = page.locator("#score .line-head b")
        expect(lines).to_have_text(["rhn-dense", "rhn-iss"])
        page.goto(page.url.partition("#")[0] + "#/models")
        card = page.locator("#models article").filter(
            has=page.get_by_role("heading", name="rhn-iss")
        )
        expect(card).to_contain_text("iss · recurrent highway network · task score")
        expect(card.get_by_role("table")).to_contain_text("5 of 8")
        expect(card.get_by_role("rowheader")).to_have_text("highway")
        expect(card.locator("dl").first).to_contain_text("highway steps a word3")
